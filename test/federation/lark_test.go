package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/identity"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

const (
	login = client.LarkStateActionLogin
	bind  = client.LarkStateActionBind
)

// bound binds a person at Lark to the owner's account.
func (f *fakeLark) bound(tb testing.TB, d *desk, person map[string]any) {
	tb.Helper()

	if to := f.travel(d.browser, bind, person); to != consoleOfLark+"/zh-Hans/#/authorized" {
		tb.Fatalf("bind: %s", to)
	}
}

// sessions counts the live sessions of browsers.
func (d *desk) sessions(tb testing.TB) int {
	tb.Helper()

	var count int

	err := d.Pool.QueryRow(tb.Context(), "SELECT count(*) FROM session WHERE surface = 'public' AND revoked_at IS NULL").Scan(&count)
	if err != nil {
		tb.Fatal(err)
	}

	return count
}

// user is what the browser's GET /user answers.
func user(tb testing.TB, b *apptest.Browser) client.PublicUser {
	tb.Helper()

	got, err := b.Client.GetUserWithResponse(tb.Context())
	if err != nil || got.JSON200 == nil {
		tb.Fatalf("user: %v, %s", err, got.Body)
	}

	return *got.JSON200
}

// Contract, "Lark": somebody whose identity is bound signs in with it, and finds everything in its place.
func TestLarkSignsIn(t *testing.T) {
	t.Parallel()

	d, f := larkDesk(t)
	f.bound(t, d, somebody("zhang"))

	browser := d.Browser(t)
	if to := f.travel(browser, login, somebody("zhang")); to != consoleOfLark+"/zh-Hans/" {
		t.Fatalf("went to %s", to)
	}

	got := user(t, browser)
	if person, err := got.Lark.Get(); err != nil || person.OpenID != "ou_zhang" || person.Name != "张三 zhang" ||
		*person.EnName != "Zhang San" || *person.AvatarURL != "https://lark.test/zhang.png" || got.Email != owner {
		t.Errorf("user %+v, %v", got, err)
	}

	if last, err := got.History.Get(); err != nil || last.Metadata.Source != "lark" || got.Sessions != 3 {
		t.Errorf("history %+v, %v, %d sign-ins", last, err, got.Sessions) // an app, a password, Lark
	}

	if cookie := browser.Cookie("__Host-LARK"); cookie != "" {
		t.Errorf("the cookie stays: %s", cookie)
	}

	// The XSRF cookie that came with the session is good for it.
	if got := signOutCall().in(t, d.Server, browser); got.status != http.StatusNoContent {
		t.Errorf("sign out: %s", got)
	}

	// What Lark tells anew is kept, and the caller says which locale to come back to, or none.
	renamed := somebody("zhang")
	renamed["name"] = "李四\u0000\n" + strings.Repeat("长", 300)

	page := call{method: http.MethodGet, path: "/lark/authorize"}.in(t, d.Server, browser).header.Get("Location")
	if to := arrive(t, browser, f.agree(page, renamed)); to != consoleOfLark+"/" {
		t.Errorf("without a state: went to %s", to)
	}

	if person, err := user(t, browser).Lark.Get(); err != nil || person.Name != "李四"+strings.Repeat("长", 254) {
		t.Errorf("renamed: %+v, %v", person, err)
	}
}

// V-22, R-J9, T-31: every way that must not end in a session ends in none, says why to the console, and
// leaves Lark alone where we know by ourselves.
func TestLarkSignInIsRefused(t *testing.T) {
	t.Parallel()

	const locale = "zh-Hans"

	// Each brings the browser back, and answers where it went. It is bound beforehand.
	for name, one := range map[string]struct {
		come  func(t *testing.T, d *desk, f *fakeLark, b *apptest.Browser) string
		want  string
		asked int // of Lark
	}{
		"UnknownIdentity": {func(_ *testing.T, _ *desk, f *fakeLark, b *apptest.Browser) string {
			return f.travel(b, login, somebody("li"))
		}, failed(locale, "IDENTITY_NOT_BOUND"), 2},
		"DisabledAccount": {func(t *testing.T, d *desk, f *fakeLark, b *apptest.Browser) string {
			d.Exec(t, "UPDATE account SET status = 'disabled'")

			return f.travel(b, login, somebody("zhang"))
		}, failed(locale, "IDENTITY_NOT_BOUND"), 2},
		"GroupWithSecondFactor": {func(t *testing.T, d *desk, f *fakeLark, b *apptest.Browser) string {
			d.guard(t, owner)

			return f.travel(b, login, somebody("zhang"))
		}, failed(locale, "TOTP_REQUIRED"), 2},
		"OtherBrowser": {func(t *testing.T, d *desk, f *fakeLark, b *apptest.Browser) string {
			attacker := d.Browser(t)
			query := f.agree(depart(t, attacker, login), somebody("zhang"))
			depart(t, b, login)

			return arrive(t, b, query)
		}, failed("", "STATE_INVALID"), 0},
		"NoCookie": {func(t *testing.T, _ *desk, f *fakeLark, b *apptest.Browser) string {
			query := f.agree(depart(t, b, login), somebody("zhang"))
			b.SetCookie("__Host-LARK", "")

			return arrive(t, b, query)
		}, failed("", "STATE_INVALID"), 0},
		"CookieOfOtherForm": {func(t *testing.T, _ *desk, f *fakeLark, b *apptest.Browser) string {
			query := f.agree(depart(t, b, login), somebody("zhang"))
			b.SetCookie("__Host-LARK", strings.Replace(b.Cookie("__Host-LARK"), "zh-Hans", "evil.test/", 1))

			return arrive(t, b, query)
		}, failed("", "STATE_INVALID"), 0},
		"OtherAction": {func(t *testing.T, _ *desk, f *fakeLark, b *apptest.Browser) string {
			query := f.agree(depart(t, b, login), somebody("zhang"))
			b.SetCookie("__Host-LARK", strings.Replace(b.Cookie("__Host-LARK"), "login", "bind", 1))

			return arrive(t, b, query)
		}, failed("", "STATE_INVALID"), 0},
		"Late": {func(t *testing.T, d *desk, f *fakeLark, b *apptest.Browser) string {
			query := f.agree(depart(t, b, login), somebody("zhang"))
			d.Clock.Advance(identity.Lifetime + time.Second)

			return arrive(t, b, query)
		}, failed("", "STATE_INVALID"), 0},
		"ForgedState": {func(t *testing.T, _ *desk, f *fakeLark, b *apptest.Browser) string {
			query := f.agree(depart(t, b, login), somebody("zhang"))
			state := query.Get("state")
			query.Set("state", state[:len(state)-2]+map[bool]string{true: "BB", false: "AA"}[strings.HasSuffix(state, "AA")])

			return arrive(t, b, query)
		}, failed("", "STATE_INVALID"), 0},
		"CodeNobodyGave": {func(t *testing.T, _ *desk, f *fakeLark, b *apptest.Browser) string {
			query := f.agree(depart(t, b, login), somebody("zhang"))
			query.Set("code", "guessed")

			return arrive(t, b, query)
		}, failed(locale, "LARK_REFUSED"), 1},
		"CodeOfAnotherBrowser": {func(t *testing.T, d *desk, f *fakeLark, b *apptest.Browser) string {
			stolen := f.agree(depart(t, d.Browser(t), login), somebody("zhang"))
			query := f.agree(depart(t, b, login), somebody("li"))
			query.Set("code", stolen.Get("code"))

			return arrive(t, b, query)
		}, failed(locale, "LARK_REFUSED"), 1},
		"NotAgreed": {func(t *testing.T, _ *desk, f *fakeLark, b *apptest.Browser) string {
			query := f.agree(depart(t, b, login), somebody("zhang"))

			return arrive(t, b, url.Values{"state": query["state"], "error": {"access_denied"}})
		}, failed(locale, "LARK_REFUSED"), 0},
		"CodeAndError": {func(t *testing.T, _ *desk, f *fakeLark, b *apptest.Browser) string {
			query := f.agree(depart(t, b, login), somebody("zhang"))
			query.Set("error", "access_denied")

			return arrive(t, b, query)
		}, failed(locale, "LARK_REFUSED"), 0},
		"NeitherCodeNorError": {func(t *testing.T, _ *desk, f *fakeLark, b *apptest.Browser) string {
			return arrive(t, b, url.Values{"state": f.agree(depart(t, b, login), somebody("zhang"))["state"]})
		}, failed(locale, "LARK_REFUSED"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			d, f := larkDesk(t)
			f.bound(t, d, somebody("zhang"))

			browser, before, asked := d.Browser(t), d.sessions(t), f.requests()

			if to := one.come(t, d, f, browser); to != one.want {
				t.Errorf("went to %s, want %s", to, one.want)
			}

			if got := browser.Verify(t); got != http.StatusUnauthorized || d.sessions(t) > before {
				t.Errorf("verify: %d, %d sessions", got, d.sessions(t))
			}

			if got := f.requests() - asked; got != one.asked {
				t.Errorf("Lark was asked %d times, want %d", got, one.asked)
			}
		})
	}
}

// R-C4, T-04: a state is good once, whoever has it and however many come at once, here or at another replica.
func TestLarkStateIsUsedOnce(t *testing.T) {
	t.Parallel()

	d, f := larkDesk(t)
	f.bound(t, d, somebody("zhang"))

	second := d.Serve(t)
	browser := d.Browser(t)
	query := f.agree(depart(t, browser, login), somebody("zhang"))
	before, asked := d.sessions(t), f.requests()

	came := make(chan string)

	for i := range 8 {
		server := d.Server
		if i%2 == 1 {
			server = second
		}

		copied := browser.Copy(t, server)

		go func() { came <- arrive(t, copied, query) }()
	}

	signedIn := 0

	for range 8 {
		switch to := <-came; to {
		case consoleOfLark + "/zh-Hans/":
			signedIn++
		case failed("zh-Hans", "STATE_INVALID"):
		default:
			t.Errorf("went to %s", to)
		}
	}

	if got := d.sessions(t) - before; signedIn != 1 || got != 1 || f.requests()-asked != 2 {
		t.Errorf("%d signed in, %d sessions, Lark was asked %d times", signedIn, got, f.requests()-asked)
	}

	if to := arrive(t, browser, query); to != failed("zh-Hans", "STATE_INVALID") {
		t.Errorf("later: went to %s", to)
	}
}

// R-H2, V-22: a sign-in with Lark makes a new cookie, never takes one over, and ends the session that the
// browser had.
func TestLarkSignInChangesTheSession(t *testing.T) {
	t.Parallel()

	d, f := larkDesk(t)
	f.bound(t, d, somebody("zhang"))

	planted := strings.Repeat("A", 43)
	browser := d.Browser(t)
	browser.SetCookie("__Host-TOKEN", planted)

	for i := range 2 {
		before := browser.Copy(t, d.Server)

		if to := f.travel(browser, login, somebody("zhang")); to != consoleOfLark+"/zh-Hans/" {
			t.Fatalf("%d: went to %s", i, to)
		}

		if value := browser.Cookie("__Host-TOKEN"); value == planted || value == before.Cookie("__Host-TOKEN") {
			t.Errorf("%d: the cookie is %s", i, value)
		}

		if got := before.Verify(t); got != http.StatusUnauthorized {
			t.Errorf("%d: the value before it gets %d", i, got)
		}
	}

	if d.browser.Verify(t) != http.StatusNoContent || browser.Verify(t) != http.StatusNoContent {
		t.Error("somebody is signed out")
	}
}

// R-J8, T-25: nothing that a request says decides where the browser goes, but a locale of the documented form.
func TestLarkGoesNowhereElse(t *testing.T) {
	t.Parallel()

	d, f := larkDesk(t, func(c *config.Config) { c.Origins = []string{"https://console.test"} })

	authorize := func(query string) call { return call{method: http.MethodGet, path: "/lark/authorize", query: query} }

	odd := authorize(url.Values{
		"redirect_uri": {"https://evil.test/"}, "app_id": {"cli_evil"}, "state": {`{"action":"login"}`},
	}.Encode()).with("X-Forwarded-Host", "evil.test").with("Forwarded", "host=evil.test").with("Referer", "https://evil.test/")
	odd.host = "evil.test"

	browser := d.Browser(t)

	got := odd.in(t, d.Server, browser)
	if strings.Contains(got.header.Get("Location"), "evil") {
		t.Errorf("went to %s", got.header.Get("Location"))
	}

	back := call{method: http.MethodGet, path: "/lark", host: "evil.test", query: f.agree(got.header.Get("Location"), somebody("li")).Encode()}
	if to := back.with("X-Forwarded-Host", "evil.test").in(t, d.Server, browser).header.Get("Location"); to != failed("", "IDENTITY_NOT_BOUND") {
		t.Errorf("went back to %s", to)
	}

	for _, state := range []string{
		`{"action":"login","locale":"../evil"}`, `{"action":"login","locale":"//evil.test"}`, `{"action":"login","locale":"zh\r\nX: y"}`,
		`{"action":"login","locale":"zh/x"}`, `{"action":"login","locale":"z"}`, `{"action":"login","locale":""}`, `{"action":"login","locale":"zh?x"}`,
		`{"action":"login","locale":"zh#x"}`, `{"action":"login","locale":"zh.evil"}`, `{"action":"login","locale":["zh"]}`,
		`{"action":"login","redirect":"https://evil.test"}`, `{"action":"evil"}`, `{"Action":"bind","action":"login"}`, `{}`, `[]`, `null`, `"login"`, `{`, `login`,
	} {
		if got := authorize(url.Values{"state": {state}}.Encode()).to(t, d.Server); got.problem.Code != "INVALID_REQUEST" {
			t.Errorf("%s: %s, %q", state, got, got.header.Get("Location"))
		}
	}

	for _, query := range []string{"redirect=https://evil.test", "scope=x", "state=%7B%7D&state=%7B%7D", "client_id=x"} {
		if got := authorize(query).to(t, d.Server); got.problem.Code != "INVALID_REQUEST" {
			t.Errorf("%s: %s", query, got)
		}
	}
}
