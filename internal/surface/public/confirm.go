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
	confirmText     = language.Text{Chinese: "点击按钮后，Toolkit 账号的邮箱将改为此邮箱：", English: "Press the button to change the e-mail address of a Toolkit account to:"}
	confirmOwner    = language.Text{Chinese: "该账号目前的邮箱：", English: "The address of the account now:"}
	confirmButton   = language.Text{Chinese: "确认修改", English: "Change address"}
	confirmedTitle  = language.Text{Chinese: "邮箱已修改", English: "Your e-mail address was changed"}
	confirmedText   = language.Text{Chinese: "从现在起，请使用新邮箱登录。您可以关闭此页面。", English: "From now on, sign in with the new address. You can close this page."}
	unconfirmedText = map[string]language.Text{
		code.ErrInvalid.Code: {
			Chinese: "链接不完整、已使用或已过期，或者发起修改的会话已结束。如果要修改邮箱，请登录后重新操作。",
			English: "The link is incomplete, already used or expired, or the session that requested it has ended. To change the address, sign in and begin again.",
		},
		profile.ErrEmailTaken.Code: {
			Chinese: "该邮箱已被其他账号使用。",
			English: "This e-mail address is used by another account.",
		},
	}
)

// What the page says about a change that can be undone.
var (
	undoTitle = language.Text{Chinese: "撤销这次修改", English: "Undo this change"}
	undoTexts = map[profile.Undoable]language.Text{
		profile.UndoEmail:         {Chinese: "点击按钮后，账号邮箱将改回：", English: "Press the button to put the e-mail address of your account back to:"},
		profile.UndoPhone:         {Chinese: "点击按钮后，将解绑此手机号：", English: "Press the button to remove this phone number from your account:"},
		profile.UndoTOTP:          {Chinese: "点击按钮后，将移除新绑定的身份验证器及其恢复码。", English: "Press the button to remove the authenticator app that was bound, and its recovery codes."},
		profile.UndoRecoveryCodes: {Chinese: "点击按钮后，新生成的恢复码将作废。", English: "Press the button to void the recovery codes that were made."},
		profile.UndoLark:          {Chinese: "点击按钮后，将解绑新绑定的飞书账号。", English: "Press the button to remove the Lark account that was bound."},
	}
	undoAlso    = language.Text{Chinese: "所有设备上的登录也会结束。之后请立即重置密码。", English: "This also ends every session on all devices. Then reset your password at once."}
	undoButton  = language.Text{Chinese: "不是我，撤销", English: "It was not me: undo"}
	undoneTitle = language.Text{Chinese: "修改已撤销", English: "The change was undone"}
	undoneText  = language.Text{
		Chinese: "所有会话都已结束。请立即重置密码，然后重新登录。您可以关闭此页面。",
		English: "Every session has ended. Reset your password at once, then sign in again. You can close this page.",
	}
	restoreTitle  = language.Text{Chinese: "恢复账号", English: "Bring your account back"}
	restoreText   = language.Text{Chinese: "点击按钮后，您删除的 Toolkit 账号将恢复。", English: "Press the button to bring back the Toolkit account that was deleted."}
	restoreButton = language.Text{Chinese: "恢复账号", English: "Bring it back"}
	restoredTitle = language.Text{Chinese: "账号已恢复", English: "Your account is back"}
	restoredText  = language.Text{
		Chinese: "请重新登录。如果不是您本人删除的，请立即重置密码。您可以关闭此页面。",
		English: "Sign in again. If it was not you who deleted it, reset your password at once. You can close this page.",
	}
	unchangedTitle = language.Text{Chinese: "没有可以修改的内容", English: "Nothing was changed"}
)

// confirmation is what the page shows.
type confirmation struct {
	Language                          language.Language
	Title, Text, Email, Token, Button string
	More                              string // a further paragraph, or empty
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
	case asked.Restored != nil:
		return confirmation{Language: l, Title: restoredTitle.In(l), Text: restoredText.In(l)}
	case asked.Undone != nil:
		return confirmation{Language: l, Title: undoneTitle.In(l), Text: undoneText.In(l)}
	case asked.Error != nil:
		failed = string(*asked.Error)
	default:
		if link, err := p.profiles.LinkedEmail(token); err == nil {
			return confirmation{
				Language: l, Title: confirmTitle.In(l), Text: confirmText.In(l), Email: link.To, Token: token, Button: confirmButton.In(l),
				More: owner(l, link.From),
			}
		}

		if undo, err := p.profiles.UndoOf(token); err == nil {
			return undoing(l, undo, token)
		}
	}

	return confirmation{Language: l, Title: unchangedTitle.In(l), Text: unconfirmedText[failed].In(l)}
}

// owner says whose account it is: who receives a link may not know the account.
func owner(l language.Language, email string) string {
	if email == "" {
		return ""
	}

	return confirmOwner.In(l) + " " + email
}

func undoing(l language.Language, undo profile.Undo, token string) confirmation {
	if undo.What == profile.UndoDeletion {
		return confirmation{Language: l, Title: restoreTitle.In(l), Text: restoreText.In(l), Token: token, Button: restoreButton.In(l)}
	}

	shown := confirmation{
		Language: l, Title: undoTitle.In(l), Text: undoTexts[undo.What].In(l), Token: token, Button: undoButton.In(l), More: undoAlso.In(l),
	}
	if undo.What == profile.UndoEmail || undo.What == profile.UndoPhone {
		shown.Email = undo.Subject
	}

	return shown
}

// ConfirmEmail does what the link says, and redirects to the page with the outcome.
func (p *Public) ConfirmEmail(ctx context.Context, r api.ConfirmEmailRequestObject) (api.ConfirmEmailResponseObject, error) {
	outcome := url.Values{"changed": {"true"}}

	undo, err := p.profiles.UndoOf(r.Body.Token)
	if err == nil {
		outcome = url.Values{"undone": {"true"}}
		if undo.What == profile.UndoDeletion {
			outcome = url.Values{"restored": {"true"}}
		}

		err = p.profiles.Undo(ctx, undo)
	} else {
		err = p.profiles.ConfirmEmail(ctx, r.Body.Token)
	}

	if failed := (*problem.Problem)(nil); errors.As(err, &failed) && unconfirmedText[failed.Code] != (language.Text{}) {
		outcome = url.Values{"error": {failed.Code}}
	} else if err != nil {
		return nil, err
	}

	return api.ConfirmEmail303Response{
		Headers: api.ConfirmEmail303ResponseHeaders{Location: p.settings.EmailPage + "?" + outcome.Encode()},
	}, nil
}
