package world

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

func (d *Gateway) RequireSecondFactor(tb testing.TB, address string) {
	tb.Helper()
	d.Exec(tb, "UPDATE member_group SET requires_totp = true WHERE name = 'Tester'")
	d.Exec(tb, "UPDATE account SET member_group = 'Tester' WHERE email = $1", address)
}

// owner of a phone: its number, and the code of a sign-in.
func (d *Gateway) BindPhone(tb testing.TB, address string) (phone, code string) {
	tb.Helper()

	phone = d.NewPhone()
	d.Exec(tb, "UPDATE account SET phone = $1 WHERE email = $2", phone, address)

	sent, err := d.Visitor.Client.SendSignInCodeWithResponse(tb.Context(), &client.SendSignInCodeParams{Phone: phone})
	if err != nil || sent.StatusCode() != http.StatusNoContent {
		tb.Fatalf("send sign-in code: %v %s", err, sent.Body)
	}

	return phone, d.Mail(tb, phone, 0).Code
}

// BindAuthenticator binds an app, and answers its secret.
func (d *Gateway) BindAuthenticator(tb testing.TB, browser *apptest.Browser) string {
	tb.Helper()

	address, secret, codes := d.PendingAuthenticator(tb, browser)

	bound, err := browser.Client.BindTOTPWithResponse(tb.Context(), client.BindTOTPRequest{Totp: &address, Tss: codes})
	if err != nil || bound.StatusCode() != http.StatusNoContent {
		tb.Fatalf("bind TOTP: %v %s", err, bound.Body)
	}

	return secret
}

// PendingAuthenticator is a secret that waits to be bound, with the codes of the step before this one and of this.
func (d *Gateway) PendingAuthenticator(tb testing.TB, browser *apptest.Browser) (address, secret string, codes []string) {
	tb.Helper()

	made, err := browser.Client.CreateTOTPWithResponse(tb.Context())
	if err != nil || made.JSON200 == nil {
		tb.Fatalf("create TOTP: %v %s", err, made.Body)
	}

	secret = SecretOf(tb, made.JSON200.Totp)

	return made.JSON200.Totp, secret, []string{d.TOTPCode(tb, secret, -1), d.TOTPCode(tb, secret, 0)}
}

// SecretOf reads the URL as an app does.
func SecretOf(tb testing.TB, text string) string {
	tb.Helper()

	u, err := url.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}

	return u.Query().Get("secret")
}

// TOTPCode is the code of a step, counted from now on.
func (d *Gateway) TOTPCode(tb testing.TB, secret string, steps int) string {
	tb.Helper()

	code, err := totp.GenerateCode(secret, d.Clock.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		tb.Fatal(err)
	}

	return code
}

// Person is somebody of their own, signed in with a browser, so that others keep what they have.
func (d *Gateway) Person(tb testing.TB) (string, *apptest.Browser) {
	tb.Helper()

	address := fmt.Sprintf("somebody.%d@konec.com.au", d.Fresh.Add(1))
	d.Account(tb, address)

	return address, d.SignedIn(tb, address)
}

// EmailLink asks for another address in the browser, and answers the link of the mail that goes there.
func (d *Gateway) EmailLink(tb testing.TB, browser *apptest.Browser, email string) *url.URL {
	tb.Helper()

	before := len(d.Mails(email))

	asked, err := browser.Client.ChangeUserWithResponse(tb.Context(), client.ChangeUserRequest{Key: "Email", Email: &email})
	if err != nil || asked.StatusCode() != http.StatusNoContent {
		tb.Fatalf("ask for %s: %v %s", email, err, asked.Body)
	}

	link, err := url.Parse(d.Mail(tb, email, before).Link)
	if err != nil || link.Query().Get("token") == "" {
		tb.Fatalf("the link is %v: %v", link, err)
	}

	return link
}

// PressLink is what the button of the link's page does, wherever it is opened: nobody is signed in there. It
// answers where the browser is sent to.
func (d *Gateway) PressLink(tb testing.TB, link *url.URL) string {
	tb.Helper()

	answer := Call{Method: http.MethodPost, Path: "/confirm_email", Body: "token=" + link.Query().Get("token")}.
		With("Content-Type", "application/x-www-form-urlencoded").
		With("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8").
		With("Origin", "https://gateway.test").With("Sec-Fetch-Site", "same-origin").
		To(tb, d.Server)
	if answer.Status != http.StatusSeeOther {
		tb.Fatalf("confirm: %s", answer)
	}

	return answer.Header.Get("Location")
}

const (
	LinkChanged = "https://gateway.test/confirm_email?changed=true"
	LinkInvalid = "https://gateway.test/confirm_email?error=CODE_INVALID"
	LinkTaken   = "https://gateway.test/confirm_email?error=EMAIL_TAKEN"
)

func (d *Gateway) Count(tb testing.TB, query string, args ...any) int {
	tb.Helper()

	var n int
	if err := d.Pool.QueryRow(tb.Context(), query, args...).Scan(&n); err != nil {
		tb.Fatal(err)
	}

	return n
}

// RemoveAdministrators leaves the gateway without an administrator, as nobody can by way of it.
func (d *Gateway) RemoveAdministrators(tb testing.TB) {
	tb.Helper()
	d.Exec(tb, "UPDATE account SET member_group = 'None'")
}

// LarkSubject is the subject that an account is bound to, empty for none.
func (d *Gateway) LarkSubject(tb testing.TB, email string) (subject string) {
	tb.Helper()

	err := d.Pool.QueryRow(tb.Context(), `
		SELECT coalesce(max(i.subject), '') FROM account a LEFT JOIN identity i ON i.account_id = a.id WHERE a.email = $1`, email).Scan(&subject)
	if err != nil {
		tb.Fatal(err)
	}

	return subject
}

// AccountID is an account's.
func (d *Gateway) AccountID(tb testing.TB, email string) (id string) {
	tb.Helper()

	if err := d.Pool.QueryRow(tb.Context(), "SELECT id FROM account WHERE email = $1", email).Scan(&id); err != nil {
		tb.Fatal(err)
	}

	return id
}

func (d *Gateway) Login(t *testing.T, email, password string) Reply {
	t.Helper()

	return d.Post(t, "login", map[string]any{"email": email, "password": password})
}

// Post calls an operation with a body.
func (d *Gateway) Post(t *testing.T, id string, values map[string]any) Reply {
	t.Helper()

	for _, o := range Operations() {
		if o.OperationID == id {
			c := Call{Method: o.Method, Path: o.Path, Body: o.Encode(values)}.With("Content-Type", o.Media())

			return c.To(t, d.Server)
		}
	}

	t.Fatalf("no operation %s", id)

	return Reply{}
}
