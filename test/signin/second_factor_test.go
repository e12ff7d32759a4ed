package signin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// userWithSecondFactor creates a user in a group that requires a second factor, with an authenticator app, whose secret it
// returns, and recovery codes.
func userWithSecondFactor(tb testing.TB, g *world.Gateway) (address string, browser *apptest.Browser, secret string, codes []string) {
	tb.Helper()

	address, browser = g.NewUser(tb)
	secret = g.BindAuthenticator(tb, browser)

	made, err := browser.Client.CreateRecoveryCodesWithResponse(tb.Context())
	if err != nil || made.JSON200 == nil {
		tb.Fatalf("recovery codes: %v %s", err, made.Body)
	}

	g.RequireSecondFactor(tb, address)
	g.Exec(tb, "UPDATE session SET amr = '{pwd,otp,mfa}' WHERE account_id = $1", g.AccountID(tb, address))

	return address, browser, secret, made.JSON200.Codes
}

// countEvents counts the audit events of an action.
func countEvents(tb testing.TB, g *world.Gateway, action string) (n int) {
	tb.Helper()

	if err := g.Pool.QueryRow(tb.Context(), "SELECT count(*) FROM audit_event WHERE action = $1 AND account_id IS NOT NULL", action).Scan(&n); err != nil {
		tb.Fatal(err)
	}

	return n
}

// Contract, "successful sign-ins are never throttled": a sign-in in two steps, the first without the second factor
// because the client does not know that it is required, counts no failure of the network or of the day's budget.
func TestTwoStepSignInCountsNoFailure(t *testing.T) {
	t.Parallel()

	const people = 6

	g := world.NewGateway(t, func(c *apptest.Settings) { c.NetworkFailures, c.CodeGuessBudget, c.SendCooldown = 3, 3, time.Second })
	address, _, secret, codes := userWithSecondFactor(t, g)
	phone, _ := g.BindPhone(t, address)

	for i := range people {
		visitor := g.Browser(t)
		visitor.Load(t)

		steps := world.SignInCall(address, apptest.Password)
		body := func(totp string) string {
			return fmt.Sprintf(`{"email":%q,"password":%q%s}`, address, apptest.Password, totp)
		}

		if i%2 == 1 { // by SMS
			g.Exec(t, "DELETE FROM throttle WHERE key LIKE 'send %'")

			sent, err := visitor.Client.SendSignInCodeWithResponse(t.Context(), &client.SendSignInCodeParams{Phone: phone})
			if err != nil || sent.StatusCode() != http.StatusNoContent {
				t.Fatalf("send: %v %s", err, sent.Body)
			}

			code := g.Mail(t, phone, 1+i/2).Code
			steps.Path = "/login/sms"
			body = func(totp string) string { return fmt.Sprintf(`{"phone":%q,"code":%q%s}`, phone, code, totp) }
		}

		steps.Body = body("")
		if got := steps.InBrowser(t, g.Server, visitor); got.Problem.Code != "TOTP_REQUIRED" {
			t.Fatalf("sign-in %d without the second factor: %s", i, got)
		}

		second := codes[i]
		if i%2 == 1 { // a recovery code works behind a password only
			g.Clock.Advance(time.Minute)

			second = g.TOTPCode(t, secret, 0)
		}

		steps.Body = body(fmt.Sprintf(`,"totp":%q`, second))
		if got := steps.InBrowser(t, g.Server, visitor); got.Status != http.StatusNoContent {
			t.Fatalf("sign-in %d with the second factor: %s", i, got)
		}
	}

	var left int
	err := g.Pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM failure) + (SELECT COALESCE(sum(count), 0) FROM throttle WHERE key LIKE 'failures %' OR key LIKE 'failed-%')`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d failures are counted, %v", left, err)
	}

	// R-K6: a right first factor is an audit event.
	if n := countEvents(t, g, "sign_in.second_factor_asked"); n != people {
		t.Errorf("%d events, want %d", n, people)
	}
}

// Contract, "the last way in cannot be removed": in a group that requires a second factor, no member loses the last
// one.
func TestSecondFactorOfAGroupStays(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	address, browser, _, _ := userWithSecondFactor(t, g)
	unbind := world.Call{Method: http.MethodDelete, Path: "/user/totp"}

	if got := unbind.InBrowser(t, g.Server, browser); got.Problem.Code != "LAST_WAY_IN" {
		t.Errorf("in a group that requires it: %s", got)
	}

	g.Exec(t, "UPDATE account SET member_group = 'None' WHERE email = $1", address)

	if got := unbind.InBrowser(t, g.Server, browser); got.Status != http.StatusNoContent {
		t.Errorf("in another: %s", got)
	}
}

// R-C7, SEC-S4b: guesses that stop an authenticator as a way in by itself cause one mail to its owner, without any text of
// the attacker's. The responses do not change. Guesses behind the password stop nothing.
func TestOwnerIsNotifiedOfTheStoppedAuthenticator(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.FailuresFree, c.NetworkFailures = 100, 10_000 })
	address, browser := g.NewUser(t)
	g.BindAuthenticator(t, browser)

	for name, guess := range map[string]world.Call{
		"alone": {Method: http.MethodPost, Path: "/login/totp", Body: fmt.Sprintf(`{"email":%q,"code":"000000"}`, address)},
		"beside a password": {
			Method: http.MethodPost, Path: "/login", Body: fmt.Sprintf(`{"email":%q,"password":%q,"totp":"000000"}`, address, apptest.Password),
		},
	} {
		g.ChooseSecondFactor(t, address, name != "alone")

		guess = guess.With("Content-Type", "application/json").With("Accept-Language", "en").With("User-Agent", "planted words")
		before, events := len(authenticatorStoppedMails(g, address)), countEvents(t, g, "totp.stopped")

		g.Exec(t, "UPDATE totp SET failures = 96")
		g.Exec(t, "DELETE FROM failure")

		responses := map[string]bool{}

		for range 8 {
			got := guess.InBrowser(t, g.Server, g.Visitor)
			responses[fmt.Sprint(got.Status, got.Problem.Code)] = true
		}

		if len(responses) != 1 {
			t.Errorf("%s: responses %v", name, responses)
		}

		want := 0
		if name == "alone" {
			want = 1

			apptest.Eventually(t, "the mail", func() bool { return len(authenticatorStoppedMails(g, address)) > before })
		}

		if n := countEvents(t, g, "totp.stopped") - events; n != want || len(authenticatorStoppedMails(g, address)) != before+want {
			t.Errorf("%s: %d events, %d mails", name, n, len(authenticatorStoppedMails(g, address))-before)
		}
	}

	for _, text := range authenticatorStoppedMails(g, address) {
		if strings.Contains(text, "planted") {
			t.Errorf("the mail is %s", text)
		}
	}
}

// authenticatorStoppedMails returns the texts of the mails about a stopped authenticator.
func authenticatorStoppedMails(g *world.Gateway, address string) (texts []string) {
	for _, message := range g.Mails(address) {
		if message.Subject == "已暂停仅用验证码登录" {
			texts = append(texts, message.Text)
		}
	}

	return texts
}
