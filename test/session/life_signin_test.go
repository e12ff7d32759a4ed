package session_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-H2, V-22, T-31: every way in makes a new cookie, takes none over that was planted, and ends the session
// that the browser had before, and no other. Of a password and of Lark the same is in
// TestSignInChangesTheSession and TestLarkSignInChangesTheSession.
func TestEveryWayInChangesTheSession(t *testing.T) {
	t.Parallel()

	d, f := world.LarkGateway(t, world.WithoutNetworkLimits)
	d.Clock.Stop()

	h := newHousehold(t, d, f, d.Server)
	browser := h.Browser(t)
	browser.Load(t)
	browser.SetCookie("__Host-TOKEN", strings.Repeat("A", 43))

	values := []string{cookieIn(h.kept.here), cookieIn(h.kept.there)}

	for _, way := range []struct {
		what, path string
		body       map[string]string
	}{
		{"a code by SMS", "/login/sms", map[string]string{"phone": h.kept.phone, "code": h.kept.sms}},
		{"the authenticator app", "/login/totp", map[string]string{"email": h.email, "code": h.TOTPCode(t, h.kept.secret, 1)}},
		{"a recovery code", "/login/totp", map[string]string{"email": h.email, "code": h.kept.recovery}},
	} {
		before, xsrf := browser.Copy(t, d.Server), browser.Cookie("XSRF-TOKEN")
		values = append(values, before.Cookie("__Host-TOKEN"))

		if got := world.SendCall(http.MethodPost, way.path, way.body).InBrowser(t, d.Server, browser); got.Status != http.StatusNoContent {
			t.Fatalf("%s: %s", way.what, got)
		}

		if slices.Contains(values, browser.Cookie("__Host-TOKEN")) || browser.Cookie("XSRF-TOKEN") == xsrf {
			t.Errorf("%s: a value that was there before", way.what)
		}

		world.ExpectSignedIn(t, way.what+": the value before it", before, false)
		world.ExpectSignedIn(t, way.what, browser, true)
	}

	world.ExpectSignedIn(t, "elsewhere", h.here, true)
	world.ExpectSignedIn(t, "elsewhere", h.there, true)
}
