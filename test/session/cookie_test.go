package app_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// in sends the call as the browser would, and lets the browser keep the cookies of the answer. What the
// call sets itself stands, an empty header for none.
func (c call) in(tb testing.TB, s *apptest.Server, b *apptest.Browser) reply {
	tb.Helper()

	sent := c.from(b)
	for name, values := range c.header {
		sent = sent.with(name, values...)
	}

	got := sent.to(tb, s)

	for _, cookie := range (&http.Response{Header: got.header}).Cookies() {
		b.SetCookie(cookie.Name, cookie.Value)
	}

	return got
}

// signInCall is what the sign-in page sends.
func signInCall(email, password string) call {
	c := call{method: http.MethodPost, path: "/login"}.with("Content-Type", "application/json")
	c.body = fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)

	return c
}

func verifyCall() call { return call{method: http.MethodGet, path: "/verify"} }

func signOutCall() call { return call{method: http.MethodPost, path: "/logout"} }

// R-H1, T-27: every cookie has exactly its attributes, in whatever answer, and never more than fits.
func TestCookiesHaveTheirAttributes(t *testing.T) {
	t.Parallel()

	for domain, attribute := range map[string]string{"": "", "konec.test": " Domain=konec.test;"} {
		t.Run("Domain="+domain, func(t *testing.T) {
			t.Parallel()

			env := apptest.New(t, func(c *config.Config) { c.XSRFCookieDomain = domain })
			env.Account(t, owner)

			var (
				name    = `__Host-PRE=[A-Za-z0-9_-]{22}; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax`
				value   = `__Host-TOKEN=[A-Za-z0-9_-]{43}; Path=/; Max-Age=7200; HttpOnly; Secure; SameSite=Lax`
				cleared = `__Host-TOKEN=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`
				unnamed = `__Host-PRE=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`
				scripts = `XSRF-TOKEN=[A-Za-z0-9_-]{66}; Path=/;` + attribute + ` Max-Age=86400; Secure; SameSite=Strict`
				written = strings.Replace(scripts, "XSRF-TOKEN", "XSRF_TOKEN", 1)
			)

			browser, signedIn := env.Browser(t), env.SignedIn(t, owner)
			load := call{method: http.MethodGet, path: "/"}

			for _, step := range []struct {
				what    string
				call    call
				browser *apptest.Browser
				want    []string
			}{
				{"401 of a stranger", verifyCall(), env.Browser(t), []string{name, scripts, written}},
				{"403 of a stranger", signOutCall(), env.Browser(t), []string{name, scripts, written}},
				{"first load", load, browser, []string{name, scripts, written}},
				{"second load", load, browser, []string{scripts, written}},
				{"401", verifyCall(), browser, []string{scripts, written}},
				{"403", signOutCall().with("X-XSRF-TOKEN", "x"), browser, []string{scripts, written}},
				{"wrong password", signInCall(owner, "wrong"), browser, nil},
				{"sign-in", signInCall(owner, apptest.Password), browser, []string{value, scripts, written, unnamed}},
				{"load when signed in", load, browser, []string{scripts, written}},
				{"verify", verifyCall(), browser, nil},
				{"403 when signed in", signOutCall().with("X-XSRF-TOKEN", "x"), browser, []string{scripts, written}},
				{"renewal", renewCall(t, signedIn), signedIn, []string{value, scripts, written}},
				{"sign-out", signOutCall(), browser, []string{cleared, name, scripts, written}},
				{"cross-site", signOutCall().with("Sec-Fetch-Site", "cross-site"), browser, nil},
			} {
				got := step.call.in(t, env.Server, step.browser)
				checkCookies(t, step.what, got.header.Values("Set-Cookie"), step.want)

				if a, b := step.browser.Cookie("XSRF-TOKEN"), step.browser.Cookie("XSRF_TOKEN"); a != b {
					t.Errorf("%s: the XSRF cookies differ", step.what)
				}
			}
		})
	}
}

func checkCookies(t *testing.T, what string, lines, want []string) {
	t.Helper()

	if len(lines) != len(want) {
		t.Errorf("%s: cookies %q, want %d", what, lines, len(want))

		return
	}

	for i, line := range lines {
		if !regexp.MustCompile("^" + want[i] + "$").MatchString(line) {
			t.Errorf("%s: cookie %q, want %s", what, line, want[i])
		}
	}
}

// R-H1: nothing that a client sends makes a cookie longer than browsers keep, or comes back in one.
func TestCookiesAreNotEchoed(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	long := strings.Repeat("planted", 1000)

	for _, o := range operations() {
		if !o.public() {
			continue
		}

		got := d.call(o).with("Cookie", "__Host-PRE="+long+"; XSRF-TOKEN=planted; XSRF_TOKEN=planted").to(t, d.Server)
		for _, line := range got.header.Values("Set-Cookie") {
			if len(line) > 4096 || strings.Contains(line, "planted") {
				t.Errorf("%s: cookie %.100q of %d bytes", o.OperationID, line, len(line))
			}
		}
	}
}

// R-H2, V-22: a sign-in always makes a new value, and never takes one over; the session that the browser
// had before ends with it, and no other does.
func TestSignInChangesTheSession(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, owner)
	env.Account(t, person)

	elsewhere := env.SignedIn(t, owner)
	browser := env.Browser(t)
	browser.Load(t)

	planted := strings.Repeat("A", 43)
	browser.SetCookie("__Host-TOKEN", planted)

	seen := map[string]bool{planted: true, elsewhere.Cookie("__Host-TOKEN"): true}

	for i, email := range []string{owner, owner, person, owner} {
		before := browser.Copy(t, env.Server)

		if got := signInCall(email, apptest.Password).in(t, env.Server, browser); got.status != http.StatusNoContent {
			t.Fatalf("sign-in %d: %s", i, got)
		}

		value := browser.Cookie("__Host-TOKEN")
		if seen[value] {
			t.Errorf("sign-in %d: a value that was there before", i)
		}

		seen[value] = true

		if status := before.Verify(t); status != http.StatusUnauthorized {
			t.Errorf("sign-in %d: the value before it gets %d", i, status)
		}

		if browser.Verify(t) != http.StatusNoContent || elsewhere.Verify(t) != http.StatusNoContent {
			t.Errorf("sign-in %d: somebody is signed out", i)
		}
	}

	var live int
	if err := env.Pool.QueryRow(t.Context(), "SELECT count(*) FROM session WHERE revoked_at IS NULL").Scan(&live); err != nil || live != 2 {
		t.Errorf("%d live sessions, %v, want 2", live, err)
	}

	// A sign-in that fails ends nothing.
	signInCall(owner, "wrong").in(t, env.Server, browser)

	if status := browser.Verify(t); status != http.StatusNoContent {
		t.Errorf("after a wrong password: %d", status)
	}
}

// R-H2: of two cookies of one name nobody knows which one is ours, so neither is; names are exact.
func TestAmbiguousCookiesAreRefused(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, owner)

	browser, visitor := env.SignedIn(t, owner), env.Browser(t)
	visitor.Load(t)

	session, pre := "__Host-TOKEN="+browser.Cookie("__Host-TOKEN"), "__Host-PRE="+visitor.Cookie("__Host-PRE")
	other := "__Host-TOKEN=" + env.SignedIn(t, owner).Cookie("__Host-TOKEN")

	if got := verifyCall().with("Cookie", session).to(t, env.Server); got.status != http.StatusNoContent {
		t.Fatalf("one cookie: %s", got)
	}

	for _, cookies := range [][]string{
		{session + "; " + session}, {session, session}, {session + "; " + other}, {session + "; __Host-TOKEN=x"}, {"__Host-TOKEN=; " + session},
		{strings.Replace(session, "__Host-", "__host-", 1)}, {strings.Replace(session, "__Host-", "", 1)}, {"\u2000" + session}, {"$Version=1; " + session + "x"},
		{strings.Replace(session, "=", "%3D", 1)}, {session + "="},
	} {
		if got := verifyCall().with("Cookie", cookies...).to(t, env.Server); got.status != http.StatusUnauthorized {
			t.Errorf("%.30q…: %s", cookies, got)
		}
	}

	for _, cookies := range []string{pre + "; " + pre, pre + "; __Host-PRE=x", strings.ToLower(pre)} {
		got := signInCall(owner, apptest.Password).with("Cookie", cookies).with("X-XSRF-TOKEN", visitor.Cookie("XSRF-TOKEN")).to(t, env.Server)
		if got.problem.Code != "XSRF_INVALID" {
			t.Errorf("%.30q…: %s", cookies, got)
		}
	}
}
