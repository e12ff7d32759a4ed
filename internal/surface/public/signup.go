package public

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

func (p *Public) signUpPage() mailPage {
	return mailPage{
		action: "/sign-up", url: p.settings.SignUpPage, linked: p.registrations.LinkedEmail,
		title:    language.Text{Chinese: "完成注册", English: "Complete your registration"},
		text:     language.Text{Chinese: "填写用户名和密码后，即可创建 Toolkit 账号。", English: "Choose a name and a password for your Toolkit account."},
		button:   language.Text{Chinese: "创建账号", English: "Create account"},
		done:     language.Text{Chinese: "账号已创建", English: "Your account was created."},
		doneText: language.Text{Chinese: "请打开 Toolkit，用邮箱和密码登录。您可以关闭此页面。", English: "Open Toolkit and sign in with your e-mail address and password. You can close this page."},
		undone: map[string]mailRefusal{
			code.ErrInvalid.Code: {mailInvalidTitle, language.Text{
				Chinese: "链接 10 分钟内有效，只能使用一次；此邮箱注册后，链接也会失效。如果您刚刚创建了账号，请直接登录；否则请在 Toolkit 中重新注册，使用新的邮件。",
				English: "A link is valid for 10 minutes and works once. It is void, too, once the address is registered. If you have just created your account, sign in. Otherwise, register again in Toolkit and use the new mail.",
			}},
			problem.ErrTooManyRequests.Code: {mailLimitedTitle, language.Text{
				Chinese: "您所在的网络失败次数过多，账号未创建。请换一个网络打开链接，或一小时后重新获取邮件。",
				English: "There were too many failed attempts from your network. No account was created. Open the link from another network, or get a new mail in an hour.",
			}},
		},
		fields: func(l language.Language) []formField {
			return append([]formField{nameField(l, language.Text{Chinese: "用户名", English: "Name"})}, passwordFields(l, language.Text{
				Chinese: "不要使用常见密码，也不要与邮箱或用户名相近；长密码胜过复杂密码。",
				English: "Do not use a common password, or one close to the e-mail address or the name. A long password is better than a complicated one.",
			})...)
		},
	}
}

// ShowSignUp returns the page behind the link in a mail with a registration code. It changes nothing.
func (p *Public) ShowSignUp(ctx context.Context, r api.ShowSignUpRequestObject) (api.ShowSignUpResponseObject, error) {
	failed := ""
	if r.Params.Error != nil {
		failed = string(*r.Params.Error)
	}

	shown, err := p.signUpPage().show(ctx, r.Params.Token, r.Params.Registered != nil, failed)
	if err != nil {
		return nil, err
	}

	page, err := shown.render()
	if err != nil {
		return nil, err
	}

	return api.ShowSignUp200TextHTMLCharsetUTF8Response{
		Body: page, ContentLength: int64(page.Len()),
		Headers: api.ShowSignUp200ResponseHeaders{ContentSecurityPolicy: formPolicy, ReferrerPolicy: pageReferrer},
	}, nil
}

// RegisterWithLink creates the account, or shows the form again with its faults.
func (p *Public) RegisterWithLink(ctx context.Context, r api.RegisterWithLinkRequestObject) (api.RegisterWithLinkResponseObject, error) {
	shown := p.signUpPage()

	err := p.registerWithLink(ctx, *r.Body)
	if faults := faultsOf(err); faults != nil {
		var again formPage
		if again, err = shown.again(ctx, r.Body.Token, map[string]string{"name": r.Body.Name}, faults); err == nil {
			return signUpAgain(again)
		}
	}

	to := shown.url + "?registered=true"
	if err != nil {
		if to, err = shown.outcome(err); err != nil {
			return nil, err
		}
	}

	return api.RegisterWithLink303Response{Headers: api.RegisterWithLink303ResponseHeaders{Location: to}}, nil
}

// registerWithLink reads the form. Only a caller with a valid link learns what is wrong with it.
func (p *Public) registerWithLink(ctx context.Context, filled api.SignUpRequest) error {
	var faults []problem.Field

	name, err := account.ParseName(filled.Name)
	if err != nil {
		faults = append(faults, problem.Field{Name: "/name", Message: httpapi.FormatText("display-name")})
	}

	if filled.Password != filled.Repeat {
		faults = append(faults, problem.Field{Name: "/repeat", Message: textRepeat})
	}

	if len(faults) > 0 {
		return problem.ErrInvalidRequest.WithFields(faults...)
	}

	_, err = p.registrations.RegisterWithLink(ctx, filled.Token, name, filled.Password)

	return err
}

func signUpAgain(shown formPage) (api.RegisterWithLinkResponseObject, error) {
	page, err := shown.render()
	if err != nil {
		return nil, err
	}

	return api.RegisterWithLink200TextHTMLCharsetUTF8Response{
		Body: page, ContentLength: int64(page.Len()),
		Headers: api.RegisterWithLink200ResponseHeaders{ContentSecurityPolicy: formPolicy, ReferrerPolicy: pageReferrer},
	}, nil
}
