package world

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
)

// ResetMail requests a mail with a reset code and a link, and returns it.
func (g *Gateway) ResetMail(tb testing.TB, address string) inbox.Message {
	tb.Helper()

	before := len(g.Mails(address))

	sent, err := g.Visitor.Client.SendResetCodeWithResponse(tb.Context(), &client.SendResetCodeParams{Email: address})
	if err != nil || sent.StatusCode() != http.StatusNoContent {
		tb.Fatalf("send reset code: %v %s", err, sent.Body)
	}

	// A notice of an earlier change may come first.
	for {
		if mail := g.Mail(tb, address, before); mail.Code != "" {
			return mail
		}

		before++
	}
}

// SignUpMail requests a mail with a registration code and a link, and returns it.
func (g *Gateway) SignUpMail(tb testing.TB, address string) inbox.Message {
	tb.Helper()

	before := len(g.Mails(address))

	sent, err := g.Client.SendRegistrationCodeWithResponse(tb.Context(), client.SendCodeRequest{Email: address})
	if err != nil || sent.JSON200 == nil {
		tb.Fatalf("send code to %s: %v %s", address, err, sent.Body)
	}

	return g.Mail(tb, address, before)
}

// MailToken returns the token of the link in a mail.
func MailToken(tb testing.TB, mail inbox.Message) string {
	tb.Helper()

	link, err := url.Parse(mail.Link)
	if err != nil || link.Query().Get("token") == "" {
		tb.Fatalf("the link is %q: %v", mail.Link, err)
	}

	return link.Query().Get("token")
}

// ResetFormCall returns the form of the page behind the link of a reset, filled in correctly except for the changes.
func ResetFormCall(token string, changes map[string]string) Call {
	return mailFormCall("/reset", url.Values{"token": {token}, "password": {NewPassword}, "repeat": {NewPassword}}, changes)
}

// SignUpFormCall returns the form of the page behind the link of a registration, filled in likewise.
func SignUpFormCall(token string, changes map[string]string) Call {
	return mailFormCall("/sign-up", url.Values{"token": {token}, "name": {"New User"}, "password": {NewPassword}, "repeat": {NewPassword}}, changes)
}

func mailFormCall(path string, form url.Values, changes map[string]string) Call {
	for name, value := range changes {
		form.Set(name, value)
	}

	return Call{Method: http.MethodPost, Path: path, Body: form.Encode()}.
		With("Content-Type", "application/x-www-form-urlencoded").
		With("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8").With("Accept-Language", "en").
		With("Origin", "https://gateway.test").With("Sec-Fetch-Site", "same-origin")
}

// Where the two forms redirect.
const (
	ResetDone     = "https://gateway.test/reset?changed=true"
	ResetInvalid  = "https://gateway.test/reset?error=CODE_INVALID"
	ResetLimited  = "https://gateway.test/reset?error=TOO_MANY_REQUESTS"
	SignUpDone    = "https://gateway.test/sign-up?registered=true"
	SignUpInvalid = "https://gateway.test/sign-up?error=CODE_INVALID"
)

// BadResetForm returns the form of a valid link with two different passwords.
func BadResetForm(tb testing.TB, g *Gateway, _ Operation) Call {
	address, _ := g.NewUser(tb)

	return ResetFormCall(MailToken(tb, g.ResetMail(tb, address)), map[string]string{"repeat": "another"})
}

// BadSignUpForm returns likewise the form of a registration.
func BadSignUpForm(tb testing.TB, g *Gateway, _ Operation) Call {
	return SignUpFormCall(MailToken(tb, g.SignUpMail(tb, g.FreeAddress())), map[string]string{"repeat": "another"})
}

// MailLink returns the token of a link for the purpose and the address, without sending it.
func (s *Seeder) MailLink(t *testing.T, purpose code.Purpose, address string) string {
	t.Helper()

	token, err := s.Codes.IssueMailLink(t.Context(), s.Pool, purpose, address)
	if err != nil {
		t.Error(err)
	}

	return token
}
