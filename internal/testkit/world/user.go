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

// RequireSecondFactor moves an account to a group that requires a second factor.
func (g *Gateway) RequireSecondFactor(tb testing.TB, address string) {
	tb.Helper()
	g.Exec(tb, "UPDATE member_group SET requires_totp = true WHERE name = 'Tester'")
	g.Exec(tb, "UPDATE account SET member_group = 'Tester' WHERE email = $1", address)
}

// ChooseSecondFactor lets the sign-ins of an account ask for two factors, as its user may choose.
func (g *Gateway) ChooseSecondFactor(tb testing.TB, address string, enabled bool) {
	tb.Helper()
	g.Exec(tb, "UPDATE account SET second_factor_since = CASE WHEN $1 THEN now() END WHERE email = $2", enabled, address)
}

// BindPhone binds a new phone to an account. It returns the number and a sign-in code that was sent to it.
func (g *Gateway) BindPhone(tb testing.TB, address string) (phone, code string) {
	tb.Helper()

	phone = g.NewPhone()
	g.Exec(tb, "UPDATE account SET phone = $1 WHERE email = $2", phone, address)

	sent, err := g.Visitor.Client.SendSignInCodeWithResponse(tb.Context(), &client.SendSignInCodeParams{Phone: phone})
	if err != nil || sent.StatusCode() != http.StatusNoContent {
		tb.Fatalf("send sign-in code: %v %s", err, sent.Body)
	}

	return phone, g.Mail(tb, phone, 0).Code
}

// BindAuthenticator binds an authenticator app to the browser's user and returns its secret.
func (g *Gateway) BindAuthenticator(tb testing.TB, browser *apptest.Browser) string {
	tb.Helper()

	address, secret, codes := g.PendingAuthenticator(tb, browser)

	bound, err := browser.Client.BindTOTPWithResponse(tb.Context(), client.BindTOTPRequest{Totp: &address, Tss: codes})
	if err == nil && bound.JSON400 != nil { // the next step of 30 seconds has begun meanwhile
		codes = []string{g.TOTPCode(tb, secret, -1), g.TOTPCode(tb, secret, 0)}
		bound, err = browser.Client.BindTOTPWithResponse(tb.Context(), client.BindTOTPRequest{Totp: &address, Tss: codes})
	}

	if err != nil || bound.JSON200 == nil {
		tb.Fatalf("bind TOTP: %v %s", err, bound.Body)
	}

	return secret
}

// PendingAuthenticator requests a secret for the browser's user. It returns the otpauth URL, the secret, and the codes of
// the previous step and the current one, which bind it.
func (g *Gateway) PendingAuthenticator(tb testing.TB, browser *apptest.Browser) (address, secret string, codes []string) {
	tb.Helper()

	made, err := browser.Client.CreateTOTPWithResponse(tb.Context())
	if err != nil || made.JSON200 == nil {
		tb.Fatalf("create TOTP: %v %s", err, made.Body)
	}

	secret = SecretOf(tb, made.JSON200.Totp)

	return made.JSON200.Totp, secret, []string{g.TOTPCode(tb, secret, -1), g.TOTPCode(tb, secret, 0)}
}

// SecretOf returns the secret in an otpauth URL.
func SecretOf(tb testing.TB, text string) string {
	tb.Helper()

	u, err := url.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}

	return u.Query().Get("secret")
}

// BindingCodes returns the codes of the previous time step and the current one. If little of the current step is left, it
// begins the next one first, because two steps later the first code is no longer accepted.
func (g *Gateway) BindingCodes(tb testing.TB, secret string) []string {
	tb.Helper()

	const step = 30 * time.Second

	if left := step - time.Duration(g.Clock.Now().UnixNano())%step; left < step/2 {
		g.Clock.Advance(left)
	}

	return []string{g.TOTPCode(tb, secret, -1), g.TOTPCode(tb, secret, 0)}
}

// TOTPCode returns the code of a time step, counted from the current one.
func (g *Gateway) TOTPCode(tb testing.TB, secret string, steps int) string {
	tb.Helper()

	code, err := totp.GenerateCode(secret, g.Clock.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		tb.Fatal(err)
	}

	return code
}

// NewUser creates an account and signs it in. It returns its address and its browser. Calls that change or end something
// use such a user instead of the owner, whom other calls need.
func (g *Gateway) NewUser(tb testing.TB) (string, *apptest.Browser) {
	tb.Helper()

	address := fmt.Sprintf("user.%d@konec.com.au", g.Sequence.Add(1))
	g.Account(tb, address)

	return address, g.SignedIn(tb, address)
}

// EmailLink requests a change of the user's address and returns the link in the mail to the new one.
func (g *Gateway) EmailLink(tb testing.TB, browser *apptest.Browser, email string) *url.URL {
	tb.Helper()

	before := len(g.Mails(email))

	asked, err := browser.Client.ChangeUserWithResponse(tb.Context(), client.ChangeUserRequest{Key: "Email", Email: &email})
	if err != nil || asked.StatusCode() != http.StatusNoContent {
		tb.Fatalf("request %s: %v %s", email, err, asked.Body)
	}

	link, err := url.Parse(g.Mail(tb, email, before).Link)
	if err != nil || link.Query().Get("token") == "" {
		tb.Fatalf("the link is %v: %v", link, err)
	}

	return link
}

// PostEmailLink sends the form of the link's page, from a browser that is not signed in, and returns the redirect.
func (g *Gateway) PostEmailLink(tb testing.TB, link *url.URL) string {
	tb.Helper()

	reply := Call{Method: http.MethodPost, Path: "/confirm_email", Body: "token=" + link.Query().Get("token")}.
		With("Content-Type", "application/x-www-form-urlencoded").
		With("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8").
		With("Origin", "https://gateway.test").With("Sec-Fetch-Site", "same-origin").
		To(tb, g.Server)
	if reply.Status != http.StatusSeeOther {
		tb.Fatalf("confirm: %s", reply)
	}

	return reply.Header.Get("Location")
}

// Where PostEmailLink is redirected.
const (
	LinkChanged = "https://gateway.test/confirm_email?changed=true"
	LinkInvalid = "https://gateway.test/confirm_email?error=CODE_INVALID"
	LinkTaken   = "https://gateway.test/confirm_email?error=EMAIL_TAKEN"
)

// Count returns the number that a SELECT returns.
func (g *Gateway) Count(tb testing.TB, query string, args ...any) int {
	tb.Helper()

	var n int
	if err := g.Pool.QueryRow(tb.Context(), query, args...).Scan(&n); err != nil {
		tb.Fatal(err)
	}

	return n
}

// RemoveAdministrators leaves the gateway without an administrator. No operation can do that.
func (g *Gateway) RemoveAdministrators(tb testing.TB) {
	tb.Helper()
	g.Exec(tb, "UPDATE account SET member_group = 'None'")
}

// LarkSubject returns the Lark subject that is bound to an account, or an empty string.
func (g *Gateway) LarkSubject(tb testing.TB, email string) (subject string) {
	tb.Helper()

	err := g.Pool.QueryRow(tb.Context(), `
		SELECT coalesce(max(i.subject), '') FROM account a LEFT JOIN identity i ON i.account_id = a.id WHERE a.email = $1`, email).Scan(&subject)
	if err != nil {
		tb.Fatal(err)
	}

	return subject
}

// AccountID returns the id of an account.
func (g *Gateway) AccountID(tb testing.TB, email string) (id string) {
	tb.Helper()

	if err := g.Pool.QueryRow(tb.Context(), "SELECT id FROM account WHERE email = $1", email).Scan(&id); err != nil {
		tb.Fatal(err)
	}

	return id
}

// Login signs an app in with a password.
func (g *Gateway) Login(t *testing.T, email, password string) Reply {
	t.Helper()

	return g.Post(t, "login", map[string]any{"email": email, "password": password})
}

// Post calls an operation with a body and no credential.
func (g *Gateway) Post(t *testing.T, id string, values map[string]any) Reply {
	t.Helper()

	return OperationOf(t, id).Call("", values).To(t, g.Server)
}
