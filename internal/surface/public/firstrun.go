package public

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/bootstrap"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/registration"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

//go:embed firstrun.html
var firstRunPage string

var (
	firstRunTemplate = template.Must(template.New("firstrun").Parse(firstRunPage))
	firstRunPolicy   = pagePolicy(firstRunPage)
)

var (
	firstRunTitle   = language.Text{Chinese: "创建第一个管理员", English: "Create the first administrator"}
	firstRunText    = language.Text{Chinese: "此网关还没有管理员。新账号将加入成员组 Admin。", English: "This gateway has no administrator yet. The new account will be in the member group Admin."}
	firstRunButton  = language.Text{Chinese: "创建管理员", English: "Create administrator"}
	foundedTitle    = language.Text{Chinese: "管理员账号已创建", English: "The administrator account was created."}
	foundedText     = language.Text{Chinese: "请使用刚才填写的邮箱和密码登录控制台。", English: "Sign in to the console with the e-mail address and password that you have just entered."}
	unfoundedTitle  = language.Text{Chinese: "链接无效或已过期", English: "This link is invalid or has expired."}
	firstRunConsole = language.Text{Chinese: "前往控制台", English: "Go to the console"}
	unfoundedText   = language.Text{
		Chinese: "链接可能不完整、已使用、已过期或已被新链接取代，也可能已有管理员。如果您刚刚创建了管理员，请直接登录控制台；否则请运行 toolkit-gateway account first-run 获取新链接。",
		English: "The link is incomplete, already used, expired or replaced by a newer one, or there already is an administrator. If you have just created one, sign in to the console. Otherwise, run toolkit-gateway account first-run to get a new link.",
	}
	textRepeat = language.Text{Chinese: "两次输入的密码不一致", English: "The two passwords do not match."}
)

// setupPage is what the page shows.
type setupPage struct {
	Language             language.Language
	Title, Text, Console string
	Form                 *setupForm // nil if there is nothing to fill in
}

type setupForm struct {
	Token, Button string
	Fields        []setupField
}

type setupField struct {
	Name, Type, Fill, Label, Hint, Value, Fault string
	Most                                        int
	Focus                                       bool
}

// setupFields returns the empty fields of the form.
func setupFields(l language.Language) []setupField {
	label := func(chinese, english string) string { return language.Text{Chinese: chinese, English: english}.In(l) }

	return []setupField{
		{Name: "email", Type: "email", Fill: "username", Most: 254, Label: label("邮箱", "E-mail address")},
		{Name: "name", Type: "text", Fill: "name", Most: 64, Label: label("姓名", "Name")},
		{
			Name: "password", Type: "password", Fill: "new-password", Most: 1024, Label: label("密码", "Password"),
			Hint: label("不要使用常见密码，也不要与邮箱或姓名相近；长密码胜过复杂密码。", "Do not use a common password, or one close to the e-mail address or the name. A long password is better than a complicated one."),
		},
		{Name: "repeat", Type: "password", Fill: "new-password", Most: 1024, Label: label("再次输入密码", "Repeat password")},
	}
}

// ShowFirstRun returns the page behind the link that the operator receives. It changes nothing.
func (p *Public) ShowFirstRun(ctx context.Context, r api.ShowFirstRunRequestObject) (api.ShowFirstRunResponseObject, error) {
	l := origin.From(ctx).Language
	shown := setupPage{Language: l, Title: unfoundedTitle.In(l), Text: unfoundedText.In(l), Console: firstRunConsole.In(l)}

	if r.Params.Created != nil {
		shown.Title, shown.Text = foundedTitle.In(l), foundedText.In(l)
	} else if r.Params.Token != nil {
		err := p.firstRun.Check(ctx, *r.Params.Token)
		if err == nil {
			shown = emptySetupPage(l, *r.Params.Token)
		} else if !errors.Is(err, code.ErrInvalid) {
			return nil, err
		}
	}

	page, err := shown.render()
	if err != nil {
		return nil, err
	}

	return api.ShowFirstRun200TextHTMLCharsetUTF8Response{
		Body: page, ContentLength: int64(page.Len()),
		Headers: api.ShowFirstRun200ResponseHeaders{ContentSecurityPolicy: firstRunPolicy, ReferrerPolicy: pageReferrer},
	}, nil
}

func emptySetupPage(l language.Language, token string) setupPage {
	fields := setupFields(l)
	fields[0].Focus = true

	return setupPage{
		Language: l, Title: firstRunTitle.In(l), Text: firstRunText.In(l),
		Form: &setupForm{Token: token, Button: firstRunButton.In(l), Fields: fields},
	}
}

func (f setupPage) render() (*bytes.Buffer, error) {
	var page bytes.Buffer
	if err := firstRunTemplate.Execute(&page, f); err != nil {
		return nil, fmt.Errorf("render page: %w", err)
	}

	return &page, nil
}

// CreateFirstAdministrator creates the account, or shows the form again with its errors.
func (p *Public) CreateFirstAdministrator(
	ctx context.Context, r api.CreateFirstAdministratorRequestObject,
) (api.CreateFirstAdministratorResponseObject, error) {
	err := p.createAdministrator(ctx, *r.Body)

	faults := faultsOf(err)
	if faults != nil {
		return p.setupPageAgain(ctx, *r.Body, faults)
	}

	outcome := "?created=true"
	if errors.Is(err, code.ErrInvalid) {
		outcome = "?error=" + code.ErrInvalid.Code
	} else if err != nil {
		return nil, err
	}

	return api.CreateFirstAdministrator303Response{
		Headers: api.CreateFirstAdministrator303ResponseHeaders{Location: p.settings.FirstRunPage + outcome},
	}, nil
}

// createAdministrator reads the form. Only a caller with a valid link learns what is wrong with it.
func (p *Public) createAdministrator(ctx context.Context, filled api.FirstRunRequest) error {
	var faults []problem.Field

	email, err := account.ParseEmail(filled.Email)
	if err != nil {
		faults = append(faults, problem.Field{Name: "/email", Message: httpapi.FormatText("email")})
	}

	name, err := account.ParseName(filled.Name)
	if err != nil {
		faults = append(faults, problem.Field{Name: "/name", Message: httpapi.FormatText("display-name")})
	}

	if filled.Password != filled.Repeat {
		faults = append(faults, problem.Field{Name: "/repeat", Message: textRepeat})
	}

	if len(faults) > 0 {
		if err := p.firstRun.Check(ctx, filled.Token); err != nil {
			return err
		}

		return problem.ErrInvalidRequest.WithFields(faults...)
	}

	return p.firstRun.Create(ctx, filled.Token, bootstrap.Administrator{Email: email, Name: name, Password: filled.Password})
}

// faultsOf returns the fields of the form that the refusal is about, nil for none.
func faultsOf(err error) []problem.Field {
	refused, ok := errors.AsType[*problem.Problem](err)

	switch {
	case !ok:
		return nil
	case errors.Is(err, account.ErrEmailTaken), errors.Is(err, registration.ErrEmailNotAllowed):
		return []problem.Field{{Name: "/email", Message: language.Text{Chinese: refused.Message(language.Chinese), English: refused.Message(language.English)}}}
	}

	return refused.Fields
}

// setupPageAgain shows the form again with its content, except for the passwords.
func (p *Public) setupPageAgain(
	ctx context.Context, filled api.FirstRunRequest, faults []problem.Field,
) (api.CreateFirstAdministratorResponseObject, error) {
	shown := emptySetupPage(origin.From(ctx).Language, filled.Token)
	fields := shown.Form.Fields
	fields[0].Value, fields[1].Value, fields[0].Focus = filled.Email, filled.Name, false

	focused := false

	for i := range fields {
		for _, fault := range faults {
			if fault.Name == "/"+fields[i].Name {
				fields[i].Fault, fields[i].Focus, focused = fault.Message.In(shown.Language), !focused, true
			}
		}
	}

	page, err := shown.render()
	if err != nil {
		return nil, err
	}

	return api.CreateFirstAdministrator200TextHTMLCharsetUTF8Response{
		Body: page, ContentLength: int64(page.Len()),
		Headers: api.CreateFirstAdministrator200ResponseHeaders{ContentSecurityPolicy: firstRunPolicy, ReferrerPolicy: pageReferrer},
	}, nil
}
