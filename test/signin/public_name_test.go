package signin_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// The identifier of a browser from before a sign-in is void afterwards. A caller who knew it, or a token bound to it, cannot
// use it after the session has ended (R-H2, R-H3).
func TestSignInReplacesTheBrowserIdentifier(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	f.BindOwner(t, g, world.LarkPerson("zhang"))

	for name, signIn := range map[string]func(b *apptest.Browser){
		"password": func(b *apptest.Browser) { world.SignInCall(world.Owner, apptest.Password).InBrowser(t, g.Server, b) },
		"lark":     func(b *apptest.Browser) { f.Authorize(b, world.LarkLogin, world.LarkPerson("zhang")) },
	} {
		browser := g.Browser(t)
		browser.Load(t)

		planted, token := browser.Cookie("__Host-PRE"), browser.Cookie("XSRF-TOKEN")

		signIn(browser)
		world.ExpectSignedIn(t, name, browser, true)

		if got := world.SignOutCall().InBrowser(t, g.Server, browser); got.Status != http.StatusNoContent {
			t.Fatalf("%s: sign-out: %s", name, got)
		}

		if after := browser.Cookie("__Host-PRE"); after == planted || after == "" {
			t.Errorf("%s: the browser's identifier is %q, and was %q before the sign-in", name, after, planted)
		}

		if got := world.SignInCall(world.Owner, apptest.Password).With("X-XSRF-TOKEN", token).InBrowser(t, g.Server, browser); got.Problem.Code != "XSRF_INVALID" {
			t.Errorf("%s: with the token from before the sign-in: %s", name, got)
		}
	}
}
