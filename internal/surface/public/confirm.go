package public

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"strings"

	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/profile"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/surface/convert"
)

//go:embed confirm.html
var confirmPage string

var (
	confirmTemplate = template.Must(template.New("confirm").Parse(confirmPage))
	confirmPolicy   = pagePolicy(confirmPage)
)

// pageReferrer is the Referrer-Policy of a page with a form. With no-referrer it would be posted with
// `Origin: null`, as if another site had made it.
const pageReferrer = "same-origin"

// pagePolicy allows a page its one style, and a form that is posted to this server.
func pagePolicy(page string) string {
	return "default-src 'none'; style-src '" + styleHash(page) + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}

// styleHash returns the Content-Security-Policy source of the one style of a page.
func styleHash(page string) string {
	_, after, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(after, "</style>")
	sum := sha256.Sum256([]byte(style))

	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

var (
	confirmTitle    = language.Text{Chinese: "修改账号邮箱", English: "Change your e-mail address"}
	confirmText     = language.Text{Chinese: "点击按钮后，您的 Toolkit 账号邮箱将改为：", English: "Press the button to change the e-mail address of your Toolkit account to:"}
	confirmButton   = language.Text{Chinese: "确认修改", English: "Change address"}
	confirmedTitle  = language.Text{Chinese: "邮箱已修改", English: "Your e-mail address was changed"}
	confirmedText   = language.Text{Chinese: "从现在起，请使用新邮箱登录。您可以关闭此页面。", English: "From now on, sign in with the new address. You can close this page."}
	unconfirmed     = language.Text{Chinese: "邮箱未修改", English: "Your e-mail address was not changed"}
	unconfirmedText = map[string]language.Text{
		code.ErrInvalid.Code: {
			Chinese: "链接不完整、已使用或已过期，或者发起修改的会话已结束。请登录后重新修改邮箱。",
			English: "The link is incomplete, already used or expired, or the session that requested it has ended. Sign in and change the address again.",
		},
		profile.ErrEmailTaken.Code: {
			Chinese: "该邮箱已被其他账号使用。",
			English: "This e-mail address is used by another account.",
		},
	}
)

// confirmation is what the page shows.
type confirmation struct {
	Language                          language.Language
	Title, Text, Email, Token, Button string
}

// ShowEmailConfirmation returns the page behind the link that goes to a new address. It changes nothing.
func (p *Public) ShowEmailConfirmation(
	ctx context.Context, r api.ShowEmailConfirmationRequestObject,
) (api.ShowEmailConfirmationResponseObject, error) {
	var page bytes.Buffer
	if err := confirmTemplate.Execute(&page, p.confirmation(origin.From(ctx).Language, r.Params)); err != nil {
		return nil, fmt.Errorf("render page: %w", err)
	}

	return api.ShowEmailConfirmation200TextHTMLCharsetUTF8Response{
		Body: &page, ContentLength: int64(page.Len()),
		Headers: api.ShowEmailConfirmation200ResponseHeaders{ContentSecurityPolicy: confirmPolicy, ReferrerPolicy: pageReferrer},
	}, nil
}

func (p *Public) confirmation(l language.Language, asked api.ShowEmailConfirmationParams) confirmation {
	failed := code.ErrInvalid.Code

	switch token := convert.Text(asked.Token); {
	case asked.Changed != nil:
		return confirmation{Language: l, Title: confirmedTitle.In(l), Text: confirmedText.In(l)}
	case asked.Error != nil:
		failed = string(*asked.Error)
	default:
		if email, err := p.profiles.LinkedEmail(token); err == nil {
			return confirmation{
				Language: l, Title: confirmTitle.In(l), Text: confirmText.In(l), Email: email, Token: token, Button: confirmButton.In(l),
			}
		}
	}

	return confirmation{Language: l, Title: unconfirmed.In(l), Text: unconfirmedText[failed].In(l)}
}

// ConfirmEmail changes the address as the link says, and redirects to the page with the outcome.
func (p *Public) ConfirmEmail(ctx context.Context, r api.ConfirmEmailRequestObject) (api.ConfirmEmailResponseObject, error) {
	outcome := url.Values{"changed": {"true"}}

	err := p.profiles.ConfirmEmail(ctx, r.Body.Token)
	if failed := (*problem.Problem)(nil); errors.As(err, &failed) && unconfirmedText[failed.Code] != (language.Text{}) {
		outcome = url.Values{"error": {failed.Code}}
	} else if err != nil {
		return nil, err
	}

	return api.ConfirmEmail303Response{
		Headers: api.ConfirmEmail303ResponseHeaders{Location: p.settings.EmailPage + "?" + outcome.Encode()},
	}, nil
}
