package session_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// foreignOrigins are origins that resemble the console's, or are not origins (V-24).
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

// R-H4, T-18, V-24: an operation that changes, sends or creates something is refused if the browser reports another
// site or, without that header, if the Origin is foreign. A configured origin is accepted whatever the browser reports.
func TestOtherSitesAreRefused(t *testing.T) {
	t.Parallel()

	g := newConsoleGateway(t)
	self := strings.Replace(g.URL, "http:", "https:", 1) // the gateway's own origin, as PUBLIC_URL and the Host header have it

	type asked struct{ site, origin string }

	refused := []asked{{"cross-site", ""}, {"same-site", ""}, {"cross-site", self}, {"same-site", self}, {"Same-Origin", self}, {"x", ""}}
	heard := []asked{{"", ""}, {"same-origin", ""}, {"none", ""}, {"same-origin", self}, {"", self}, {"same-origin", "null"}}

	// The same host without TLS is an attacker between the browser and the server.
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

		// The call is accepted, and has no effect: validation comes last.
		c := g.Call(o)
		if o.IsAdmin() {
			c = c.Without("Authorization").FromBrowser(administrator)
		}

		c.Query = "un;known" // which pages refuse, too

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

// R-H6, T-27, V-24: a preflight on the public surface tells configured origins what they may do, and tells other
// origins nothing, whatever they ask.
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

			// A path may match several patterns: /user/phone matches /user/{key} too.
			methods := strings.Split(got.Header.Get("Access-Control-Allow-Methods"), ", ")
			if slices.Contains(methods, o.Method) != (origin == world.ConsoleOrigin) {
				t.Errorf("preflight of %s from %q: methods %q, without %s", o.Path, origin, methods, o.Method)
			}

			allowed := strings.Split(got.Header.Get("Allow"), ", ")
			if origin == world.ConsoleOrigin && slices.ContainsFunc(methods, func(method string) bool { return !slices.Contains(allowed, method) }) {
				t.Errorf("preflight of %s: methods %q, and allowed are %q", o.Path, methods, allowed)
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

	// V-24: many commas cost no time.
	long := world.Call{Method: http.MethodOptions, Path: "/login"}.With("Origin", world.ConsoleOrigin).
		With("Access-Control-Request-Method", "POST").With("Access-Control-Request-Headers", strings.Repeat(",", 10_000))
	world.ExpectStatus(t, g, long, http.StatusNoContent, "commas")
}

// Contract, "other origins": the console's settings change nothing for the apps.
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
