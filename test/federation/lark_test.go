package federation_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/federation"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// sessions counts the live sessions of browsers.
func sessions(tb testing.TB, g *world.Gateway) int {
	tb.Helper()

	var count int

	err := g.Pool.QueryRow(tb.Context(), "SELECT count(*) FROM session WHERE surface = 'public' AND revoked_at IS NULL").Scan(&count)
	if err != nil {
		tb.Fatal(err)
	}

	return count
}

// Contract, "Lark": a user whose identity is bound signs in with it and has the same account as with a password.
func TestLarkSignsIn(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	f.BindOwner(t, g, world.LarkPerson("zhang"))

	browser := g.Browser(t)
	if to := f.Authorize(browser, world.LarkLogin, world.LarkPerson("zhang")); to != world.LarkConsoleURL+"/zh-Hans/" {
		t.Fatalf("went to %s", to)
	}

	got := world.PublicUser(t, browser)
	if person, err := got.Lark.Get(); err != nil || person.OpenID != "ou_zhang" || person.Name != "张三 zhang" ||
		*person.EnName != "Zhang San" || *person.AvatarURL != "https://lark.test/zhang.png" || got.Email != world.Owner {
		t.Errorf("user %+v, %v", got, err)
	}

	if last, err := got.History.Get(); err != nil || last.Metadata.Source != "lark" || got.Sessions != 3 {
		t.Errorf("history %+v, %v, %d sign-ins", last, err, got.Sessions) // an app, a password, Lark
	}

	if cookie := browser.Cookie("__Host-LARK"); cookie != "" {
		t.Errorf("the cookie stays: %s", cookie)
	}

	// The XSRF cookie that was set with the session is valid for it.
	if got := world.SignOutCall().InBrowser(t, g.Server, browser); got.Status != http.StatusNoContent {
		t.Errorf("sign out: %s", got)
	}

	// New data from Lark is stored. The caller chooses the locale to come back to, or none.
	renamed := world.LarkPerson("zhang")
	renamed["name"] = "李四\u0000\n" + strings.Repeat("长", 300)

	page := world.Call{Method: http.MethodGet, Path: "/lark/authorize"}.InBrowser(t, g.Server, browser).Header.Get("Location")
	if to := world.ReturnFromLark(t, browser, f.Approve(page, renamed)); to != world.LarkConsoleURL+"/" {
		t.Errorf("without a state: went to %s", to)
	}

	if person, err := world.PublicUser(t, browser).Lark.Get(); err != nil || person.Name != "李四"+strings.Repeat("长", 254) {
		t.Errorf("renamed: %+v, %v", person, err)
	}
}

// V-22, R-J9, T-31: a refused sign-in opens no session, reports the reason to the console, and sends Lark no request if
// the gateway can decide by itself.
func TestLarkSignInIsRefused(t *testing.T) {
	t.Parallel()

	const locale = "zh-Hans"

	// Each returns the browser and reports where it was redirected. The identity is bound beforehand.
	for name, one := range map[string]struct {
		come  func(t *testing.T, g *world.Gateway, f *world.FakeLark, b *apptest.Browser) string
		want  string
		asked int // the number of requests to Lark
	}{
		"UnknownIdentity": {func(_ *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			return f.Authorize(b, world.LarkLogin, world.LarkPerson("li"))
		}, world.LarkFailed(locale, "IDENTITY_NOT_BOUND"), 2},
		"DisabledAccount": {func(t *testing.T, g *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			g.Exec(t, "UPDATE account SET status = 'disabled'")

			return f.Authorize(b, world.LarkLogin, world.LarkPerson("zhang"))
		}, world.LarkFailed(locale, "IDENTITY_NOT_BOUND"), 2},
		"GroupWithSecondFactor": {func(t *testing.T, g *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			g.RequireSecondFactor(t, world.Owner)

			return f.Authorize(b, world.LarkLogin, world.LarkPerson("zhang"))
		}, world.LarkFailed(locale, "TOTP_REQUIRED"), 2},
		"OtherBrowser": {func(t *testing.T, g *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			attacker := g.Browser(t)
			query := f.Approve(world.StartLark(t, attacker, world.LarkLogin), world.LarkPerson("zhang"))
			world.StartLark(t, b, world.LarkLogin)

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed("", "STATE_INVALID"), 0},
		"NoCookie": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Approve(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			b.SetCookie("__Host-LARK", "")

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed("", "STATE_INVALID"), 0},
		"CookieOfOtherForm": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Approve(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			b.SetCookie("__Host-LARK", strings.Replace(b.Cookie("__Host-LARK"), "zh-Hans", "evil.test/", 1))

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed("", "STATE_INVALID"), 0},
		"OtherAction": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Approve(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			b.SetCookie("__Host-LARK", strings.Replace(b.Cookie("__Host-LARK"), "login", "bind", 1))

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed("", "STATE_INVALID"), 0},
		"Late": {func(t *testing.T, g *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Approve(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			g.Clock.Advance(federation.Lifetime + time.Second)

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed("", "STATE_INVALID"), 0},
		"ForgedState": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Approve(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			state := query.Get("state")
			query.Set("state", state[:len(state)-2]+map[bool]string{true: "BB", false: "AA"}[strings.HasSuffix(state, "AA")])

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed("", "STATE_INVALID"), 0},
		"CodeNobodyGave": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Approve(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			query.Set("code", "guessed")

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed(locale, "LARK_REFUSED"), 1},
		"CodeOfAnotherBrowser": {func(t *testing.T, g *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			stolen := f.Approve(world.StartLark(t, g.Browser(t), world.LarkLogin), world.LarkPerson("zhang"))
			query := f.Approve(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("li"))
			query.Set("code", stolen.Get("code"))

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed(locale, "LARK_REFUSED"), 1},
		"NotAgreed": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Approve(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))

			return world.ReturnFromLark(t, b, url.Values{"state": query["state"], "error": {"access_denied"}})
		}, world.LarkFailed(locale, "LARK_REFUSED"), 0},
		"CodeAndError": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Approve(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			query.Set("error", "access_denied")

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed(locale, "LARK_REFUSED"), 0},
		"NeitherCodeNorError": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			return world.ReturnFromLark(t, b, url.Values{"state": f.Approve(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))["state"]})
		}, world.LarkFailed(locale, "LARK_REFUSED"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			g, f := world.LarkGateway(t)
			f.BindOwner(t, g, world.LarkPerson("zhang"))

			browser, before, asked := g.Browser(t), sessions(t, g), f.Requests()

			if to := one.come(t, g, f, browser); to != one.want {
				t.Errorf("went to %s, want %s", to, one.want)
			}

			if got := browser.Verify(t); got != http.StatusUnauthorized || sessions(t, g) > before {
				t.Errorf("verify: %d, %d sessions", got, sessions(t, g))
			}

			if got := f.Requests() - asked; got != one.asked {
				t.Errorf("Lark received %d requests, want %d", got, one.asked)
			}
		})
	}
}

// R-C4, T-04: a state is valid once, no matter who has it and how many callers use it at once, here or on another
// replica.
func TestLarkStateIsUsedOnce(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	f.BindOwner(t, g, world.LarkPerson("zhang"))

	second := g.Serve(t)
	browser := g.Browser(t)
	query := f.Approve(world.StartLark(t, browser, world.LarkLogin), world.LarkPerson("zhang"))
	before, asked := sessions(t, g), f.Requests()

	came := make(chan string)

	for i := range 8 {
		server := g.Server
		if i%2 == 1 {
			server = second
		}

		copied := browser.Copy(t, server)

		go func() { came <- world.ReturnFromLark(t, copied, query) }()
	}

	signedIn := 0

	for range 8 {
		switch to := <-came; to {
		case world.LarkConsoleURL + "/zh-Hans/":
			signedIn++
		case world.LarkFailed("zh-Hans", "STATE_INVALID"):
		default:
			t.Errorf("went to %s", to)
		}
	}

	if got := sessions(t, g) - before; signedIn != 1 || got != 1 || f.Requests()-asked != 2 {
		t.Errorf("%d signed in, %d sessions, Lark received %d requests", signedIn, got, f.Requests()-asked)
	}

	if to := world.ReturnFromLark(t, browser, query); to != world.LarkFailed("zh-Hans", "STATE_INVALID") {
		t.Errorf("later: went to %s", to)
	}
}

// R-H2, V-22: a sign-in with Lark creates a new cookie value, never adopts one, and ends the session that the browser
// had.
func TestLarkSignInReplacesTheSession(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	f.BindOwner(t, g, world.LarkPerson("zhang"))

	planted := strings.Repeat("A", 43)
	browser := g.Browser(t)
	browser.SetCookie("__Host-TOKEN", planted)

	for i := range 2 {
		before := browser.Copy(t, g.Server)

		if to := f.Authorize(browser, world.LarkLogin, world.LarkPerson("zhang")); to != world.LarkConsoleURL+"/zh-Hans/" {
			t.Fatalf("%d: went to %s", i, to)
		}

		if value := browser.Cookie("__Host-TOKEN"); value == planted || value == before.Cookie("__Host-TOKEN") {
			t.Errorf("%d: the cookie is %s", i, value)
		}

		if got := before.Verify(t); got != http.StatusUnauthorized {
			t.Errorf("%d: the previous value gets %d", i, got)
		}
	}

	if g.OwnerBrowser.Verify(t) != http.StatusNoContent || browser.Verify(t) != http.StatusNoContent {
		t.Error("another browser is signed out")
	}
}

// R-J8, T-25: nothing in a request decides where the browser is redirected, except a locale of the documented form.
func TestLarkRedirectsNowhereElse(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t, func(c *apptest.Settings) { c.Origins = []string{"https://console.test"} })

	authorize := func(query string) world.Call {
		return world.Call{Method: http.MethodGet, Path: "/lark/authorize", Query: query}
	}

	odd := authorize(url.Values{
		"redirect_uri": {"https://evil.test/"}, "app_id": {"cli_evil"}, "state": {`{"action":"login"}`},
	}.Encode()).With("X-Forwarded-Host", "evil.test").With("Forwarded", "host=evil.test").With("Referer", "https://evil.test/")
	odd.Host = "evil.test"

	browser := g.Browser(t)

	got := odd.InBrowser(t, g.Server, browser)
	if strings.Contains(got.Header.Get("Location"), "evil") {
		t.Errorf("went to %s", got.Header.Get("Location"))
	}

	back := world.Call{Method: http.MethodGet, Path: "/lark", Host: "evil.test", Query: f.Approve(got.Header.Get("Location"), world.LarkPerson("li")).Encode()}
	if to := back.With("X-Forwarded-Host", "evil.test").InBrowser(t, g.Server, browser).Header.Get("Location"); to != world.LarkFailed("", "IDENTITY_NOT_BOUND") {
		t.Errorf("went back to %s", to)
	}

	for _, state := range []string{
		`{"action":"login","locale":"../evil"}`, `{"action":"login","locale":"//evil.test"}`, `{"action":"login","locale":"zh\r\nX: y"}`,
		`{"action":"login","locale":"zh/x"}`, `{"action":"login","locale":"z"}`, `{"action":"login","locale":""}`, `{"action":"login","locale":"zh?x"}`,
		`{"action":"login","locale":"zh#x"}`, `{"action":"login","locale":"zh.evil"}`, `{"action":"login","locale":["zh"]}`,
		`{"action":"login","redirect":"https://evil.test"}`, `{"action":"evil"}`, `{"Action":"bind","action":"login"}`, `{}`, `[]`, `null`, `"login"`, `{`, `login`,
	} {
		if got := authorize(url.Values{"state": {state}}.Encode()).To(t, g.Server); got.Problem.Code != "INVALID_REQUEST" {
			t.Errorf("%s: %s, %q", state, got, got.Header.Get("Location"))
		}
	}

	for _, query := range []string{"redirect=https://evil.test", "scope=x", "state=%7B%7D&state=%7B%7D", "client_id=x"} {
		if got := authorize(query).To(t, g.Server); got.Problem.Code != "INVALID_REQUEST" {
			t.Errorf("%s: %s", query, got)
		}
	}
}
