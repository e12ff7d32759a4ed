package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/config"
)

// always stand on every answer, whatever it is.
var always = map[string]string{
	"Strict-Transport-Security":  "max-age=63072000; includeSubDomains",
	"X-Content-Type-Options":     "nosniff",
	"Referrer-Policy":            "no-referrer",
	"Content-Security-Policy":    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
	"Cross-Origin-Opener-Policy": "same-origin",
	"Cache-Control":              "no-store",
}

// sometimes may stand beside them; anything else tells too much.
var sometimes = []string{
	"Content-Type", "Content-Length", "Date", "X-Request-Id", "Connection", "Retry-After", "Www-Authenticate", "Allow",
	"Access-Control-Allow-Origin", "Access-Control-Expose-Headers",
}

// sometimesConsole may stand on an answer to a console too, which has cookies, and pages that it answers and
// others.
var sometimesConsole = []string{"Set-Cookie", "Vary", "Access-Control-Allow-Credentials", "Location", "Etag"}

// setsCookies are the operations whose good answer sets cookies (contract, "cookies"). So do all answers that
// ask for another sign-in or another XSRF token, and no others.
var setsCookies = []string{
	"load", "signIn", "signInWithCode", "signInWithTOTP", "renewSession", "signOut", "authorizeLark",
}

// T-27, R-H7, R-F1: the table of headers is exact on every answer that the scenarios get from a healthy
// gateway, and outside the document.
func TestHeadersAreFixed(t *testing.T) {
	t.Parallel()

	d := newDesk(t, func(c *config.Config) {
		c.EmailDomains = []string{"konec.com.au"}
		c.Origins = []string{console}
	})

	byID := map[string]operation{}
	for _, o := range operations() {
		byID[o.OperationID] = o
	}

	for _, s := range scenarios {
		if s.at != open {
			continue
		}

		what, o := s.operation+" "+s.status+" "+s.code, byID[s.operation]
		c, origin := s.ask(t, d, o), ""

		if o.console() && s.code != "CROSS_SITE" {
			origin = console
			c = c.with("Origin", origin)
		}

		got := c.to(t, d.Server)
		if fmt.Sprint(got.status) != s.status || got.problem.Code != s.code {
			t.Errorf("%s: %s", what, got)
		}

		checkHeaders(t, what, &o, got)

		if o.console() {
			checkAllowed(t, what, origin, got)
		} else if got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s may be read by no page", what)
		}

		if want := s.code == "TOO_MANY_REQUESTS"; (got.header.Get("Retry-After") != "") != want {
			t.Errorf("%s: Retry-After %q", what, got.header.Get("Retry-After"))
		}

		fresh := s.status == "401" || s.code == "XSRF_INVALID" || s.code == "" && slices.Contains(setsCookies, s.operation)
		if want := o.public() && fresh || s.code == "XSRF_INVALID"; (len(got.header.Values("Set-Cookie")) > 0) != want {
			t.Errorf("%s: Set-Cookie %q", what, got.header.Values("Set-Cookie"))
		}

		if (got.header.Get("Location") != "") != strings.HasPrefix(s.status, "3") {
			t.Errorf("%s: Location %q", what, got.header.Get("Location"))
		}
	}

	for _, c := range []call{
		{method: http.MethodGet, path: "/nowhere"}, {method: http.MethodDelete, path: "/api/users/me"},
		{method: http.MethodGet, path: "/healthz"}, {method: http.MethodGet, path: "/readyz"}, {method: http.MethodPost, path: "/healthz"},
	} {
		checkHeaders(t, c.method+" "+c.path, nil, c.to(t, d.Server))
	}
}

// styles are the digests of what pages look like.
var styles = map[string]string{
	"showEmailConfirmation":    "x+hjC2YPunULBFWAIU6HIYEbG52xXwiSTx2z3lN8XkA=",
	"showFirstRun":             "8g8XlJ5Pq2t8skGjP9YIc2tPHQN1gle09L+7cuvIZAo=",
	"createFirstAdministrator": "8g8XlJ5Pq2t8skGjP9YIc2tPHQN1gle09L+7cuvIZAo=",
}

// ofPage are the headers that a page has otherwise: it has a style, and posts a form to us.
func ofPage(style string) map[string]string {
	return map[string]string{
		"Referrer-Policy": "same-origin",
		"Content-Security-Policy": "default-src 'none'; style-src 'sha256-" + style + "'; " +
			"form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	}
}

// otherMedia are the types of what is not JSON.
var otherMedia = map[string][]string{
	"getTOTPPicture":           {"image/svg+xml", "image/png"},
	"showEmailConfirmation":    {"text/html; charset=utf-8"},
	"showFirstRun":             {"text/html; charset=utf-8"},
	"createFirstAdministrator": {"text/html; charset=utf-8"},
}

// checkHeaders looks at an answer of an operation, or of none.
func checkHeaders(t *testing.T, what string, o *operation, got reply) {
	t.Helper()

	page := map[string]string{}
	if o != nil && styles[o.OperationID] != "" && got.status == http.StatusOK {
		page = ofPage(styles[o.OperationID])
	}

	for name, value := range always {
		if page[name] != "" {
			value = page[name]
		}

		if values := got.header.Values(name); !slices.Equal(values, []string{value}) {
			t.Errorf("%s: %s is %q, want %q", what, name, values, value)
		}
	}

	for name := range got.header {
		if _, fixed := always[name]; !fixed && !slices.Contains(sometimes, name) && !(o != nil && o.console() && slices.Contains(sometimesConsole, name)) {
			t.Errorf("%s: %s is %q, and should not be there", what, name, got.header.Get(name))
		}
	}

	media := got.header.Get("Content-Type")
	if o != nil && otherMedia[o.OperationID] != nil && got.status == http.StatusOK {
		if !slices.Contains(otherMedia[o.OperationID], media) {
			t.Errorf("%s: a body of %q", what, media)
		}
	} else if len(got.body) > 0 && media != "application/json" {
		t.Errorf("%s: a body of %q", what, media)
	}

	id := got.header.Get("X-Request-Id")
	if id == "" || got.problem.Code != "" && got.problem.RequestID != id {
		t.Errorf("%s: request id %q in the header and %q in the body", what, id, got.problem.RequestID)
	}
}

// R-F11, RFC 6750: what the challenge says about each kind of token.
func TestChallengeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()

	d := newDesk(t)

	const (
		plain     = "Bearer"
		invalid   = `Bearer error="invalid_token"`
		malformed = `Bearer error="invalid_request"`
	)

	last := d.tokens.AccessToken[len(d.tokens.AccessToken)-1:]
	altered := strings.TrimSuffix(d.tokens.AccessToken, last) + map[bool]string{true: "B", false: "A"}[last == "A"]

	for _, o := range operations() {
		if !o.secured("bearer") {
			continue
		}

		for name, one := range map[string]struct {
			values    []string
			status    int
			challenge string
		}{
			"none":            {nil, 401, plain},
			"another scheme":  {[]string{"Basic dXNlcjpwYXNz"}, 401, plain},
			"empty":           {[]string{""}, 401, plain},
			"no token":        {[]string{"Bearer"}, 400, malformed},
			"empty token":     {[]string{"Bearer "}, 400, malformed},
			"two words":       {[]string{"Bearer a b"}, 400, malformed},
			"two spaces":      {[]string{"Bearer  " + d.tokens.AccessToken}, 400, malformed},
			"comma":           {[]string{"Bearer a,Bearer b"}, 400, malformed},
			"two headers":     {[]string{"Bearer " + d.tokens.AccessToken, "Bearer " + d.tokens.AccessToken}, 400, malformed},
			"two schemes":     {[]string{"Basic dXNlcjpwYXNz", "Bearer " + d.tokens.AccessToken}, 400, malformed},
			"quoted":          {[]string{`Bearer "` + d.tokens.AccessToken + `"`}, 400, malformed},
			"no JWT":          {[]string{"Bearer nonsense"}, 401, invalid},
			"forged":          {[]string{"Bearer e30.e30.e30"}, 401, invalid},
			"refresh token":   {[]string{"Bearer " + d.tokens.RefreshToken}, 401, invalid},
			"altered at last": {[]string{"Bearer " + altered}, 401, invalid}, // F-12
			"padded":          {[]string{"Bearer " + d.tokens.AccessToken + "="}, 401, invalid},
			"cut":             {[]string{"Bearer " + d.tokens.AccessToken[:len(d.tokens.AccessToken)-1]}, 401, invalid},
			"four parts":      {[]string{"Bearer " + d.tokens.AccessToken + ".e30"}, 401, invalid},
		} {
			c := d.call(o).without("Authorization")
			if one.values != nil {
				c = c.with("Authorization", one.values...)
			}

			got := c.to(t, d.Server)
			if got.status != one.status || got.header.Get("WWW-Authenticate") != one.challenge {
				t.Errorf("%s, %s: %s, WWW-Authenticate %q, want %d %q", o.OperationID, name, got, got.header.Get("WWW-Authenticate"), one.status, one.challenge)
			}
		}
	}

	me := call{method: http.MethodGet, path: "/api/users/me"}
	expectStatus(t, d, me.with("Authorization", "bEARER "+d.tokens.AccessToken), http.StatusOK, "a scheme's case")
	expectStatus(t, d, me.with("Cookie", "__Host-TOKEN="+d.tokens.AccessToken+"; access_token="+d.tokens.AccessToken), http.StatusUnauthorized, "a cookie")
}

// T-27, R-H6, contract "other origins": any page may call the Toolkit surface, with a token of its own, and
// no browser adds a credential by itself. Who may call the public one is in public_origin_test.go.
func TestAnyOriginMayCall(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	origins := []string{
		"", "null", "https://evil.test", "http://app.test", "https://app.test.evil.test", "https://evilapp.test", "https://app.test:8443",
		"HTTPS://APP.TEST", "file://", "app://toolkit", "https://a.test, https://b.test", strings.Repeat(",", 10_000),
	}

	for _, o := range operations() {
		if o.console() {
			continue
		}

		for _, origin := range origins {
			preflight := call{method: http.MethodOptions, path: d.call(o).path}.
				with("Access-Control-Request-Method", o.method).
				with("Access-Control-Request-Headers", "authorization,content-type,x-request-id")
			c := d.call(o)

			if endsSessions(o) {
				c = c.without("Authorization")
			}

			if origin != "" {
				preflight, c = preflight.with("Origin", origin), c.with("Origin", origin).with("Sec-Fetch-Site", "cross-site")
			}

			asked := preflight.to(t, d.Server)
			if asked.status != http.StatusNoContent || len(asked.body) > 0 {
				t.Errorf("preflight of %s from %.40q: %s", o.path, origin, asked)
			}

			for name, want := range map[string]string{
				"Access-Control-Allow-Methods": methodsOf(o.path), "Access-Control-Allow-Headers": "*, Authorization", "Access-Control-Max-Age": "7200",
			} {
				if asked.header.Get(name) != want {
					t.Errorf("preflight of %s from %.40q: %s is %q, want %q", o.path, origin, name, asked.header.Get(name), want)
				}
			}

			for _, got := range []reply{asked, c.to(t, d.Server)} {
				if got.header.Get("Access-Control-Allow-Origin") != "*" || got.header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s from %.40q: %v", o.path, origin, got.header)
				}

				if got.status == http.StatusForbidden {
					t.Errorf("%s from %.40q: refused for its origin", o.path, origin)
				}
			}
		}
	}
}

// methodsOf lists the methods of the operations at a path.
func methodsOf(path string) string {
	var list []string

	for _, o := range operations() {
		if o.path == path {
			list = append(list, o.method)
		}
	}

	return strings.Join(list, ", ")
}

// A proxy's id is kept where it is plain; no other can be put into the log or the answer.
func TestRequestIDIsKeptOrReplaced(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	me := call{method: http.MethodGet, path: "/api/users/me"}

	for _, id := range []string{"abcdefgh", "01JD6Z7Q9W8X5V4T3S2R", strings.Repeat("a", 64), "a-b_c-d_0"} {
		if got := me.with("X-Request-Id", id).to(t, d.Server); got.header.Get("X-Request-Id") != id || got.problem.RequestID != id {
			t.Errorf("%q became %q", id, got.header.Get("X-Request-Id"))
		}
	}

	seen := map[string]bool{}

	for _, id := range []string{"", "short", strings.Repeat("a", 65), "with space", "quote\"quote", "<script>x", "日本語日本語", "a\tbcdefghi", "a.b.c.d.e.f"} {
		got := me.with("X-Request-Id", id).to(t, d.Server).header.Get("X-Request-Id")
		if got == id || len(got) != 24 || seen[got] {
			t.Errorf("%q became %q", id, got)
		}

		seen[got] = true
	}

	if log := d.Log.String(); !strings.Contains(log, "01JD6Z7Q9W8X5V4T3S2R") || strings.Contains(log, "<script>") {
		t.Error("the log knows an id that was refused, or not one that was kept")
	}
}
