package session_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// foreignOrigins are origins that are almost the console's, or none (V-24).
var foreignOrigins = []string{
	"null", "https://evil.test", "https://console.konec.test.evil.test", "https://evilconsole.konec.test", "https://sub.console.konec.test",
	"https://konec.test", "http://console.konec.test", "https://console.konec.test:8443", "https://console.konec.test:443",
	"HTTPS://CONSOLE.KONEC.TEST", "https://Console.konec.test", "https://console.konec.test.", "https://console.konec.test/",
	"https://console.konec.test, https://evil.test", "https://console.konec.test https://evil.test", "https://console.konec.test@evil.test",
	"https://evil.test#https://console.konec.test", "https://consolexkonec.test", "*", "file://", "console.konec.test",
}

func newConsoleGateway(t *testing.T) *world.Gateway {
	t.Helper()

	return world.NewGateway(t, func(c *apptest.Settings) { c.Origins = []string{"https://other.konec.test", world.ConsoleOrigin} })
}

// R-H4, T-18, V-24: what changes, sends or mints something is refused where the browser says that another
// site asked, and else where the Origin is another; a configured origin is heard whatever the browser says.
func TestOtherSitesAreRefused(t *testing.T) {
	t.Parallel()

	g := newConsoleGateway(t)
	self := strings.Replace(g.URL, "http:", "https:", 1) // its own origin, as PUBLIC_URL and the Host header say

	type asked struct{ site, origin string }

	refused := []asked{{"cross-site", ""}, {"same-site", ""}, {"cross-site", self}, {"same-site", self}, {"Same-Origin", self}, {"x", ""}}
	heard := []asked{{"", ""}, {"same-origin", ""}, {"none", ""}, {"same-origin", self}, {"", self}, {"same-origin", "null"}}

	// The same host without TLS is whoever sits between the browser and us.
	for _, origin := range append([]string{g.URL}, foreignOrigins...) {
		refused = append(refused, asked{"", origin}, asked{"cross-site", origin}, asked{"same-site", origin})
	}

	for _, origin := range []string{world.ConsoleOrigin, "https://other.konec.test"} {
		for _, site := range []string{"", "cross-site", "same-site", "same-origin", "none"} {
			heard = append(heard, asked{site, origin})
		}
	}

	administrator := g.SignedIn(t, world.Administrator)
	before, tried := world.PublicState(t, g.Env), 0

	for _, o := range world.Operations() {
		if !o.IsConsole() {
			continue
		}

		// Heard, and without an effect: the validator comes last.
		c := g.Call(o)
		if o.IsAdmin() {
			c = c.Without("Authorization").FromBrowser(administrator)
		}

		c.Query = "unknown=1"

		for code, list := range map[string][]asked{"CROSS_SITE": refused, "INVALID_REQUEST": heard} {
			if !o.RefusesOtherSites() {
				code = "INVALID_REQUEST"
			}

			for _, from := range list {
				sent := c
				if from.site != "" {
					sent = sent.With("Sec-Fetch-Site", from.site)
				}

				if from.origin != "" {
					sent = sent.With("Origin", from.origin)
				}

				got := sent.To(t, g.Server)
				if got.Problem.Code != code {
					t.Errorf("%s from %+v: %s, want %s", o.OperationID, from, got, code)
				}

				if code == "CROSS_SITE" && (got.Status != http.StatusForbidden || len(got.Header.Values("Set-Cookie")) > 0) {
					t.Errorf("%s from %+v: %s, cookies %q", o.OperationID, from, got, got.Header.Values("Set-Cookie"))
				}

				world.CheckAllowedOrigin(t, o.OperationID, from.origin, got)

				tried++
			}
		}
	}

	if after := world.PublicState(t, g.Env); after != before {
		t.Errorf("%s became %s", before, after)
	}

	if tried < 500 {
		t.Errorf("%d tried", tried)
	}
}

// R-H6, T-27, V-24: a preflight of the public surface names what the configured origins may do, and tells
// others nothing, however much they ask.
func TestPreflightsNameTheConsoleOnly(t *testing.T) {
	t.Parallel()

	g := newConsoleGateway(t)

	for _, o := range world.Operations() {
		if !o.IsConsole() {
			continue
		}

		preflight := world.Call{Method: http.MethodOptions, Path: g.Call(o).Path}.
			With("Access-Control-Request-Method", o.Method).With("Access-Control-Request-Headers", "content-type,x-xsrf-token")

		for _, origin := range append([]string{"", world.ConsoleOrigin, g.URL}, foreignOrigins...) {
			asked := preflight
			if origin != "" {
				asked = asked.With("Origin", origin).With("Sec-Fetch-Site", "cross-site")
			}

			got := asked.To(t, g.Server)
			world.CheckAllowedOrigin(t, "preflight of "+o.Path, origin, got)

			// A path may fit several patterns: /user/phone is one of /user/{key} too.
			methods := strings.Split(got.Header.Get("Access-Control-Allow-Methods"), ", ")
			if slices.Contains(methods, o.Method) != (origin == world.ConsoleOrigin) {
				t.Errorf("preflight of %s from %q: methods %q, and it is %s", o.Path, origin, methods, o.Method)
			}

			want := map[string]string{"Access-Control-Allow-Headers": "", "Access-Control-Max-Age": ""}
			if origin == world.ConsoleOrigin {
				want = map[string]string{
					"Access-Control-Allow-Headers": "Content-Type, X-XSRF-TOKEN, X-Request-Id",
					"Access-Control-Max-Age":       "7200",
				}
			}

			if origin == world.ConsoleOrigin && o.IsAdmin() {
				want["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Idempotency-Key, If-Match, X-XSRF-TOKEN, X-Request-Id"
			}

			for name, value := range want {
				if got.Header.Get(name) != value {
					t.Errorf("preflight of %s from %q: %s is %q, want %q", o.Path, origin, name, got.Header.Get(name), value)
				}
			}

			if got.Status != http.StatusNoContent || len(got.Body) > 0 || len(got.Header.Values("Set-Cookie")) > 0 {
				t.Errorf("preflight of %s from %q: %s", o.Path, origin, got)
			}
		}
	}

	// V-24: many commas cost nothing.
	long := world.Call{Method: http.MethodOptions, Path: "/login"}.With("Origin", world.ConsoleOrigin).
		With("Access-Control-Request-Method", "POST").With("Access-Control-Request-Headers", strings.Repeat(",", 10_000))
	world.ExpectStatus(t, g, long, http.StatusNoContent, "commas")
}

// Contract, "other origins": what is configured for the console changes nothing for the apps.
func TestToolkitIsOpenBesideTheConsole(t *testing.T) {
	t.Parallel()

	g := newConsoleGateway(t)
	me := world.Call{Method: http.MethodGet, Path: "/api/users/me"}.With("Authorization", "Bearer "+g.OwnerTokens.AccessToken)

	for _, origin := range append([]string{world.ConsoleOrigin}, foreignOrigins...) {
		for _, site := range []string{"cross-site", "same-site", "none"} {
			got := me.With("Origin", origin).With("Sec-Fetch-Site", site).To(t, g.Server)
			if got.Status != http.StatusOK || got.Header.Get("Access-Control-Allow-Origin") != "*" || got.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("from %q, %s: %s %v", origin, site, got, got.Header)
			}
		}
	}
}
