package signin_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// reset sets a forgotten password with the mailed code.
func reset(t *testing.T, g *world.Gateway, address string) {
	t.Helper()

	world.ExpectStatus(t, g, world.QueryCall("/forget_code", "email", address), http.StatusNoContent, "a reset code")

	var code string

	apptest.Eventually(t, "a mail with a code", func() bool { // notices of before may arrive after it
		for _, mail := range g.Mails(address) {
			if mail.Subject == "您的重置密码验证码" {
				code = mail.Code
			}
		}

		return code != ""
	})

	body := map[string]any{"email": address, "code": code, "password": world.NewPassword}
	expectCode(t, g, "the reset", world.PostCall("/forget_reset", body).FromBrowser(g.Visitor), "")
}

func signInWith(t *testing.T, g *world.Gateway, address, password, second string) *apptest.Browser {
	t.Helper()

	browser := g.Browser(t)
	browser.Load(t)

	body := map[string]any{"email": address, "password": password}
	if second != "" {
		body["totp"] = second
	}

	if got := world.JSONCall(http.MethodPost, "/login", body).InBrowser(t, g.Server, browser); got.Status != http.StatusNoContent {
		t.Fatalf("sign in: %s", got)
	}

	return browser
}

// SEC-S5: a thief with a session binds an authenticator, a phone and a Lark identity, and makes recovery codes. After the
// owner's reset none of them opens the account, renews a session, or receives a code. What is older than seven days, and
// what the owner keeps, goes on.
func TestResetSuspendsWhatWasBoundLately(t *testing.T) {
	t.Parallel()

	for _, one := range []struct {
		name      string
		age       time.Duration
		suspended []client.SuspendableFactor
	}{
		{"lately", factor.RecentlyBound - time.Minute, []client.SuspendableFactor{"phone", "totp", "lark", "recovery_codes"}},
		{"long ago", factor.RecentlyBound + time.Minute, []client.SuspendableFactor{}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()

			g, f := world.LarkGateway(t, world.WithoutNetworkLimits)
			g.Clock.Stop()

			address, browser := g.NewUser(t)
			person := world.LarkPerson("thief")
			secret := g.BindAuthenticator(t, browser)
			phone := g.NewPhone()

			world.ExpectStatus(t, g, world.QueryCall("/user/phone_code", "phone", phone).FromBrowser(browser), http.StatusNoContent, "a code to the phone")
			expectCode(t, g, "bind the phone", world.PostCall("/user/phone", map[string]any{"phone": phone, "code": g.Mail(t, phone, 0).Code}).FromBrowser(browser), "")

			if to := f.Authorize(browser, world.LarkBind, person); to != world.LarkConsoleURL+"/zh-Hans/#/authorized" {
				t.Fatalf("bind Lark: %s", to)
			}

			g.Clock.Advance(one.age)
			reset(t, g, address)

			suspended := len(one.suspended) > 0
			refused := map[bool]string{true: "CODE_INVALID"}[suspended]

			expectCode(t, g, "the authenticator", totpCall(g, address, g.TOTPCode(t, secret, 0)), refused)

			to := f.Authorize(g.Browser(t), world.LarkLogin, person)
			if want := map[bool]string{true: world.LarkFailed("zh-Hans", "IDENTITY_NOT_BOUND"), false: world.LarkConsoleURL + "/zh-Hans/"}[suspended]; to != want {
				t.Errorf("Lark: %s, want %s", to, want)
			}

			before := len(g.Mails(phone))
			world.ExpectStatus(t, g, world.QueryCall("/login/sms", "phone", phone), http.StatusNoContent, "a code by SMS")

			if !suspended {
				g.Mail(t, phone, before)
			} else {
				// The worker sends in order: after a mail that was asked for later, a code would be there.
				mails := len(g.Mails(address))
				g.Clock.Advance(time.Minute)
				world.ExpectStatus(t, g, world.QueryCall("/forget_code", "email", address), http.StatusNoContent, "another mail")
				g.Mail(t, address, mails)

				if len(g.Mails(phone)) != before {
					t.Error("a code was sent to a suspended phone")
				}
			}

			// The owner's new session shows them, and does not confirm with them.
			g.Clock.Advance(time.Minute)

			owner := signInWith(t, g, address, world.NewPassword, "")
			if user := world.PublicUser(t, owner); !slices.Equal(user.Suspended, one.suspended) || user.Totp != "*" || user.Phone != "*" {
				t.Errorf("the user is %+v, want %v suspended", user, one.suspended)
			}

			confirm := world.PostCall("/user/reauthenticate", map[string]any{"totp": g.TOTPCode(t, secret, 0)})
			if got := confirm.InBrowser(t, g.Server, owner); got.Problem.Code != refused {
				t.Errorf("confirm with the authenticator: %s, want %q", got, refused)
			}

			for _, what := range one.suspended {
				if got := world.PostCall("/user/factors/"+string(what)+"/keep", nil).InBrowser(t, g.Server, owner); got.Status != http.StatusNoContent {
					t.Errorf("keep %s: %s", what, got)
				}
			}

			g.Clock.Advance(time.Minute)
			expectCode(t, g, "the authenticator, kept", totpCall(g, address, g.TOTPCode(t, secret, 0)), "")

			if to := f.Authorize(g.Browser(t), world.LarkLogin, person); to != world.LarkConsoleURL+"/zh-Hans/" {
				t.Errorf("Lark, kept: %s", to)
			}

			if user := world.PublicUser(t, owner); len(user.Suspended) != 0 {
				t.Errorf("still suspended: %v", user.Suspended)
			}
		})
	}
}

// SEC-S5: where two factors are asked for, a suspended authenticator is still asked for and accepted behind the new
// password, and behind nothing else. One that is bound anew is not suspended.
func TestSuspendedAuthenticatorStandsBehindTheNewPassword(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.WithoutNetworkLimits)
	g.Clock.Stop()

	address, browser := g.NewUser(t)
	secret := g.BindAuthenticator(t, browser)
	g.Exec(t, "UPDATE account SET phone_bound_at = now() - interval '30 days' WHERE email = $1", address)
	g.ChooseSecondFactor(t, address, true)
	reset(t, g, address)

	// An old phone is not suspended; the authenticator behind it is.
	phone, sms := g.BindPhone(t, address)
	expectCode(t, g, "a code by SMS and the suspended app",
		world.PostCall("/login/sms", map[string]any{"phone": phone, "code": sms, "totp": g.TOTPCode(t, secret, 1)}).FromBrowser(g.Visitor), "CODE_INVALID")
	expectCode(t, g, "the new password alone", passwordCall(g, world.PublicSurface, address, world.NewPassword, ""), "TOTP_REQUIRED")

	owner := signInWith(t, g, address, world.NewPassword, g.TOTPCode(t, secret, 1))
	if user := world.PublicUser(t, owner); !slices.Contains(user.Suspended, "totp") {
		t.Errorf("the user is not asked: %v", user.Suspended)
	}

	g.Clock.Advance(time.Minute)

	if got := (world.Call{Method: http.MethodDelete, Path: "/user/totp"}).InBrowser(t, g.Server, owner); got.Problem.Code != "LAST_WAY_IN" {
		t.Errorf("remove the app that is asked for: %s", got)
	}

	g.BindAuthenticator(t, owner)

	if user := world.PublicUser(t, owner); slices.Contains(user.Suspended, "totp") {
		t.Errorf("the new app is suspended: %v", user.Suspended)
	}
}
