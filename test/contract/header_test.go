package contract_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// setsCookies are the operations whose successful response sets cookies (contract, "cookies"). Responses that require
// another sign-in or another XSRF token set them too, and no others do.
var setsCookies = []string{
	"load", "signIn", "signInWithCode", "signInWithTOTP", "renewSession", "signOut", "authorizeLark", "resetPassword", "reauthenticateBrowser", "signInWithLark",
	"signInWithMail", "authorizeLarkForApp", "deleteUser",
}

// T-27, R-H7, R-F1: every response that the scenarios get from a healthy gateway, and every response outside the
// document, has exactly the headers of the table.
func TestHeadersAreFixed(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) {
		c.EmailDomains = []string{"konec.com.au"}
		c.Origins = []string{world.ConsoleOrigin}
	})

	byID := map[string]world.Operation{}
	for _, o := range world.Operations() {
		byID[o.OperationID] = o
	}

	for _, s := range scenarios {
		if s.state != healthy {
			continue
		}

		what, o := s.operation+" "+s.status+" "+s.code, byID[s.operation]
		c, origin := s.call(t, g, o), ""

		if o.IsConsole() && s.code != "CROSS_SITE" {
			origin = world.ConsoleOrigin
			c = c.With("Origin", origin)
		}

		got := c.To(t, g.Server)
		if fmt.Sprint(got.Status) != s.status || got.Problem.Code != s.code {
			t.Errorf("%s: %s", what, got)
		}

		world.CheckHeaders(t, what, &o, got)

		if o.IsConsole() {
			world.CheckAllowedOrigin(t, what, origin, got)
		} else if got.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("no page may read %s", what)
		}

		if want := s.code == "TOO_MANY_REQUESTS"; (got.Header.Get("Retry-After") != "") != want {
			t.Errorf("%s: Retry-After %q", what, got.Header.Get("Retry-After"))
		}

		fresh := s.status == "401" || s.code == "XSRF_INVALID" || s.code == "" && slices.Contains(setsCookies, s.operation)
		if want := o.IsPublic() && fresh || s.code == "XSRF_INVALID"; (len(got.Header.Values("Set-Cookie")) > 0) != want {
			t.Errorf("%s: Set-Cookie %q", what, got.Header.Values("Set-Cookie"))
		}

		if (got.Header.Get("Location") != "") != strings.HasPrefix(s.status, "3") {
			t.Errorf("%s: Location %q", what, got.Header.Get("Location"))
		}
	}

	for _, c := range []world.Call{
		{Method: http.MethodGet, Path: "/nowhere"}, {Method: http.MethodDelete, Path: "/api/users/me"},
		{Method: http.MethodGet, Path: "/healthz"}, {Method: http.MethodGet, Path: "/readyz"}, {Method: http.MethodPost, Path: "/healthz"},
	} {
		world.CheckHeaders(t, c.Method+" "+c.Path, nil, c.To(t, g.Server))
	}
}

// R-F11, RFC 6750: the challenge for each kind of token.
func TestChallengeNamesTheFault(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	const (
		plain     = "Bearer"
		invalid   = `Bearer error="invalid_token"`
		malformed = `Bearer error="invalid_request"`
	)

	last := g.OwnerTokens.AccessToken[len(g.OwnerTokens.AccessToken)-1:]
	altered := strings.TrimSuffix(g.OwnerTokens.AccessToken, last) + map[bool]string{true: "B", false: "A"}[last == "A"]

	for _, o := range world.Operations() {
		if !o.RequiresScheme("bearer") {
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
			"two spaces":      {[]string{"Bearer  " + g.OwnerTokens.AccessToken}, 400, malformed},
			"comma":           {[]string{"Bearer a,Bearer b"}, 400, malformed},
			"two headers":     {[]string{"Bearer " + g.OwnerTokens.AccessToken, "Bearer " + g.OwnerTokens.AccessToken}, 400, malformed},
			"two schemes":     {[]string{"Basic dXNlcjpwYXNz", "Bearer " + g.OwnerTokens.AccessToken}, 400, malformed},
			"quoted":          {[]string{`Bearer "` + g.OwnerTokens.AccessToken + `"`}, 400, malformed},
			"no JWT":          {[]string{"Bearer nonsense"}, 401, invalid},
			"forged":          {[]string{"Bearer e30.e30.e30"}, 401, invalid},
			"refresh token":   {[]string{"Bearer " + g.OwnerTokens.RefreshToken}, 401, invalid},
			"altered at last": {[]string{"Bearer " + altered}, 401, invalid}, // F-12
			"padded":          {[]string{"Bearer " + g.OwnerTokens.AccessToken + "="}, 401, invalid},
			"cut":             {[]string{"Bearer " + g.OwnerTokens.AccessToken[:len(g.OwnerTokens.AccessToken)-1]}, 401, invalid},
			"four parts":      {[]string{"Bearer " + g.OwnerTokens.AccessToken + ".e30"}, 401, invalid},
		} {
			c := g.Call(o).Without("Authorization")
			if one.values != nil {
				c = c.With("Authorization", one.values...)
			}

			got := c.To(t, g.Server)
			if got.Status != one.status || got.Header.Get("WWW-Authenticate") != one.challenge {
				t.Errorf("%s, %s: %s, WWW-Authenticate %q, want %d %q", o.OperationID, name, got, got.Header.Get("WWW-Authenticate"), one.status, one.challenge)
			}
		}
	}

	me := world.Call{Method: http.MethodGet, Path: "/api/users/me"}
	world.ExpectStatus(t, g, me.With("Authorization", "bEARER "+g.OwnerTokens.AccessToken), http.StatusOK, "a scheme's case")
	world.ExpectStatus(t, g, me.With("Cookie", "__Host-TOKEN="+g.OwnerTokens.AccessToken+"; access_token="+g.OwnerTokens.AccessToken), http.StatusUnauthorized, "a cookie")
}

// T-27, R-H6, contract "other origins": any page may call the Toolkit surface with a token of its own, because no
// browser adds that credential by itself. For the public surface see test/session/origin_test.go.
func TestAnyOriginMayCall(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	origins := []string{
		"", "null", "https://evil.test", "http://app.test", "https://app.test.evil.test", "https://evilapp.test", "https://app.test:8443",
		"HTTPS://APP.TEST", "file://", "app://toolkit", "https://a.test, https://b.test", strings.Repeat(",", 10_000),
	}

	for _, o := range world.Operations() {
		if o.IsConsole() {
			continue
		}

		for _, origin := range origins {
			preflight := world.Call{Method: http.MethodOptions, Path: g.Call(o).Path}.
				With("Access-Control-Request-Method", o.Method).
				With("Access-Control-Request-Headers", "authorization,content-type,x-request-id")
			c := g.Call(o)

			if endsSessions(o) {
				c = c.Without("Authorization")
			}

			if origin != "" {
				preflight, c = preflight.With("Origin", origin), c.With("Origin", origin).With("Sec-Fetch-Site", "cross-site")
			}

			asked := preflight.To(t, g.Server)
			if asked.Status != http.StatusNoContent || len(asked.Body) > 0 {
				t.Errorf("preflight of %s from %.40q: %s", o.Path, origin, asked)
			}

			for name, want := range map[string]string{
				"Access-Control-Allow-Methods": methodsOf(o.Path), "Access-Control-Allow-Headers": "*, Authorization", "Access-Control-Max-Age": "7200",
			} {
				if asked.Header.Get(name) != want {
					t.Errorf("preflight of %s from %.40q: %s is %q, want %q", o.Path, origin, name, asked.Header.Get(name), want)
				}
			}

			for _, got := range []world.Reply{asked, c.To(t, g.Server)} {
				if got.Header.Get("Access-Control-Allow-Origin") != "*" || got.Header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s from %.40q: %v", o.Path, origin, got.Header)
				}

				if got.Status == http.StatusForbidden {
					t.Errorf("%s from %.40q: refused for its origin", o.Path, origin)
				}
			}
		}
	}
}

// methodsOf lists the methods of the operations at a path.
func methodsOf(path string) string {
	var list []string

	for _, o := range world.Operations() {
		if o.Path == path {
			list = append(list, o.Method)
		}
	}

	return strings.Join(list, ", ")
}

// The message of an error is in the caller's language, and Chinese if the caller names none.
func TestErrorMessageIsInTheCallersLanguage(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	me := world.Call{Method: http.MethodGet, Path: "/api/users/me"}

	for header, want := range map[string]language.Language{
		"en": language.English, "en-AU,zh;q=0.5": language.English, "zh-CN": language.Chinese, "fr": language.Chinese, "": language.Chinese,
	} {
		message := problem.ErrUnauthenticated.Message(want)
		if got := me.With("Accept-Language", header).To(t, g.Server); got.Problem.Message != message {
			t.Errorf("%q: %s, want %s", header, got, message)
		}
	}
}

// SEC-S23: a proxy's request id is kept if it is plain, and no one else's. No other text gets into the log or the
// response.
func TestRequestIDIsKeptOrReplaced(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.BehindProxy)
	me := world.Call{Method: http.MethodGet, Path: "/api/users/me"}

	for _, id := range []string{"abcdefgh", "01JD6Z7Q9W8X5V4T3S2R", strings.Repeat("a", 64), "a-b_c-d_0"} {
		if got := me.With("X-Request-Id", id).To(t, g.Server); got.Header.Get("X-Request-Id") != id || got.Problem.RequestID != id {
			t.Errorf("%q became %q", id, got.Header.Get("X-Request-Id"))
		}
	}

	seen := map[string]bool{}

	for _, id := range []string{"", "short", strings.Repeat("a", 65), "with space", "quote\"quote", "<script>x", "日本語日本語", "a\tbcdefghi", "a.b.c.d.e.f"} {
		got := me.With("X-Request-Id", id).To(t, g.Server).Header.Get("X-Request-Id")
		if got == id || len(got) != 24 || seen[got] {
			t.Errorf("%q became %q", id, got)
		}

		seen[got] = true
	}

	if log := g.Log.String(); !strings.Contains(log, "01JD6Z7Q9W8X5V4T3S2R") || strings.Contains(log, "<script>") {
		t.Error("the log has a refused request id, or lacks an accepted one")
	}
}

// SEC-S23: the request id of a client that is not a trusted proxy is replaced, or it could imitate the events of others.
func TestClientChoosesNoRequestID(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	const id = "01JD6Z7Q9W8X5V4T3S2R"

	got := world.Call{Method: http.MethodGet, Path: "/api/users/me"}.With("X-Request-Id", id).To(t, g.Server)
	if own := got.Header.Get("X-Request-Id"); own == id || len(own) != 24 || got.Problem.RequestID != own {
		t.Errorf("became %q: %s", own, got)
	}

	if strings.Contains(g.Log.String(), id) {
		t.Error("the log has the client's id")
	}
}

// CON-D7: the headers that any response may have are named once, in the introduction; Conforming refuses every other one
// that the response of the document does not name.
func TestCommonHeadersAreNamed(t *testing.T) {
	t.Parallel()

	for _, name := range apptest.CommonHeaders {
		if !strings.Contains(apptest.Document().Info.Description, "`"+name+"`") {
			t.Errorf("the introduction does not name %s", name)
		}
	}
}
