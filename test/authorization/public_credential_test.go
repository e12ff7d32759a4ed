package authorization_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// Contract, "HEAD": HEAD works like GET if an operation only reads, and gets 405 with the allowed methods if it does
// more.
func TestHeadOfThePublicSurface(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for _, o := range world.Operations() {
		if !o.IsPublic() || o.Method != http.MethodGet || len(o.Parameters) > 0 {
			continue
		}

		if o.RefusesOtherSites() {
			head := g.Call(o)
			head.Method = http.MethodHead

			before := world.PublicState(t, g.Env)

			got := head.To(t, g.Server)
			if got.Status != http.StatusMethodNotAllowed || len(got.Body) > 0 || world.PublicState(t, g.Env) != before ||
				slices.Contains(strings.Split(got.Header.Get("Allow"), ", "), "HEAD") || !strings.Contains(got.Header.Get("Allow"), "GET") {
				t.Errorf("HEAD %s: %s, Allow %q", o.Path, got, got.Header.Get("Allow"))
			}

			continue
		}

		for name, get := range map[string]world.Call{"signed in": g.Call(o), "stranger": g.Call(o).Without("Cookie"), "picky": g.Call(o).With("Accept", "text/html")} {
			head := get
			head.Method = http.MethodHead

			want, got := get.To(t, g.Server), head.To(t, g.Server)
			if got.Status != want.Status || len(got.Body) > 0 {
				t.Errorf("HEAD %s, %s: %s, want %d and no body", o.Path, name, got, want.Status)
			}

			for header := range want.Header {
				if !slices.Contains([]string{"Date", "X-Request-Id", "Set-Cookie", "Content-Length"}, header) && got.Header.Get(header) != want.Header.Get(header) {
					t.Errorf("HEAD %s, %s: %s is %q, want %q", o.Path, name, header, got.Header.Get(header), want.Header.Get(header))
				}
			}
		}
	}

	got := world.Call{Method: http.MethodHead, Path: "/refresh_code"}.FromBrowser(g.OwnerBrowser).To(t, g.Server)
	if got.Header.Get("Allow") != "GET, OPTIONS" {
		t.Errorf("HEAD /refresh_code: Allow %q", got.Header.Get("Allow"))
	}
}

// R-H8, T-28, contract "both credentials": a bearer token is never accepted as a cookie, or a cookie as a bearer token.
// Each surface ignores the other's credential.
func TestCredentialsAreNotMixed(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	g.Account(t, world.PersonEmail)

	another := g.SignIn(t, world.PersonEmail)
	value := g.OwnerBrowser.Cookie("__Host-TOKEN")
	cookie := "__Host-TOKEN=" + value

	bearers := map[string]string{
		"good": "Bearer " + g.OwnerTokens.AccessToken, "another's": "Bearer " + another.AccessToken, "malformed": "Bearer", "worse": "Bearer a b",
		"forged": "Bearer e30.e30.e30", "a cookie's": "Bearer " + value, "a session": "Bearer " + world.SessionOf(t, g.Env, g.OwnerBrowser), "basic": "Basic eDp5", "empty": "",
	}

	for _, o := range world.Operations() {
		c := g.Call(o)
		c.Query = "unknown=1" // accepted by the security checks, and without an effect

		switch {
		case o.IsAdmin(): // accepts either, see the authorization matrix
		case o.IsPublic():
			for name, bearer := range bearers {
				for state, sent := range map[string]world.Call{"with a cookie": c, "without": c.Without("Cookie")} {
					want := sent.To(t, g.Server)
					if got := sent.With("Authorization", bearer).To(t, g.Server); got.Status != want.Status || got.Problem.Code != want.Problem.Code {
						t.Errorf("%s %s, and a bearer that is %s: %s, want %s", o.OperationID, state, name, got, want)
					}
				}
			}

			if !o.RequiresScheme("sessionCookie") {
				continue
			}

			for _, token := range []string{g.OwnerTokens.AccessToken, g.OwnerTokens.RefreshToken, world.SessionOf(t, g.Env, g.OwnerBrowser)} {
				if got := c.With("Cookie", "__Host-TOKEN="+token).To(t, g.Server); got.Problem.Code != "TOKEN_INVALID" {
					t.Errorf("%s, an access token as the cookie: %s", o.OperationID, got)
				}
			}
		default:
			sent := c.Without("Authorization")
			want := sent.To(t, g.Server)

			for _, values := range []string{cookie, cookie + "; __Host-PRE=x; XSRF-TOKEN=x", "__Host-TOKEN=" + g.OwnerTokens.AccessToken} {
				got := sent.With("Cookie", values).With("X-XSRF-TOKEN", g.OwnerBrowser.Cookie("XSRF-TOKEN")).To(t, g.Server)
				if got.Status != want.Status || got.Problem.Code != want.Problem.Code || len(got.Header.Values("Set-Cookie")) > 0 {
					t.Errorf("%s, with cookies: %s %q, want %s", o.OperationID, got, got.Header.Values("Set-Cookie"), want)
				}
			}

			if o.RequiresScheme("bearer") {
				if got := c.With("Authorization", "Bearer "+value).To(t, g.Server); got.Status != http.StatusUnauthorized {
					t.Errorf("%s, the cookie as a bearer token: %s", o.OperationID, got)
				}
			}
		}
	}

	// Each surface uses its own credential's user.
	both := world.Call{Method: http.MethodGet, Path: "/user"}.FromBrowser(g.OwnerBrowser).With("Authorization", "Bearer "+another.AccessToken)
	if got := both.To(t, g.Server); !strings.Contains(string(got.Body), world.Owner) {
		t.Errorf("user: %s", got)
	}

	both.Path = "/api/users/me"
	if got := both.To(t, g.Server); !strings.Contains(string(got.Body), world.PersonEmail) {
		t.Errorf("me: %s", got)
	}
}

// Contract, "many per account": signing in and out on one surface does not affect the other's sessions.
func TestSurfacesKeepTheirSessions(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, world.Owner)

	tokens, browser := env.SignIn(t, world.Owner), env.SignedIn(t, world.Owner)

	app := world.Call{Method: http.MethodPost, Path: "/api/auth/logout"}.FromBrowser(browser).With("Authorization", "Bearer "+env.SignIn(t, world.Owner).AccessToken)
	if got := app.To(t, env.Server); got.Status != http.StatusNoContent {
		t.Errorf("an app's logout: %s", got)
	}

	if status := browser.Verify(t); status != http.StatusNoContent {
		t.Errorf("the browser after an app's logout: %d", status)
	}

	world.SignOutCall().With("Authorization", "Bearer "+tokens.AccessToken).InBrowser(t, env.Server, browser)

	if status, _ := env.Me(t, tokens.AccessToken); status != http.StatusOK {
		t.Errorf("the app after the browser's sign-out: %d", status)
	}
}
