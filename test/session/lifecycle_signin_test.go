package session_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-H2, V-22, T-31: every sign-in method creates a new cookie, adopts none that was planted, and ends the session that
// the browser had before, and no other. TestSignInReplacesTheSession and TestLarkSignInReplacesTheSession show the same
// for a password and for Lark.
func TestEverySignInReplacesTheSession(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t, world.WithoutNetworkLimits)
	g.Clock.Stop()

	u := newLifecycleUser(t, g, f, g.Server)
	browser := u.Browser(t)
	browser.Load(t)
	browser.SetCookie("__Host-TOKEN", strings.Repeat("A", 43))

	values := []string{cookieIn(u.issued.thisBrowser), cookieIn(u.issued.otherBrowser)}

	for _, way := range []struct {
		what, path string
		body       map[string]string
	}{
		{"a code by SMS", "/login/sms", map[string]string{"phone": u.issued.phone, "code": u.issued.sms}},
		{"the authenticator app", "/login/totp", map[string]string{"email": u.email, "code": u.TOTPCode(t, u.issued.secret, 1)}},
		{"a password", "/login", map[string]string{"email": u.email, "password": u.password}},
	} {
		before, xsrf := browser.Copy(t, g.Server), browser.Cookie("XSRF-TOKEN")
		values = append(values, before.Cookie("__Host-TOKEN"))

		if got := world.JSONCall(http.MethodPost, way.path, way.body).InBrowser(t, g.Server, browser); got.Status != http.StatusNoContent {
			t.Fatalf("%s: %s", way.what, got)
		}

		if slices.Contains(values, browser.Cookie("__Host-TOKEN")) || browser.Cookie("XSRF-TOKEN") == xsrf {
			t.Errorf("%s: the cookie has an earlier value", way.what)
		}

		world.ExpectSignedIn(t, way.what+": the value before it", before, false)
		world.ExpectSignedIn(t, way.what, browser, true)
	}

	world.ExpectSignedIn(t, "elsewhere", u.thisBrowser, true)
	world.ExpectSignedIn(t, "elsewhere", u.otherBrowser, true)
}
