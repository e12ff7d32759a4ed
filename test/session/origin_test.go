package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/config"
)

const console = "https://console.konec.test"

// strangeOrigins are origins that are almost the console's, or none (V-24).
var strangeOrigins = []string{
	"null", "https://evil.test", "https://console.konec.test.evil.test", "https://evilconsole.konec.test", "https://sub.console.konec.test",
	"https://konec.test", "http://console.konec.test", "https://console.konec.test:8443", "https://console.konec.test:443",
	"HTTPS://CONSOLE.KONEC.TEST", "https://Console.konec.test", "https://console.konec.test.", "https://console.konec.test/",
	"https://console.konec.test, https://evil.test", "https://console.konec.test https://evil.test", "https://console.konec.test@evil.test",
	"https://evil.test#https://console.konec.test", "https://consolexkonec.test", "*", "file://", "console.konec.test",
}

func newConsoleDesk(t *testing.T) *desk {
	t.Helper()

	return newDesk(t, func(c *config.Config) { c.Origins = []string{"https://other.konec.test", console} })
}

// guarded says that another site must not make a browser ask this.
func (o operation) guarded() bool {
	if o.OperationID == "returnFromLark" {
		return false // Lark's page is another site; the state takes this guard's place (lark_test.go)
	}

	return o.console() && (o.method != http.MethodGet || o.Extensions["x-side-effects"] == true)
}

// R-H4, T-18, V-24: what changes, sends or mints something is refused where the browser says that another
// site asked, and else where the Origin is another; a configured origin is heard whatever the browser says.
func TestOtherSitesAreRefused(t *testing.T) {
	t.Parallel()

	d := newConsoleDesk(t)
	self := strings.Replace(d.URL, "http:", "https:", 1) // its own origin, as PUBLIC_URL and the Host header say

	type asked struct{ site, origin string }

	refused := []asked{{"cross-site", ""}, {"same-site", ""}, {"cross-site", self}, {"same-site", self}, {"Same-Origin", self}, {"x", ""}}
	heard := []asked{{"", ""}, {"same-origin", ""}, {"none", ""}, {"same-origin", self}, {"", self}, {"same-origin", "null"}}

	// The same host without TLS is whoever sits between the browser and us.
	for _, origin := range append([]string{d.URL}, strangeOrigins...) {
		refused = append(refused, asked{"", origin}, asked{"cross-site", origin}, asked{"same-site", origin})
	}

	for _, origin := range []string{console, "https://other.konec.test"} {
		for _, site := range []string{"", "cross-site", "same-site", "same-origin", "none"} {
			heard = append(heard, asked{site, origin})
		}
	}

	office := d.SignedIn(t, administrator)
	before, tried := effects(t, d.Env), 0

	for _, o := range operations() {
		if !o.console() {
			continue
		}

		// Heard, and without an effect: the validator comes last.
		c := d.call(o)
		if o.admin() {
			c = c.without("Authorization").from(office)
		}

		c.query = "unknown=1"

		for code, list := range map[string][]asked{"CROSS_SITE": refused, "INVALID_REQUEST": heard} {
			if !o.guarded() {
				code = "INVALID_REQUEST"
			}

			for _, from := range list {
				sent := c
				if from.site != "" {
					sent = sent.with("Sec-Fetch-Site", from.site)
				}

				if from.origin != "" {
					sent = sent.with("Origin", from.origin)
				}

				got := sent.to(t, d.Server)
				if got.problem.Code != code {
					t.Errorf("%s from %+v: %s, want %s", o.OperationID, from, got, code)
				}

				if code == "CROSS_SITE" && (got.status != http.StatusForbidden || len(got.header.Values("Set-Cookie")) > 0) {
					t.Errorf("%s from %+v: %s, cookies %q", o.OperationID, from, got, got.header.Values("Set-Cookie"))
				}

				checkAllowed(t, o.OperationID, from.origin, got)

				tried++
			}
		}
	}

	if after := effects(t, d.Env); after != before {
		t.Errorf("%s became %s", before, after)
	}

	if tried < 500 {
		t.Errorf("%d tried", tried)
	}
}

// checkAllowed says who may read the answer (R-H6).
func checkAllowed(t *testing.T, what, origin string, got reply) {
	t.Helper()

	want := [2]string{}
	if origin == console || origin == "https://other.konec.test" {
		want = [2]string{origin, "true"}
	}

	if is := [2]string{got.header.Get("Access-Control-Allow-Origin"), got.header.Get("Access-Control-Allow-Credentials")}; is != want {
		t.Errorf("%s from %q: allows %q, want %q", what, origin, is, want)
	}

	if !slices.Equal(got.header.Values("Vary"), []string{"Origin"}) {
		t.Errorf("%s from %q: Vary %q", what, origin, got.header.Values("Vary"))
	}
}

// R-H6, T-27, V-24: a preflight of the public surface names what the configured origins may do, and tells
// others nothing, however much they ask.
func TestPreflightsNameTheConsoleOnly(t *testing.T) {
	t.Parallel()

	d := newConsoleDesk(t)

	for _, o := range operations() {
		if !o.console() {
			continue
		}

		preflight := call{method: http.MethodOptions, path: d.call(o).path}.
			with("Access-Control-Request-Method", o.method).with("Access-Control-Request-Headers", "content-type,x-xsrf-token")

		for _, origin := range append([]string{"", console, d.URL}, strangeOrigins...) {
			asked := preflight
			if origin != "" {
				asked = asked.with("Origin", origin).with("Sec-Fetch-Site", "cross-site")
			}

			got := asked.to(t, d.Server)
			checkAllowed(t, "preflight of "+o.path, origin, got)

			// A path may fit several patterns: /user/phone is one of /user/{key} too.
			methods := strings.Split(got.header.Get("Access-Control-Allow-Methods"), ", ")
			if slices.Contains(methods, o.method) != (origin == console) {
				t.Errorf("preflight of %s from %q: methods %q, and it is %s", o.path, origin, methods, o.method)
			}

			want := map[string]string{"Access-Control-Allow-Headers": "", "Access-Control-Max-Age": ""}
			if origin == console {
				want = map[string]string{
					"Access-Control-Allow-Headers": "Content-Type, X-XSRF-TOKEN, X-Request-Id",
					"Access-Control-Max-Age":       "7200",
				}
			}

			if origin == console && o.admin() {
				want["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Idempotency-Key, If-Match, X-XSRF-TOKEN, X-Request-Id"
			}

			for name, value := range want {
				if got.header.Get(name) != value {
					t.Errorf("preflight of %s from %q: %s is %q, want %q", o.path, origin, name, got.header.Get(name), value)
				}
			}

			if got.status != http.StatusNoContent || len(got.body) > 0 || len(got.header.Values("Set-Cookie")) > 0 {
				t.Errorf("preflight of %s from %q: %s", o.path, origin, got)
			}
		}
	}

	// V-24: many commas cost nothing.
	long := call{method: http.MethodOptions, path: "/login"}.with("Origin", console).
		with("Access-Control-Request-Method", "POST").with("Access-Control-Request-Headers", strings.Repeat(",", 10_000))
	expectStatus(t, d, long, http.StatusNoContent, "commas")
}

// Contract, "other origins": what is configured for the console changes nothing for the apps.
func TestToolkitIsOpenBesideTheConsole(t *testing.T) {
	t.Parallel()

	d := newConsoleDesk(t)
	me := call{method: http.MethodGet, path: "/api/users/me"}.with("Authorization", "Bearer "+d.tokens.AccessToken)

	for _, origin := range append([]string{console}, strangeOrigins...) {
		for _, site := range []string{"cross-site", "same-site", "none"} {
			got := me.with("Origin", origin).with("Sec-Fetch-Site", site).to(t, d.Server)
			if got.status != http.StatusOK || got.header.Get("Access-Control-Allow-Origin") != "*" || got.header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("from %q, %s: %s %v", origin, site, got, got.header)
			}
		}
	}
}
