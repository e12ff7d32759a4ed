package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// endRounds are for every run; the battery runs a thousand, and of those that hash three hundred.
const endRounds = 3

// R-F10, R-H11, T-04: whatever is won in the moment in which a session ends is worth nothing afterwards.
func TestNothingOutlivesTheEndItRacedWith(t *testing.T) {
	t.Parallel()

	t.Run("RefreshAndLogout", func(t *testing.T) {
		t.Parallel()
		raceRefreshWithLogout(t, endRounds)
	})

	t.Run("RenewalAndLogout", func(t *testing.T) {
		t.Parallel()
		raceRenewalWithLogout(t, endRounds)
	})

	t.Run("ResetAndSignIn", func(t *testing.T) {
		t.Parallel()
		raceResetWithSignIn(t, endRounds)
	})
}

// raceRefreshWithLogout: one contender signs out, the others refresh.
func raceRefreshWithLogout(t *testing.T, rounds int) {
	t.Helper()

	a := newArena(t, patiently)
	r := &ring{Env: a.Env, gateways: a.gateways}
	refreshed := 0

	for round := range rounds {
		tokens := a.SignIn(t, owner)

		var (
			mu  sync.Mutex
			got = []client.Tokens{tokens}
		)

		r.contend(func(i int, gateway *client.ClientWithResponses) {
			if i == contenders/2 {
				out := call{method: http.MethodPost, path: "/api/auth/logout"}.with("Authorization", "Bearer "+tokens.AccessToken)
				if got := out.served(t, a.gateways[i%2]); got.status != http.StatusNoContent {
					t.Errorf("logout: %s", got)
				}

				return
			}

			result, err := gateway.RefreshWithResponse(t.Context(), client.RefreshRequest{RefreshToken: tokens.RefreshToken})

			switch {
			case err != nil:
				t.Error(err)
			case result.JSON200 != nil:
				mu.Lock()
				defer mu.Unlock()

				got = append(got, *result.JSON200)
			case result.StatusCode() == http.StatusServiceUnavailable: // no time, which is no blame
			case result.JSON401 == nil || result.JSON401.Code != "REFRESH_TOKEN_INVALID":
				t.Errorf("a refresh that came too late got %s: %s", result.Status(), result.Body)
			}
		})

		refreshed += len(got) - 1

		r.expectDead(t, got)

		if t.Failed() {
			t.Fatalf("round %d of %d", round, rounds)
		}
	}

	t.Logf("refresh and logout: %d rounds, in which %d of %d refreshes were faster; no token lived on", rounds, refreshed, rounds*(contenders-1))
}

// raceRenewalWithLogout: one tab signs out, the others renew, each with a code of its own.
func raceRenewalWithLogout(t *testing.T, rounds int) {
	t.Helper()

	a := newArena(t, patiently)
	r := &ring{Env: a.Env, gateways: a.gateways}
	renewed := 0

	for round := range rounds {
		browser := a.SignedIn(t, owner)

		var (
			calls   [contenders]call
			results [contenders]reply
		)

		for i := range calls {
			calls[i] = renewalCall(refreshCode(t, browser)).from(browser)
		}

		calls[contenders/2] = signOutCall().from(browser)

		r.contend(func(i int, _ *client.ClientWithResponses) {
			if i == contenders/2 {
				results[i] = calls[i].served(t, a.gateways[i%2])
			} else {
				results[i] = calls[i].to(t, a.gateways[i%2])
			}
		})

		for i, got := range results {
			switch {
			case got.status == http.StatusNoContent && i != contenders/2:
				renewed++

				fresh := a.Browser(t)
				fresh.SetCookie("__Host-TOKEN", cookieOf(got, "__Host-TOKEN"))

				if status := fresh.Verify(t); status != http.StatusUnauthorized {
					t.Errorf("a renewed cookie got %d after the logout", status)
				}
			case got.status == http.StatusUnauthorized && i != contenders/2:
				if cookieOf(got, "__Host-TOKEN") != "" {
					t.Errorf("a refusal came with a cookie: %q", got.header["Set-Cookie"])
				}
			case got.status != http.StatusNoContent && !unavailable(got):
				t.Errorf("contender %d got %s", i, got)
			}
		}

		if status := browser.Verify(t); status != http.StatusUnauthorized {
			t.Errorf("the cookie of before got %d after the logout", status)
		}

		if t.Failed() {
			t.Fatalf("round %d of %d", round, rounds)
		}
	}

	t.Logf("renewal and logout: %d rounds, in which %d of %d renewals were faster; no cookie lived on", rounds, renewed, rounds*(contenders-1))
}

// cookieOf is the value that an answer sets, empty where it sets none or removes it.
func cookieOf(got reply, name string) string {
	for _, cookie := range (&http.Response{Header: got.header}).Cookies() {
		if cookie.Name == name {
			return cookie.Value
		}
	}

	return ""
}

// raceResetWithSignIn: half reset the password, the others sign in with the old one, through both doors.
func raceResetWithSignIn(t *testing.T, rounds int) {
	t.Helper()

	var (
		a        = newArena(t, patiently)
		r        = &ring{Env: a.Env, gateways: a.gateways}
		v        = a.rival(t)
		password = apptest.Password
		signedIn = 0
	)

	doors := []door{appDoor, browserDoor}
	porch := &porch{Env: a.Env, visitor: a.visitor}

	for round := range rounds {
		plain := a.issue(t, code.Reset, v.email)
		secret := func(i int) string { return fmt.Sprintf("%s, %d and %d", apptest.Password, round, i) }

		var results [contenders]reply

		r.contend(func(i int, _ *client.ClientWithResponses) {
			c := porch.through(doors[i/4%2], v.email, password)
			if i/2%2 == 0 {
				c = post("/forget_reset", map[string]any{"email": v.email, "code": plain, "password": secret(i)}).from(a.visitor)
			}

			results[i] = c.to(t, a.gateways[i%2])
		})

		resets, old := 0, password

		for i, got := range results {
			switch reset := i/2%2 == 0; {
			case reset && got.status == http.StatusNoContent:
				resets++
				password = secret(i)
			case !reset && got.status < http.StatusMultipleChoices:
				signedIn++

				a.expectEnded(t, got)
			case got.problem.Code == "UNAVAILABLE" && wait(t, got) > 0:
			case reset && got.problem.Code != "CODE_INVALID", !reset && got.problem.Code != "INVALID_CREDENTIALS":
				t.Errorf("contender %d got %s", i, got)
			}
		}

		if live := value[int](t, a, "SELECT count(*) FROM session WHERE account_id = $1 AND revoked_at IS NULL", v.id); resets != 1 || live != 0 {
			t.Fatalf("round %d: %d resets, %d sessions lived on", round, resets, live)
		}

		a.Exec(t, "TRUNCATE throttle, failure")

		if got := porch.through(appDoor, v.email, old).to(t, a.Server); got.problem.Code != "INVALID_CREDENTIALS" {
			t.Fatalf("round %d: the old password got %s", round, got)
		}

		a.expectPassword(t, v.email, password)
		a.Exec(t, "TRUNCATE throttle, failure")
	}

	t.Logf("reset and sign-in: %d rounds, one reset each; %d of %d sign-ins were faster, and none lived on", rounds, signedIn, rounds*contenders/2)
}

// expectEnded says that what a sign-in was answered is worth nothing any more.
func (a *arena) expectEnded(t *testing.T, got reply) {
	t.Helper()

	c := verifyCall()

	if cookie := cookieOf(got, "__Host-TOKEN"); cookie != "" {
		c = c.with("Cookie", "__Host-TOKEN="+cookie)
	} else {
		_, rest, _ := strings.Cut(string(got.body), `"access_token":"`)
		token, _, _ := strings.Cut(rest, `"`)
		c = call{method: http.MethodGet, path: "/api/users/me"}.with("Authorization", "Bearer "+token)
	}

	if again := c.to(t, a.Server); again.status != http.StatusUnauthorized {
		t.Errorf("what a sign-in got before the reset is worth %s", again)
	}
}
