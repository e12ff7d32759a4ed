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
func sessions(tb testing.TB, d *world.Gateway) int {
	tb.Helper()

	var count int

	err := d.Pool.QueryRow(tb.Context(), "SELECT count(*) FROM session WHERE surface = 'public' AND revoked_at IS NULL").Scan(&count)
	if err != nil {
		tb.Fatal(err)
	}

	return count
}

// Contract, "Lark": somebody whose identity is bound signs in with it, and finds everything in its place.
func TestLarkSignsIn(t *testing.T) {
	t.Parallel()

	d, f := world.LarkGateway(t)
	f.BindOwner(t, d, world.LarkPerson("zhang"))

	browser := d.Browser(t)
	if to := f.Travel(browser, world.LarkLogin, world.LarkPerson("zhang")); to != world.ConsoleOfLark+"/zh-Hans/" {
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

	// The XSRF cookie that came with the session is good for it.
	if got := world.SignOutCall().InBrowser(t, d.Server, browser); got.Status != http.StatusNoContent {
		t.Errorf("sign out: %s", got)
	}

	// What Lark tells anew is kept, and the caller says which locale to come back to, or none.
	renamed := world.LarkPerson("zhang")
	renamed["name"] = "李四\u0000\n" + strings.Repeat("长", 300)

	page := world.Call{Method: http.MethodGet, Path: "/lark/authorize"}.InBrowser(t, d.Server, browser).Header.Get("Location")
	if to := world.ReturnFromLark(t, browser, f.Agree(page, renamed)); to != world.ConsoleOfLark+"/" {
		t.Errorf("without a state: went to %s", to)
	}

	if person, err := world.PublicUser(t, browser).Lark.Get(); err != nil || person.Name != "李四"+strings.Repeat("长", 254) {
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
		come  func(t *testing.T, d *world.Gateway, f *world.FakeLark, b *apptest.Browser) string
		want  string
		asked int // of Lark
	}{
		"UnknownIdentity": {func(_ *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			return f.Travel(b, world.LarkLogin, world.LarkPerson("li"))
		}, world.LarkFailed(locale, "IDENTITY_NOT_BOUND"), 2},
		"DisabledAccount": {func(t *testing.T, d *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			d.Exec(t, "UPDATE account SET status = 'disabled'")

			return f.Travel(b, world.LarkLogin, world.LarkPerson("zhang"))
		}, world.LarkFailed(locale, "IDENTITY_NOT_BOUND"), 2},
		"GroupWithSecondFactor": {func(t *testing.T, d *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			d.RequireSecondFactor(t, world.Owner)

			return f.Travel(b, world.LarkLogin, world.LarkPerson("zhang"))
		}, world.LarkFailed(locale, "TOTP_REQUIRED"), 2},
		"OtherBrowser": {func(t *testing.T, d *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			attacker := d.Browser(t)
			query := f.Agree(world.StartLark(t, attacker, world.LarkLogin), world.LarkPerson("zhang"))
			world.StartLark(t, b, world.LarkLogin)

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed("", "STATE_INVALID"), 0},
		"NoCookie": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Agree(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			b.SetCookie("__Host-LARK", "")

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed("", "STATE_INVALID"), 0},
		"CookieOfOtherForm": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Agree(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			b.SetCookie("__Host-LARK", strings.Replace(b.Cookie("__Host-LARK"), "zh-Hans", "evil.test/", 1))

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed("", "STATE_INVALID"), 0},
		"OtherAction": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Agree(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			b.SetCookie("__Host-LARK", strings.Replace(b.Cookie("__Host-LARK"), "login", "bind", 1))

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed("", "STATE_INVALID"), 0},
		"Late": {func(t *testing.T, d *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Agree(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			d.Clock.Advance(federation.Lifetime + time.Second)

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed("", "STATE_INVALID"), 0},
		"ForgedState": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Agree(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			state := query.Get("state")
			query.Set("state", state[:len(state)-2]+map[bool]string{true: "BB", false: "AA"}[strings.HasSuffix(state, "AA")])

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed("", "STATE_INVALID"), 0},
		"CodeNobodyGave": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Agree(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			query.Set("code", "guessed")

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed(locale, "LARK_REFUSED"), 1},
		"CodeOfAnotherBrowser": {func(t *testing.T, d *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			stolen := f.Agree(world.StartLark(t, d.Browser(t), world.LarkLogin), world.LarkPerson("zhang"))
			query := f.Agree(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("li"))
			query.Set("code", stolen.Get("code"))

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed(locale, "LARK_REFUSED"), 1},
		"NotAgreed": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Agree(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))

			return world.ReturnFromLark(t, b, url.Values{"state": query["state"], "error": {"access_denied"}})
		}, world.LarkFailed(locale, "LARK_REFUSED"), 0},
		"CodeAndError": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			query := f.Agree(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))
			query.Set("error", "access_denied")

			return world.ReturnFromLark(t, b, query)
		}, world.LarkFailed(locale, "LARK_REFUSED"), 0},
		"NeitherCodeNorError": {func(t *testing.T, _ *world.Gateway, f *world.FakeLark, b *apptest.Browser) string {
			return world.ReturnFromLark(t, b, url.Values{"state": f.Agree(world.StartLark(t, b, world.LarkLogin), world.LarkPerson("zhang"))["state"]})
		}, world.LarkFailed(locale, "LARK_REFUSED"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			d, f := world.LarkGateway(t)
			f.BindOwner(t, d, world.LarkPerson("zhang"))

			browser, before, asked := d.Browser(t), sessions(t, d), f.Requests()

			if to := one.come(t, d, f, browser); to != one.want {
				t.Errorf("went to %s, want %s", to, one.want)
			}

			if got := browser.Verify(t); got != http.StatusUnauthorized || sessions(t, d) > before {
				t.Errorf("verify: %d, %d sessions", got, sessions(t, d))
			}

			if got := f.Requests() - asked; got != one.asked {
				t.Errorf("Lark was asked %d times, want %d", got, one.asked)
			}
		})
	}
}

// R-C4, T-04: a state is good once, whoever has it and however many come at once, here or at another replica.
func TestLarkStateIsUsedOnce(t *testing.T) {
	t.Parallel()

	d, f := world.LarkGateway(t)
	f.BindOwner(t, d, world.LarkPerson("zhang"))

	second := d.Serve(t)
	browser := d.Browser(t)
	query := f.Agree(world.StartLark(t, browser, world.LarkLogin), world.LarkPerson("zhang"))
	before, asked := sessions(t, d), f.Requests()

	came := make(chan string)

	for i := range 8 {
		server := d.Server
		if i%2 == 1 {
			server = second
		}

		copied := browser.Copy(t, server)

		go func() { came <- world.ReturnFromLark(t, copied, query) }()
	}

	signedIn := 0

	for range 8 {
		switch to := <-came; to {
		case world.ConsoleOfLark + "/zh-Hans/":
			signedIn++
		case world.LarkFailed("zh-Hans", "STATE_INVALID"):
		default:
			t.Errorf("went to %s", to)
		}
	}

	if got := sessions(t, d) - before; signedIn != 1 || got != 1 || f.Requests()-asked != 2 {
		t.Errorf("%d signed in, %d sessions, Lark was asked %d times", signedIn, got, f.Requests()-asked)
	}

	if to := world.ReturnFromLark(t, browser, query); to != world.LarkFailed("zh-Hans", "STATE_INVALID") {
		t.Errorf("later: went to %s", to)
	}
}

// R-H2, V-22: a sign-in with Lark makes a new cookie, never takes one over, and ends the session that the
// browser had.
func TestLarkSignInChangesTheSession(t *testing.T) {
	t.Parallel()

	d, f := world.LarkGateway(t)
	f.BindOwner(t, d, world.LarkPerson("zhang"))

	planted := strings.Repeat("A", 43)
	browser := d.Browser(t)
	browser.SetCookie("__Host-TOKEN", planted)

	for i := range 2 {
		before := browser.Copy(t, d.Server)

		if to := f.Travel(browser, world.LarkLogin, world.LarkPerson("zhang")); to != world.ConsoleOfLark+"/zh-Hans/" {
			t.Fatalf("%d: went to %s", i, to)
		}

		if value := browser.Cookie("__Host-TOKEN"); value == planted || value == before.Cookie("__Host-TOKEN") {
			t.Errorf("%d: the cookie is %s", i, value)
		}

		if got := before.Verify(t); got != http.StatusUnauthorized {
			t.Errorf("%d: the value before it gets %d", i, got)
		}
	}

	if d.OwnerBrowser.Verify(t) != http.StatusNoContent || browser.Verify(t) != http.StatusNoContent {
		t.Error("somebody is signed out")
	}
}

// R-J8, T-25: nothing that a request says decides where the browser goes, but a locale of the documented form.
func TestLarkGoesNowhereElse(t *testing.T) {
	t.Parallel()

	d, f := world.LarkGateway(t, func(c *apptest.Settings) { c.Origins = []string{"https://console.test"} })

	authorize := func(query string) world.Call {
		return world.Call{Method: http.MethodGet, Path: "/lark/authorize", Query: query}
	}

	odd := authorize(url.Values{
		"redirect_uri": {"https://evil.test/"}, "app_id": {"cli_evil"}, "state": {`{"action":"login"}`},
	}.Encode()).With("X-Forwarded-Host", "evil.test").With("Forwarded", "host=evil.test").With("Referer", "https://evil.test/")
	odd.Host = "evil.test"

	browser := d.Browser(t)

	got := odd.InBrowser(t, d.Server, browser)
	if strings.Contains(got.Header.Get("Location"), "evil") {
		t.Errorf("went to %s", got.Header.Get("Location"))
	}

	back := world.Call{Method: http.MethodGet, Path: "/lark", Host: "evil.test", Query: f.Agree(got.Header.Get("Location"), world.LarkPerson("li")).Encode()}
	if to := back.With("X-Forwarded-Host", "evil.test").InBrowser(t, d.Server, browser).Header.Get("Location"); to != world.LarkFailed("", "IDENTITY_NOT_BOUND") {
		t.Errorf("went back to %s", to)
	}

	for _, state := range []string{
		`{"action":"login","locale":"../evil"}`, `{"action":"login","locale":"//evil.test"}`, `{"action":"login","locale":"zh\r\nX: y"}`,
		`{"action":"login","locale":"zh/x"}`, `{"action":"login","locale":"z"}`, `{"action":"login","locale":""}`, `{"action":"login","locale":"zh?x"}`,
		`{"action":"login","locale":"zh#x"}`, `{"action":"login","locale":"zh.evil"}`, `{"action":"login","locale":["zh"]}`,
		`{"action":"login","redirect":"https://evil.test"}`, `{"action":"evil"}`, `{"Action":"bind","action":"login"}`, `{}`, `[]`, `null`, `"login"`, `{`, `login`,
	} {
		if got := authorize(url.Values{"state": {state}}.Encode()).To(t, d.Server); got.Problem.Code != "INVALID_REQUEST" {
			t.Errorf("%s: %s, %q", state, got, got.Header.Get("Location"))
		}
	}

	for _, query := range []string{"redirect=https://evil.test", "scope=x", "state=%7B%7D&state=%7B%7D", "client_id=x"} {
		if got := authorize(query).To(t, d.Server); got.Problem.Code != "INVALID_REQUEST" {
			t.Errorf("%s: %s", query, got)
		}
	}
}
