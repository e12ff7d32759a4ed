package public

import (
	"context"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

func (p *Public) resetPage() mailPage {
	return mailPage{
		action: "/reset", url: p.settings.ResetPage, linked: p.recovery.LinkedEmail,
		title:    language.Text{Chinese: "设置新密码", English: "Set a new password"},
		text:     language.Text{Chinese: "设置后，此 Toolkit 账号的全部登录会话将结束。", English: "All sessions of this Toolkit account will end."},
		button:   language.Text{Chinese: "设置密码", English: "Set password"},
		done:     language.Text{Chinese: "密码已修改", English: "Your password was changed."},
		doneText: language.Text{Chinese: "全部登录会话已结束，请用新密码重新登录。您可以关闭此页面。", English: "All sessions have ended. Sign in again with the new password. You can close this page."},
		undone: map[string]mailRefusal{
			code.ErrInvalid.Code: {mailInvalidTitle, language.Text{
				Chinese: "链接 10 分钟内有效，只能使用一次；用同一封或另一封邮件重置密码后，链接也会失效。如果您刚刚设置了新密码，请直接登录；否则请在 Toolkit 中选择“忘记密码”，重新获取邮件。",
				English: "A link is valid for 10 minutes and works once. It is void, too, after this mail or another one has reset the password. If you have just set a new password, sign in with it. Otherwise, choose to reset the password in Toolkit and use the new mail.",
			}},
			problem.ErrTooManyRequests.Code: {mailLimitedTitle, language.Text{
				Chinese: "您所在的网络失败次数过多，密码未修改。请换一个网络打开链接，或一小时后重新获取邮件。",
				English: "There were too many failed attempts from your network. Your password was not changed. Open the link from another network, or get a new mail in an hour.",
			}},
		},
		fields: func(l language.Language) []formField {
			return passwordFields(l, language.Text{
				Chinese: "不要使用常见密码，也不要与邮箱相近；长密码胜过复杂密码。",
				English: "Do not use a common password, or one close to the e-mail address. A long password is better than a complicated one.",
			})
		},
	}
}

// ShowReset returns the page behind the link in a mail with a reset code. It changes nothing.
func (p *Public) ShowReset(ctx context.Context, r api.ShowResetRequestObject) (api.ShowResetResponseObject, error) {
	failed := ""
	if r.Params.Error != nil {
		failed = string(*r.Params.Error)
	}

	shown, err := p.resetPage().show(ctx, r.Params.Token, r.Params.Changed != nil, failed)
	if err != nil {
		return nil, err
	}

	page, err := shown.render()
	if err != nil {
		return nil, err
	}

	return api.ShowReset200TextHTMLCharsetUTF8Response{
		Body: page, ContentLength: int64(page.Len()),
		Headers: api.ShowReset200ResponseHeaders{ContentSecurityPolicy: formPolicy, ReferrerPolicy: pageReferrer},
	}, nil
}

// ResetWithLink sets a new password, or shows the form again with its faults.
func (p *Public) ResetWithLink(ctx context.Context, r api.ResetWithLinkRequestObject) (api.ResetWithLinkResponseObject, error) {
	shown := p.resetPage()

	err := p.resetWithLink(withDevice(ctx), *r.Body)
	if faults := faultsOf(err); faults != nil {
		var again formPage
		if again, err = shown.again(ctx, r.Body.Token, nil, faults); err == nil {
			return resetAgain(again)
		}
	}

	to := shown.url + "?changed=true"
	if err != nil {
		if to, err = shown.outcome(err); err != nil {
			return nil, err
		}
	}

	return api.ResetWithLink303Response{Headers: api.ResetWithLink303ResponseHeaders{Location: to}}, nil
}

// resetWithLink reads the form. Only a caller with a valid link learns what is wrong with it.
func (p *Public) resetWithLink(ctx context.Context, filled api.ResetWithLinkRequest) error {
	if filled.Password != filled.Repeat {
		return problem.ErrInvalidRequest.WithFields(problem.Field{Name: "/repeat", Message: textRepeat})
	}

	fresh, err := p.recovery.ResetWithLink(ctx, filled.Token, filled.Password)
	if err == nil {
		setDevice(ctx, fresh)
	}

	return err
}

func resetAgain(shown formPage) (api.ResetWithLinkResponseObject, error) {
	page, err := shown.render()
	if err != nil {
		return nil, err
	}

	return api.ResetWithLink200TextHTMLCharsetUTF8Response{
		Body: page, ContentLength: int64(page.Len()),
		Headers: api.ResetWithLink200ResponseHeaders{ContentSecurityPolicy: formPolicy, ReferrerPolicy: pageReferrer},
	}, nil
}
