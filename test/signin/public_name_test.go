package app_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// A name of before a sign-in is worth nothing after it: who knew it, and a token bound to it, knows nothing of
// the browser once its session has ended (R-H2, R-H3).
func TestSignInForgetsTheNameOfTheBrowser(t *testing.T) {
	t.Parallel()

	d, f := larkDesk(t)
	f.bound(t, d, somebody("zhang"))

	for name, signIn := range map[string]func(b *apptest.Browser){
		"password": func(b *apptest.Browser) { signInCall(owner, apptest.Password).in(t, d.Server, b) },
		"lark":     func(b *apptest.Browser) { f.travel(b, login, somebody("zhang")) },
	} {
		browser := d.Browser(t)
		browser.Load(t)

		planted, token := browser.Cookie("__Host-PRE"), browser.Cookie("XSRF-TOKEN")

		signIn(browser)
		expectSignedIn(t, name, browser, true)

		if got := signOutCall().in(t, d.Server, browser); got.status != http.StatusNoContent {
			t.Fatalf("%s: sign-out: %s", name, got)
		}

		if after := browser.Cookie("__Host-PRE"); after == planted || after == "" {
			t.Errorf("%s: the browser's name is %q, and was %q before the sign-in", name, after, planted)
		}

		if got := signInCall(owner, apptest.Password).with("X-XSRF-TOKEN", token).in(t, d.Server, browser); got.problem.Code != "XSRF_INVALID" {
			t.Errorf("%s: with the token of before the sign-in: %s", name, got)
		}
	}
}
