package race_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// endRounds is how many rounds every run has. The battery runs a thousand, or three hundred if contenders hash a
// password.
const endRounds = 3

// R-F10, R-H11, T-04: nothing that a contender receives at the moment a session ends works afterwards.
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

// raceRefreshWithLogout lets one contender sign out while the others refresh.
func raceRefreshWithLogout(t *testing.T, rounds int) {
	t.Helper()

	g := newRaceGateway(t, withoutOtherLimits)
	r := &replicas{Env: g.Env, servers: g.gateways}
	refreshed := 0

	for round := range rounds {
		tokens := g.SignIn(t, world.Owner)

		var (
			mu  sync.Mutex
			got = []client.Tokens{tokens}
		)

		r.contend(func(i int, gateway *client.ClientWithResponses) {
			if i == world.Contenders/2 {
				out := world.Call{Method: http.MethodPost, Path: "/api/auth/logout"}.With("Authorization", "Bearer "+tokens.AccessToken)
				if got := retryUnavailable(t, out, g.gateways[i%2]); got.Status != http.StatusNoContent {
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
			case result.StatusCode() == http.StatusServiceUnavailable: // an overloaded gateway is not a failure
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

	t.Logf("refresh and logout: %d rounds, in which %d of %d refreshes were faster; no token survived", rounds, refreshed, rounds*(world.Contenders-1))
}

// raceRenewalWithLogout lets one tab sign out while the others renew, each with a code of its own.
func raceRenewalWithLogout(t *testing.T, rounds int) {
	t.Helper()

	g := newRaceGateway(t, withoutOtherLimits)
	r := &replicas{Env: g.Env, servers: g.gateways}
	renewed := 0

	for round := range rounds {
		browser := g.SignedIn(t, world.Owner)

		var (
			calls   [world.Contenders]world.Call
			results [world.Contenders]world.Reply
		)

		for i := range calls {
			calls[i] = world.RenewCall(world.RefreshCode(t, browser)).FromBrowser(browser)
		}

		calls[world.Contenders/2] = world.SignOutCall().FromBrowser(browser)

		r.contend(func(i int, _ *client.ClientWithResponses) {
			if i == world.Contenders/2 {
				results[i] = retryUnavailable(t, calls[i], g.gateways[i%2])
			} else {
				results[i] = calls[i].To(t, g.gateways[i%2])
			}
		})

		for i, got := range results {
			switch {
			case got.Status == http.StatusNoContent && i != world.Contenders/2:
				renewed++

				fresh := g.Browser(t)
				fresh.SetCookie("__Host-TOKEN", cookieOf(got, "__Host-TOKEN"))

				if status := fresh.Verify(t); status != http.StatusUnauthorized {
					t.Errorf("a renewed cookie got %d after the logout", status)
				}
			case got.Status == http.StatusUnauthorized && i != world.Contenders/2:
				if cookieOf(got, "__Host-TOKEN") != "" {
					t.Errorf("a refusal came with a cookie: %q", got.Header["Set-Cookie"])
				}
			case got.Status != http.StatusNoContent && !unavailable(got):
				t.Errorf("contender %d got %s", i, got)
			}
		}

		if status := browser.Verify(t); status != http.StatusUnauthorized {
			t.Errorf("the earlier cookie got %d after the logout", status)
		}

		if t.Failed() {
			t.Fatalf("round %d of %d", round, rounds)
		}
	}

	t.Logf("renewal and logout: %d rounds, in which %d of %d renewals were faster; no cookie survived", rounds, renewed, rounds*(world.Contenders-1))
}

// cookieOf returns the value of a cookie that a response sets, or an empty string if it sets none or removes it.
func cookieOf(got world.Reply, name string) string {
	for _, cookie := range (&http.Response{Header: got.Header}).Cookies() {
		if cookie.Name == name {
			return cookie.Value
		}
	}

	return ""
}

// raceResetWithSignIn lets half of the contenders reset the password while the others sign in with the old one, on both
// surfaces.
func raceResetWithSignIn(t *testing.T, rounds int) {
	t.Helper()

	var (
		g        = newRaceGateway(t, withoutOtherLimits)
		r        = &replicas{Env: g.Env, servers: g.gateways}
		user     = g.newUser(t)
		password = apptest.Password
		signedIn = 0
	)

	surfaces := []world.Surface{world.ToolkitSurface, world.PublicSurface}
	both := &world.BothSurfaces{Env: g.Env, Visitor: g.Visitor}

	for round := range rounds {
		plain := g.issue(t, code.Reset, user.email)
		secret := func(i int) string { return fmt.Sprintf("%s, %d and %d", apptest.Password, round, i) }

		var results [world.Contenders]world.Reply

		r.contend(func(i int, _ *client.ClientWithResponses) {
			c := both.SignInCall(surfaces[i/4%2], user.email, password)
			if i/2%2 == 0 {
				c = world.PostCall("/forget_reset", map[string]any{"email": user.email, "code": plain, "password": secret(i)}).FromBrowser(g.Visitor)
			}

			results[i] = c.To(t, g.gateways[i%2])
		})

		resets, old := 0, password

		for i, got := range results {
			switch reset := i/2%2 == 0; {
			case reset && got.Status == http.StatusNoContent:
				resets++
				password = secret(i)
			case !reset && got.Status < http.StatusMultipleChoices:
				signedIn++

				g.expectEnded(t, got)
			case got.Problem.Code == "UNAVAILABLE" && world.RetryAfter(t, got) > 0:
			case reset && got.Problem.Code != "CODE_INVALID", !reset && got.Problem.Code != "INVALID_CREDENTIALS":
				t.Errorf("contender %d got %s", i, got)
			}
		}

		if live := queryValue[int](t, g, "SELECT count(*) FROM session WHERE account_id = $1 AND revoked_at IS NULL", user.id); resets != 1 || live != 0 {
			t.Fatalf("round %d: %d resets, %d sessions survived", round, resets, live)
		}

		g.Exec(t, "TRUNCATE throttle, failure")

		if got := both.SignInCall(world.ToolkitSurface, user.email, old).To(t, g.Server); got.Problem.Code != "INVALID_CREDENTIALS" {
			t.Fatalf("round %d: the old password got %s", round, got)
		}

		g.expectPassword(t, user.email, password)
		g.Exec(t, "TRUNCATE throttle, failure")
	}

	t.Logf("reset and sign-in: %d rounds, one reset each; %d of %d sign-ins were faster, and none survived", rounds, signedIn, rounds*world.Contenders/2)
}

// expectEnded checks that the credentials in a sign-in's response no longer work.
func (g *raceGateway) expectEnded(t *testing.T, got world.Reply) {
	t.Helper()

	c := world.VerifyCall()

	if cookie := cookieOf(got, "__Host-TOKEN"); cookie != "" {
		c = c.With("Cookie", "__Host-TOKEN="+cookie)
	} else {
		_, rest, _ := strings.Cut(string(got.Body), `"access_token":"`)
		token, _, _ := strings.Cut(rest, `"`)
		c = world.Call{Method: http.MethodGet, Path: "/api/users/me"}.With("Authorization", "Bearer "+token)
	}

	if again := c.To(t, g.Server); again.Status != http.StatusUnauthorized {
		t.Errorf("a session from before the reset gets %s", again)
	}
}
