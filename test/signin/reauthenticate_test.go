package signin_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// SEC-S19, contract "fresh sign-in": a browser confirms its session with the password. The value of its cookie is a new one,
// the one before stays valid for a minute, and a sensitive change works again.
func TestBrowserConfirmsItsSession(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	g.Clock.Stop()

	_, browser := g.NewUser(t)
	g.Clock.Advance(16 * time.Minute)

	change := world.Call{Method: http.MethodGet, Path: "/user/totp"}
	if got := change.InBrowser(t, g.Server, browser); got.Problem.Code != "REAUTH_REQUIRED" || got.Status != http.StatusBadRequest {
		t.Errorf("after 16 minutes: %s", got)
	}

	before, value := browser.Copy(t, g.Server), browser.Cookie("__Host-TOKEN")

	confirm := func(password string) world.Reply {
		return world.PostCall("/user/reauthenticate", map[string]any{"password": password}).InBrowser(t, g.Server, browser)
	}

	if got := confirm("not " + apptest.Password); got.Status != http.StatusBadRequest || got.Problem.Code != "INVALID_CREDENTIALS" || browser.Verify(t) != http.StatusNoContent {
		t.Errorf("a wrong password: %s", got)
	}

	if got := confirm(apptest.Password); got.Status != http.StatusNoContent || browser.Cookie("__Host-TOKEN") == value {
		t.Errorf("the right one: %s", got)
	}

	if got := change.InBrowser(t, g.Server, browser); got.Status != http.StatusOK {
		t.Errorf("the change: %s", got)
	}

	world.ExpectSignedIn(t, "the value before", before, true)
	g.Clock.Advance(time.Minute + time.Second)
	world.ExpectSignedIn(t, "the value before, a minute later", before, false)
	world.ExpectSignedIn(t, "the new value", browser, true)
}

// SEC-S19: an app confirms its session and gets an access token that says so; its refresh token stays. What an
// administrator may do with an old sign-in ends after 60 minutes, whatever the token says.
func TestAppConfirmsItsSession(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	g.Clock.Stop()

	address, _ := g.NewUser(t)
	g.Exec(t, "UPDATE account SET member_group = 'Admin' WHERE email = $1", address)

	tokens := g.SignIn(t, address)

	change := func(token string) world.Reply {
		return world.JSONCall(http.MethodPost, "/api/admin/groups", map[string]any{"name": "Group " + token[len(token)-8:]}).With("Authorization", "Bearer "+token).To(t, g.Server)
	}

	g.Clock.Advance(59 * time.Minute)

	if got := change(tokens.AccessToken); got.Status != http.StatusCreated {
		t.Errorf("after 59 minutes: %s", got)
	}

	g.Clock.Advance(2 * time.Minute)

	_, renewed := g.Refresh(t, tokens.RefreshToken)
	if got := change(renewed.AccessToken); got.Status != http.StatusBadRequest || got.Problem.Code != "REAUTH_REQUIRED" {
		t.Errorf("after 61 minutes, with a fresh token: %s", got)
	}

	confirm := func(body map[string]any) world.Reply {
		return world.JSONCall(http.MethodPost, "/api/auth/reauthenticate", body).With("Authorization", "Bearer "+renewed.AccessToken).To(t, g.Server)
	}

	if got := confirm(map[string]any{"password": "not " + apptest.Password}); got.Status != http.StatusBadRequest || got.Problem.Code != "INVALID_CREDENTIALS" {
		t.Errorf("a wrong password: %s", got)
	}

	got := confirm(map[string]any{"password": apptest.Password})

	var fresh client.AccessToken
	if err := json.Unmarshal(got.Body, &fresh); err != nil || got.Status != http.StatusOK || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the right one: %s, Cache-Control %q", got, got.Header.Get("Cache-Control"))
	}

	if got := change(fresh.AccessToken); got.Status != http.StatusCreated {
		t.Errorf("afterwards: %s", got)
	}

	// The session's row counts, not the token: the one before may do it, too.
	if got := change(renewed.AccessToken); got.Status != http.StatusCreated {
		t.Errorf("with the token before: %s", got)
	}

	if status, again := g.Refresh(t, renewed.RefreshToken); again == nil {
		t.Errorf("the refresh token: %d", status)
	}

}

// Contract "fresh sign-in": an account that is asked for two factors gives both, and then its rights are there; without an
// authenticator, its password renews the sign-in so that it can bind one.
func TestTwoFactorsConfirmASession(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	g.Clock.Stop()

	address, browser := g.NewUser(t)
	g.Exec(t, "UPDATE account SET member_group = 'Admin' WHERE email = $1", address)
	g.ChooseSecondFactor(t, address, true)

	rights := func() string {
		return (world.Call{Method: http.MethodGet, Path: "/api/admin/me"}).InBrowser(t, g.Server, browser).Problem.Code
	}
	confirm := func(body map[string]any) string {
		return world.PostCall("/user/reauthenticate", body).InBrowser(t, g.Server, browser).Problem.Code
	}

	g.Clock.Advance(16 * time.Minute)

	if got := rights(); got != "TWO_FACTORS_REQUIRED" {
		t.Errorf("opened with one: %q", got)
	}

	if got := confirm(map[string]any{"password": apptest.Password}); got != "" {
		t.Errorf("without an authenticator: %q", got)
	}

	if got := rights(); got != "TWO_FACTORS_REQUIRED" {
		t.Errorf("confirmed with one: %q", got)
	}

	secret := g.BindAuthenticator(t, browser)

	// SEC-S4c: a wrong code behind the right password is not a failure of the password.
	for range 8 {
		confirm(map[string]any{"password": apptest.Password, "totp": "000000"})
	}

	if n := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM failure WHERE key LIKE 'password %'"); n != 0 {
		t.Errorf("%d failures of the password are counted", n)
	}

	g.Exec(t, "DELETE FROM failure")

	for _, one := range []struct {
		what string
		body map[string]any
		want string
	}{
		{"the password alone", map[string]any{"password": apptest.Password}, "TOTP_REQUIRED"},
		{"a code alone", map[string]any{"totp": g.TOTPCode(t, secret, 1)}, "INVALID_REQUEST"},
		{"a wrong code", map[string]any{"password": apptest.Password, "totp": "000000"}, "CODE_INVALID"},
		{"both", map[string]any{"password": apptest.Password, "totp": g.TOTPCode(t, secret, 1)}, ""},
	} {
		if got := confirm(one.body); got != one.want {
			t.Errorf("%s: %q, want %q", one.what, got, one.want)
		}
	}

	if got := rights(); got != "" {
		t.Errorf("confirmed with both: %q", got)
	}
}

// Contract "fresh sign-in": failures count in the caller's own place. They delay neither another session nor a sign-in.
func TestFailedConfirmationDelaysItsSessionOnly(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.FailuresFree = 2 })
	g.Clock.Stop()

	address, thief := g.NewUser(t)
	owner := g.SignedIn(t, address)

	confirm := func(browser *apptest.Browser, password string) world.Reply {
		return world.PostCall("/user/reauthenticate", map[string]any{"password": password}).InBrowser(t, g.Server, browser)
	}

	for range 2 {
		confirm(thief, "wrong")
	}

	if got := confirm(thief, apptest.Password); got.Problem.Code != "TOO_MANY_REQUESTS" || world.RetryAfter(t, got) != 30*time.Second {
		t.Errorf("in the session that guessed: %s", got)
	}

	if got := confirm(owner, apptest.Password); got.Status != http.StatusNoContent {
		t.Errorf("in another: %s", got)
	}

	expectCode(t, g, "a sign-in", passwordCall(g, world.PublicSurface, address, apptest.Password, ""), "")
}
