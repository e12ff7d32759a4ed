package public

import (
	"context"
	"errors"

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
)

// setupFields returns the empty fields of the form.
func setupFields(l language.Language) []formField {
	return append([]formField{
		emailField(l),
		nameField(l, language.Text{Chinese: "姓名", English: "Name"}),
	}, passwordFields(l, language.Text{
		Chinese: "不要使用常见密码，也不要与邮箱或姓名相近；长密码胜过复杂密码。",
		English: "Do not use a common password, or one close to the e-mail address or the name. A long password is better than a complicated one.",
	})...)
}

// ShowFirstRun returns the page behind the link that the operator receives. It changes nothing.
func (p *Public) ShowFirstRun(ctx context.Context, r api.ShowFirstRunRequestObject) (api.ShowFirstRunResponseObject, error) {
	l := origin.From(ctx).Language
	shown := formPage{Language: l, Title: unfoundedTitle.In(l), Text: unfoundedText.In(l), Console: firstRunConsole.In(l)}

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
		Headers: api.ShowFirstRun200ResponseHeaders{ContentSecurityPolicy: formPolicy, ReferrerPolicy: pageReferrer},
	}, nil
}

func emptySetupPage(l language.Language, token string) formPage {
	return formPage{
		Language: l, Title: firstRunTitle.In(l), Text: firstRunText.In(l),
		Form: (&pageForm{Action: "/first_run", Token: token, Button: firstRunButton.In(l), Fields: setupFields(l)}).focus(),
	}
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
	shown.Form.keep(shown.Language, map[string]string{"email": filled.Email, "name": filled.Name}, faults)

	page, err := shown.render()
	if err != nil {
		return nil, err
	}

	return api.CreateFirstAdministrator200TextHTMLCharsetUTF8Response{
		Body: page, ContentLength: int64(page.Len()),
		Headers: api.CreateFirstAdministrator200ResponseHeaders{ContentSecurityPolicy: formPolicy, ReferrerPolicy: pageReferrer},
	}, nil
}
