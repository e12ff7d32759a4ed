package session_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/tokentest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-H1, T-27: every cookie has exactly its attributes, in every response, and never exceeds the browsers' limit.
func TestCookiesHaveTheirAttributes(t *testing.T) {
	t.Parallel()

	for domain, attribute := range map[string]string{"": "", "konec.test": " Domain=konec.test;"} {
		t.Run("Domain="+domain, func(t *testing.T) {
			t.Parallel()

			env := apptest.New(t, func(c *apptest.Settings) { c.XSRFCookieDomain = domain })
			env.Account(t, world.Owner)

			var (
				name    = `__Host-PRE=[A-Za-z0-9_-]{22}; Path=/; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax`
				value   = `__Host-TOKEN=[A-Za-z0-9_-]{43}; Path=/; Max-Age=7200; HttpOnly; Secure; SameSite=Lax`
				cleared = `__Host-TOKEN=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`
				unnamed = `__Host-PRE=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`
				device  = `__Host-DEVICE=[A-Za-z0-9_-]{43}; Path=/; Max-Age=34560000; HttpOnly; Secure; SameSite=Lax`
				scripts = `XSRF-TOKEN=[A-Za-z0-9_-]{66}; Path=/;` + attribute + ` Max-Age=86400; Secure; SameSite=Strict`
				written = strings.Replace(scripts, "XSRF-TOKEN", "XSRF_TOKEN", 1)
			)

			browser, signedIn := env.Browser(t), env.SignedIn(t, world.Owner)
			load := world.Call{Method: http.MethodGet, Path: "/"}

			for _, step := range []struct {
				what    string
				call    world.Call
				browser *apptest.Browser
				want    []string
			}{
				{"401 of a stranger", world.VerifyCall(), env.Browser(t), []string{name, scripts, written}},
				{"403 of a stranger", world.SignOutCall(), env.Browser(t), []string{name, scripts, written}},
				{"first load", load, browser, []string{name, scripts, written}},
				{"second load", load, browser, []string{scripts, written}},
				{"401", world.VerifyCall(), browser, []string{scripts, written}},
				{"403", world.SignOutCall().With("X-XSRF-TOKEN", "x"), browser, []string{scripts, written}},
				{"wrong password", world.SignInCall(world.Owner, "wrong"), browser, nil},
				{"sign-in", world.SignInCall(world.Owner, apptest.Password), browser, []string{value, scripts, written, unnamed, device}},
				{"load when signed in", load, browser, []string{scripts, written}},
				{"verify", world.VerifyCall(), browser, nil},
				{"403 when signed in", world.SignOutCall().With("X-XSRF-TOKEN", "x"), browser, []string{scripts, written}},
				{"renewal", world.NewRenewCall(t, signedIn), signedIn, []string{value, scripts, written}},
				{"sign-out", world.SignOutCall(), browser, []string{cleared, name, scripts, written}},
				{"cross-site", world.SignOutCall().With("Sec-Fetch-Site", "cross-site"), browser, nil},
			} {
				got := step.call.InBrowser(t, env.Server, step.browser)
				world.CheckCookies(t, step.what, got.Header.Values("Set-Cookie"), step.want)

				if a, b := step.browser.Cookie("XSRF-TOKEN"), step.browser.Cookie("XSRF_TOKEN"); a != b {
					t.Errorf("%s: the XSRF cookies differ", step.what)
				}
			}
		})
	}
}

// R-H1: nothing that a client sends makes a cookie longer than browsers keep, or comes back in one.
func TestCookiesAreNotEchoed(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	long := strings.Repeat("planted", 1000)

	for _, o := range world.Operations() {
		if !o.IsPublic() {
			continue
		}

		got := g.Call(o).With("Cookie", "__Host-PRE="+long+"; XSRF-TOKEN=planted; XSRF_TOKEN=planted").To(t, g.Server)
		for _, line := range got.Header.Values("Set-Cookie") {
			if len(line) > 4096 || strings.Contains(line, "planted") {
				t.Errorf("%s: cookie %.100q of %d bytes", o.OperationID, line, len(line))
			}
		}
	}
}

// R-H2, V-22: a sign-in always creates a new cookie value and never adopts one. It ends the session that the browser
// had before, and no other.
func TestSignInReplacesTheSession(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, world.Owner)
	env.Account(t, world.PersonEmail)

	replica := env.SignedIn(t, world.Owner)
	browser := env.Browser(t)
	browser.Load(t)

	planted := strings.Repeat("A", 43)
	browser.SetCookie("__Host-TOKEN", planted)

	seen := map[string]bool{planted: true, replica.Cookie("__Host-TOKEN"): true}

	for i, email := range []string{world.Owner, world.Owner, world.PersonEmail, world.Owner} {
		before := browser.Copy(t, env.Server)

		if got := world.SignInCall(email, apptest.Password).InBrowser(t, env.Server, browser); got.Status != http.StatusNoContent {
			t.Fatalf("sign-in %d: %s", i, got)
		}

		value := browser.Cookie("__Host-TOKEN")
		if seen[value] {
			t.Errorf("sign-in %d: the cookie has an earlier value", i)
		}

		seen[value] = true

		if status := before.Verify(t); status != http.StatusUnauthorized {
			t.Errorf("sign-in %d: the previous value gets %d", i, status)
		}

		if browser.Verify(t) != http.StatusNoContent || replica.Verify(t) != http.StatusNoContent {
			t.Errorf("sign-in %d: another browser is signed out", i)
		}
	}

	var live int
	if err := env.Pool.QueryRow(t.Context(), "SELECT count(*) FROM session WHERE revoked_at IS NULL").Scan(&live); err != nil || live != 2 {
		t.Errorf("%d live sessions, %v, want 2", live, err)
	}

	// A failed sign-in ends nothing.
	world.SignInCall(world.Owner, "wrong").InBrowser(t, env.Server, browser)

	if status := browser.Verify(t); status != http.StatusNoContent {
		t.Errorf("after a wrong password: %d", status)
	}
}

// R-H1: every character of the session cookie counts.
func TestAlteredSessionCookieIsRefused(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, world.Owner)

	genuine := env.SignedIn(t, world.Owner).Cookie("__Host-TOKEN")
	verify := func(value string) int {
		return world.VerifyCall().With("Cookie", "__Host-TOKEN="+value).To(t, env.Server).Status
	}

	for _, altered := range tokentest.Altered(genuine) {
		if status := verify(altered.Token); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", altered.Name, status)
		}
	}

	if status := verify(genuine); status != http.StatusNoContent {
		t.Errorf("the cookie itself: %d", status)
	}
}

// R-H2: of two cookies with one name the server cannot know which is its own, so it accepts neither. Names are compared
// exactly.
func TestAmbiguousCookiesAreRefused(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, world.Owner)

	browser, visitor := env.SignedIn(t, world.Owner), env.Browser(t)
	visitor.Load(t)

	session, pre := "__Host-TOKEN="+browser.Cookie("__Host-TOKEN"), "__Host-PRE="+visitor.Cookie("__Host-PRE")
	other := "__Host-TOKEN=" + env.SignedIn(t, world.Owner).Cookie("__Host-TOKEN")

	if got := world.VerifyCall().With("Cookie", session).To(t, env.Server); got.Status != http.StatusNoContent {
		t.Fatalf("one cookie: %s", got)
	}

	for _, cookies := range [][]string{
		{session + "; " + session}, {session, session}, {session + "; " + other}, {session + "; __Host-TOKEN=x"}, {"__Host-TOKEN=; " + session},
		{strings.Replace(session, "__Host-", "__host-", 1)}, {strings.Replace(session, "__Host-", "", 1)}, {"\u2000" + session}, {"$Version=1; " + session + "x"},
		{strings.Replace(session, "=", "%3D", 1)}, {session + "="},
	} {
		if got := world.VerifyCall().With("Cookie", cookies...).To(t, env.Server); got.Status != http.StatusUnauthorized {
			t.Errorf("%.30q…: %s", cookies, got)
		}
	}

	for _, cookies := range []string{pre + "; " + pre, pre + "; __Host-PRE=x", strings.ToLower(pre)} {
		got := world.SignInCall(world.Owner, apptest.Password).With("Cookie", cookies).With("X-XSRF-TOKEN", visitor.Cookie("XSRF-TOKEN")).To(t, env.Server)
		if got.Problem.Code != "XSRF_INVALID" {
			t.Errorf("%.30q…: %s", cookies, got)
		}
	}
}
