package signin_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// passwordCall signs in with a password and perhaps a second factor, on either surface.
func passwordCall(g *world.Gateway, surface world.Surface, address, password, second string) world.Call {
	if surface == world.PublicSurface {
		body := map[string]any{"email": address, "password": password}
		if second != "" {
			body["totp"] = second
		}

		return world.PostCall("/login", body).FromBrowser(g.Visitor)
	}

	form := url.Values{"email": {address}, "password": {password}}
	if second != "" {
		form.Set("totp", second)
	}

	return world.Call{Method: http.MethodPost, Path: "/api/auth/login", Body: form.Encode()}.With("Content-Type", "application/x-www-form-urlencoded")
}

func totpCall(g *world.Gateway, address, code string) world.Call {
	return world.PostCall("/login/totp", map[string]any{"email": address, "code": code}).FromBrowser(g.Visitor)
}

// expectCode expects a refusal with the code, or success if the code is empty.
func expectCode(t *testing.T, g *world.Gateway, what string, c world.Call, want string) world.Reply {
	t.Helper()

	got := c.To(t, g.Server)
	if got.Problem.Code != want || (want == "") != (got.Status < 400) {
		t.Errorf("%s: %s, want %q", what, got, want)
	}

	return got
}

// SEC-S6, R-D9, T-28: where a user asks for two factors, no single one opens a session, and a recovery code stands behind
// the password only.
func TestOneOfTwoFactorsOpensNothing(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.WithManyFreeFailures)
	address, browser := g.NewUser(t)
	secret, recovery := g.BindAuthenticator(t, browser), world.RecoveryCode(t, browser)
	phone, sms := g.BindPhone(t, address)

	if got := world.JSONCall(http.MethodPut, "/user/second_factor", map[string]any{"enabled": true}).InBrowser(t, g.Server, browser); got.Status != http.StatusNoContent {
		t.Fatalf("ask for two factors: %s", got)
	}

	if user := world.PublicUser(t, browser); !user.SecondFactor || user.SecondFactorRequired {
		t.Errorf("the user is %+v", user)
	}

	apptest.Eventually(t, "a mail about it", func() bool {
		mails := g.Mails(address)

		return len(mails) > 0 && mails[0].Subject == "您的两步验证已更改"
	})

	withSMS := func(second string) world.Call {
		body := map[string]any{"phone": phone, "code": sms}
		if second != "" {
			body["totp"] = second
		}

		return world.PostCall("/login/sms", body).FromBrowser(g.Visitor)
	}

	expectCode(t, g, "the password", passwordCall(g, world.PublicSurface, address, apptest.Password, ""), "TOTP_REQUIRED")
	expectCode(t, g, "the password of an app", passwordCall(g, world.ToolkitSurface, address, apptest.Password, ""), "TOTP_REQUIRED")
	expectCode(t, g, "a code by SMS", withSMS(""), "TOTP_REQUIRED")
	expectCode(t, g, "the app", totpCall(g, address, g.TOTPCode(t, secret, 1)), "CODE_INVALID")
	expectCode(t, g, "a recovery code", totpCall(g, address, recovery), "CODE_INVALID")
	expectCode(t, g, "a code by SMS and a recovery code", withSMS(recovery), "CODE_INVALID")
	expectCode(t, g, "a code by SMS and the app", withSMS(g.TOTPCode(t, secret, 1)), "")
	expectCode(t, g, "the password and a recovery code", passwordCall(g, world.PublicSurface, address, apptest.Password, recovery), "")
	expectCode(t, g, "the same again", passwordCall(g, world.PublicSurface, address, apptest.Password, recovery), "INVALID_CREDENTIALS")
}

// SEC-S4, SEC-S3: a stranger who guesses at /login/totp reaches its stop, its delay and the day's budget, and keeps no one
// from using the authenticator behind the password.
func TestStrangersDoNotReachTheSecondFactor(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.BehindProxy, func(c *apptest.Settings) { c.TOTPGuessBudget, c.NetworkShare = 5, 1 })
	g.Clock.Stop()

	address, browser := g.NewUser(t)
	secret := g.BindAuthenticator(t, browser)

	for range 8 {
		totpCall(g, address, "000000").With("X-Forwarded-For", attackerAddress).To(t, g.Server)
	}

	g.Exec(t, "UPDATE totp SET failures = 100")
	expectCode(t, g, "alone", totpCall(g, address, g.TOTPCode(t, secret, 1)).With("X-Forwarded-For", unknownAddress), "TOO_MANY_REQUESTS")
	g.ChooseSecondFactor(t, address, true)

	both := passwordCall(g, world.ToolkitSurface, address, apptest.Password, g.TOTPCode(t, secret, 1))
	expectCode(t, g, "behind the password", both.With("X-Forwarded-For", unknownAddress), "")

	// The sign-in has opened /login/totp again for this account.
	if n := world.QueryValue[int](t, g.Pool, "SELECT failures FROM totp WHERE account_id = $1", g.AccountID(t, address)); n != 0 {
		t.Errorf("%d failures are left", n)
	}
}

// SEC-S4c: with TOTP_SIGN_IN=false nothing is counted at /login/totp, and no code is right.
func TestNothingIsCountedWhereTOTPIsOff(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.TOTPSignIn = false })
	address, browser := g.NewUser(t)
	secret := g.BindAuthenticator(t, browser)

	counts := func() int {
		return world.QueryValue[int](t, g.Pool, "SELECT (SELECT count(*) FROM failure) + (SELECT count(*) FROM throttle WHERE key LIKE 'fail%') + (SELECT sum(failures) FROM totp)")
	}

	before := counts()

	for range 12 {
		expectCode(t, g, "a wrong code", totpCall(g, address, "000000"), "CODE_INVALID")
		expectCode(t, g, "without an account", totpCall(g, "nobody@konec.test", "000000"), "CODE_INVALID")
	}

	expectCode(t, g, "a right code", totpCall(g, address, g.TOTPCode(t, secret, 1)), "CODE_INVALID")

	if after := counts(); after != before {
		t.Errorf("%d were counted", after-before)
	}
}

// SEC-S4c: wrong second factors delay the second factor at this place, not the password. A success clears them.
func TestWrongSecondFactorDelaysOnlyItself(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.FailuresFree = 3 })
	g.Clock.Stop()

	address, _, secret, _ := userWithSecondFactor(t, g)

	for range 3 {
		expectCode(t, g, "a wrong code", passwordCall(g, world.PublicSurface, address, apptest.Password, "000000"), "INVALID_CREDENTIALS")
	}

	expectCode(t, g, "the password alone", passwordCall(g, world.PublicSurface, address, apptest.Password, ""), "TOTP_REQUIRED")

	limited := expectCode(t, g, "the right code, too early", passwordCall(g, world.PublicSurface, address, apptest.Password, g.TOTPCode(t, secret, 1)), "TOO_MANY_REQUESTS")
	g.Clock.Advance(world.RetryAfter(t, limited))
	expectCode(t, g, "the right code", passwordCall(g, world.PublicSurface, address, apptest.Password, g.TOTPCode(t, secret, 0)), "")

	if n := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM failure"); n != 0 {
		t.Errorf("%d counts are left", n)
	}
}

// SEC-S6: the document's own tokens say how and when their user signed in.
func TestTokensSayHowTheUserSignedIn(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	g.Clock.Stop()

	address, browser := g.NewUser(t)
	one := g.SignIn(t, address)
	secret := g.BindAuthenticator(t, browser)
	g.ChooseSecondFactor(t, address, true)

	got := passwordCall(g, world.ToolkitSurface, address, apptest.Password, g.TOTPCode(t, secret, 1)).To(t, g.Server)

	var both client.Tokens
	if err := json.Unmarshal(got.Body, &both); err != nil || both.AccessToken == "" {
		t.Fatalf("two factors: %s", got)
	}

	signedInAt := g.Clock.Now().Unix()

	g.Clock.Advance(10 * time.Minute)

	_, renewed := g.Refresh(t, both.RefreshToken)
	if renewed == nil {
		t.Fatal("no refresh")
	}

	for what, c := range map[string]struct {
		token string
		want  []string
	}{"one factor": {one.AccessToken, []string{"pwd"}}, "two": {both.AccessToken, []string{"pwd", "otp", "mfa"}}, "two, renewed": {renewed.AccessToken, []string{"pwd", "otp", "mfa"}}} {
		var claims struct {
			Methods []string `json:"amr"`
			At      int64    `json:"auth_time"`
		}

		if err := json.Unmarshal([]byte(world.PayloadOf(t, c.token)), &claims); err != nil || !slices.Equal(claims.Methods, c.want) || claims.At != signedInAt {
			t.Errorf("%s: %+v, %v, want %v and %d", what, claims, err, c.want, signedInAt)
		}
	}
}
