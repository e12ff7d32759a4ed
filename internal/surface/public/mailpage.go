package public

import (
	"context"
	"errors"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// mailPage is what the two pages behind the links in mails with codes have in common: of a reset and of a registration.
type mailPage struct {
	action              string // its path
	url                 string // its address
	title, text, button language.Text
	done, doneText      language.Text
	undone              map[string]mailRefusal // by error code

	fields func(l language.Language) []formField // below the address
	// linked returns the address of a link, or code.ErrInvalid if it is not valid now.
	linked func(ctx context.Context, token string) (string, error)
}

// mailRefusal says why nothing was done, and what to do next.
type mailRefusal struct{ title, text language.Text }

// show returns the page for a link, or the outcome that the query names. It changes nothing.
func (m mailPage) show(ctx context.Context, token *string, done bool, failed string) (formPage, error) {
	l := origin.From(ctx).Language

	switch {
	case done:
		return formPage{Language: l, Title: m.done.In(l), Text: m.doneText.In(l)}, nil
	case failed == "" && token != nil:
		shown, err := m.form(ctx, *token)
		if err == nil || !errors.Is(err, code.ErrInvalid) {
			return shown, err
		}
	}

	refusal, known := m.undone[failed]
	if !known {
		refusal = m.undone[code.ErrInvalid.Code]
	}

	return formPage{Language: l, Title: refusal.title.In(l), Text: refusal.text.In(l)}, nil
}

// form returns the empty form of a link, or code.ErrInvalid.
func (m mailPage) form(ctx context.Context, token string) (formPage, error) {
	email, err := m.linked(ctx, token)
	if err != nil {
		return formPage{}, err
	}

	l := origin.From(ctx).Language
	fields := append([]formField{fixedEmail(l, email)}, m.fields(l)...)

	return formPage{
		Language: l, Title: m.title.In(l), Text: m.text.In(l),
		Form: (&pageForm{Action: m.action, Token: token, Button: m.button.In(l), Fields: fields}).focus(),
	}, nil
}

// outcome returns where the browser is redirected after an attempt that was refused, or the error if the document has no
// page for it.
func (m mailPage) outcome(err error) (string, error) {
	refused, ok := errors.AsType[*problem.Problem](err)
	if !ok {
		return "", err
	}

	if _, shown := m.undone[refused.Code]; !shown {
		return "", err
	}

	return m.url + "?error=" + refused.Code, nil
}

// again returns the form with its faults, or where the browser is redirected if the link is not valid any more.
func (m mailPage) again(ctx context.Context, token string, sent map[string]string, faults []problem.Field) (formPage, error) {
	shown, err := m.form(ctx, token)
	if err == nil {
		shown.Form.keep(shown.Language, sent, faults)
	}

	return shown, err
}

var (
	mailInvalidTitle = language.Text{Chinese: "链接无效或已过期", English: "This link is invalid or has expired."}
	mailLimitedTitle = language.Text{Chinese: "失败次数过多", English: "Too many failed attempts"}
)
