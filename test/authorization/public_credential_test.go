package app_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// Contract, "HEAD": like GET for what is only read, 405 with what there is for what does more.
func TestHeadOfThePublicSurface(t *testing.T) {
	t.Parallel()

	d := newDesk(t)

	for _, o := range operations() {
		if !o.public() || o.method != http.MethodGet || len(o.Parameters) > 0 {
			continue
		}

		if o.guarded() {
			head := d.call(o)
			head.method = http.MethodHead

			before := effects(t, d.Env)

			got := head.to(t, d.Server)
			if got.status != http.StatusMethodNotAllowed || len(got.body) > 0 || effects(t, d.Env) != before ||
				slices.Contains(strings.Split(got.header.Get("Allow"), ", "), "HEAD") || !strings.Contains(got.header.Get("Allow"), "GET") {
				t.Errorf("HEAD %s: %s, Allow %q", o.path, got, got.header.Get("Allow"))
			}

			continue
		}

		for name, get := range map[string]call{"signed in": d.call(o), "stranger": d.call(o).without("Cookie"), "picky": d.call(o).with("Accept", "text/html")} {
			head := get
			head.method = http.MethodHead

			want, got := get.to(t, d.Server), head.to(t, d.Server)
			if got.status != want.status || len(got.body) > 0 {
				t.Errorf("HEAD %s, %s: %s, want %d and no body", o.path, name, got, want.status)
			}

			for header := range want.header {
				if !slices.Contains([]string{"Date", "X-Request-Id", "Set-Cookie", "Content-Length"}, header) && got.header.Get(header) != want.header.Get(header) {
					t.Errorf("HEAD %s, %s: %s is %q, want %q", o.path, name, header, got.header.Get(header), want.header.Get(header))
				}
			}
		}
	}

	got := call{method: http.MethodHead, path: "/refresh_code"}.from(d.browser).to(t, d.Server)
	if got.header.Get("Allow") != "GET, OPTIONS" {
		t.Errorf("HEAD /refresh_code: Allow %q", got.header.Get("Allow"))
	}
}

// R-H8, T-28, contract "both credentials": a bearer token is never taken for a cookie, nor the other way
// round; each surface does not even look at what is the other's.
func TestCredentialsAreNotMixed(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	d.Account(t, person)

	another := d.SignIn(t, person)
	value := d.browser.Cookie("__Host-TOKEN")
	cookie := "__Host-TOKEN=" + value

	bearers := map[string]string{
		"good": "Bearer " + d.tokens.AccessToken, "another's": "Bearer " + another.AccessToken, "malformed": "Bearer", "worse": "Bearer a b",
		"forged": "Bearer e30.e30.e30", "a cookie's": "Bearer " + value, "a session": "Bearer " + sessionOf(t, d.Env, d.browser), "basic": "Basic eDp5", "empty": "",
	}

	for _, o := range operations() {
		c := d.call(o)
		c.query = "unknown=1" // heard, and without an effect

		switch {
		case o.admin(): // takes either, see the authorization matrix
		case o.public():
			for name, bearer := range bearers {
				for state, sent := range map[string]call{"with a cookie": c, "without": c.without("Cookie")} {
					want := sent.to(t, d.Server)
					if got := sent.with("Authorization", bearer).to(t, d.Server); got.status != want.status || got.problem.Code != want.problem.Code {
						t.Errorf("%s %s, and a bearer that is %s: %s, want %s", o.OperationID, state, name, got, want)
					}
				}
			}

			if !o.secured("session") {
				continue
			}

			for _, token := range []string{d.tokens.AccessToken, d.tokens.RefreshToken, sessionOf(t, d.Env, d.browser)} {
				if got := c.with("Cookie", "__Host-TOKEN="+token).to(t, d.Server); got.problem.Code != "TOKEN_INVALID" {
					t.Errorf("%s, a bearer's token as the cookie: %s", o.OperationID, got)
				}
			}
		default:
			sent := c.without("Authorization")
			want := sent.to(t, d.Server)

			for _, values := range []string{cookie, cookie + "; __Host-PRE=x; XSRF-TOKEN=x", "__Host-TOKEN=" + d.tokens.AccessToken} {
				got := sent.with("Cookie", values).with("X-XSRF-TOKEN", d.browser.Cookie("XSRF-TOKEN")).to(t, d.Server)
				if got.status != want.status || got.problem.Code != want.problem.Code || len(got.header.Values("Set-Cookie")) > 0 {
					t.Errorf("%s, with cookies: %s %q, want %s", o.OperationID, got, got.header.Values("Set-Cookie"), want)
				}
			}

			if o.secured("bearer") {
				if got := c.with("Authorization", "Bearer "+value).to(t, d.Server); got.status != http.StatusUnauthorized {
					t.Errorf("%s, the cookie as a bearer: %s", o.OperationID, got)
				}
			}
		}
	}

	// Each door has its own person.
	both := call{method: http.MethodGet, path: "/user"}.from(d.browser).with("Authorization", "Bearer "+another.AccessToken)
	if got := both.to(t, d.Server); !strings.Contains(string(got.body), owner) {
		t.Errorf("user: %s", got)
	}

	both.path = "/api/users/me"
	if got := both.to(t, d.Server); !strings.Contains(string(got.body), person) {
		t.Errorf("me: %s", got)
	}
}

// Contract, "many per account": signing in and out at one door leaves the other's sessions alone.
func TestDoorsKeepTheirSessions(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, owner)

	tokens, browser := env.SignIn(t, owner), env.SignedIn(t, owner)

	app := call{method: http.MethodPost, path: "/api/auth/logout"}.from(browser).with("Authorization", "Bearer "+env.SignIn(t, owner).AccessToken)
	if got := app.to(t, env.Server); got.status != http.StatusNoContent {
		t.Errorf("an app's logout: %s", got)
	}

	if status := browser.Verify(t); status != http.StatusNoContent {
		t.Errorf("the browser after an app's logout: %d", status)
	}

	signOutCall().with("Authorization", "Bearer "+tokens.AccessToken).in(t, env.Server, browser)

	if status, _ := env.Me(t, tokens.AccessToken); status != http.StatusOK {
		t.Errorf("the app after the browser's sign-out: %d", status)
	}
}
