package app_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// refreshCode asks for one.
func refreshCode(t *testing.T, b *apptest.Browser) string {
	t.Helper()

	result, err := b.Client.CreateRefreshCodeWithResponse(t.Context())
	if err != nil || result.JSON200 == nil {
		t.Fatalf("refresh code: %v, %s", err, result.Body)
	}

	return result.JSON200.Code
}

func renewalCall(plain string) call {
	c := call{method: http.MethodPost, path: "/refresh_token"}.with("Content-Type", "application/json")
	c.body = fmt.Sprintf(`{"code":%q}`, plain)

	return c
}

func renewCall(t *testing.T, b *apptest.Browser) call {
	t.Helper()

	return renewalCall(refreshCode(t, b))
}

// R-H11, W-7: a code is good once, for its own session, for fifteen seconds; several are at once.
func TestRefreshCode(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Clock.Stop()
	env.Account(t, owner)

	expect := func(t *testing.T, what string, b *apptest.Browser, plain string, status int, problem string) {
		t.Helper()

		if got := renewalCall(plain).in(t, env.Server, b); got.status != status || got.problem.Code != problem {
			t.Errorf("%s: %s, want %d %s", what, got, status, problem)
		}
	}

	browser, other := env.SignedIn(t, owner), env.SignedIn(t, owner)

	first, second := refreshCode(t, browser), refreshCode(t, browser)
	expect(t, "the first", browser, first, http.StatusNoContent, "")
	expect(t, "the first again", browser, first, http.StatusBadRequest, "CODE_INVALID")
	expect(t, "another session's", other, second, http.StatusBadRequest, "CODE_INVALID")
	expect(t, "the second, which survived that", browser, second, http.StatusNoContent, "")

	first, second = refreshCode(t, browser), refreshCode(t, browser)
	expect(t, "the halves of two", browser, first[:22]+second[22:], http.StatusBadRequest, "CODE_INVALID")

	env.Clock.Advance(code.Renewal.Lifetime - time.Millisecond)
	expect(t, "just in time", browser, first, http.StatusNoContent, "")
	env.Clock.Advance(time.Millisecond)
	expect(t, "just too late", browser, second, http.StatusBadRequest, "CODE_INVALID")

	if code.Renewal.Lifetime != 15*time.Second {
		t.Errorf("a code lives %s", code.Renewal.Lifetime)
	}

	last, copied := refreshCode(t, browser), browser.Copy(t, env.Server)
	signOutCall().in(t, env.Server, browser)
	expect(t, "of a session that has ended", copied, last, http.StatusUnauthorized, "TOKEN_INVALID")
	expect(t, "of an ended one, in another", other, last, http.StatusBadRequest, "CODE_INVALID")
}

// W-7, R-H11, T-04: of sixteen contenders with one code, on two gateways, exactly one wins.
func TestRaceForRefreshCode(t *testing.T) {
	t.Parallel()
	raceForRefreshCode(t, 20)
}

func raceForRefreshCode(t *testing.T, rounds int) {
	t.Helper()

	r := newRing(t)
	r.Account(t, owner)

	browser := r.SignedIn(t, owner)

	for round := range rounds {
		if round%100 == 99 { // before the session ends by itself, or its idle time does
			browser = r.SignedIn(t, owner)
		}

		plain, header := refreshCode(t, browser), browser.Header()

		var results [contenders]*client.RenewSessionResult

		r.contend(func(i int, gateway *client.ClientWithResponses) {
			result, err := gateway.RenewSessionWithResponse(t.Context(), client.RenewRequest{Code: plain}, func(_ context.Context, q *http.Request) error {
				for name, values := range header {
					q.Header[name] = values
				}

				return nil
			})
			if err != nil {
				t.Error(err)

				return
			}

			results[i] = result
		})

		won := 0

		for _, result := range results {
			switch {
			case result == nil:
			case result.StatusCode() == http.StatusNoContent:
				won++

				for _, cookie := range result.HTTPResponse.Cookies() {
					browser.SetCookie(cookie.Name, cookie.Value)
				}
			case result.JSON400 == nil || result.JSON400.Code != "CODE_INVALID" || len(result.HTTPResponse.Cookies()) > 0:
				t.Errorf("round %d: a loser got %s: %s", round, result.Status(), result.Body)
			}
		}

		if won != 1 || browser.Verify(t) != http.StatusNoContent {
			t.Fatalf("round %d: %d winners, or the winner is signed out", round, won)
		}
	}

	t.Logf("refresh code: %d rounds of %d contenders on 2 gateways, one winner each", rounds, contenders)
}

// Contract, "the browser console": two tabs share one jar of cookies, and renew at once, again and again.
// Neither ever sees a 400 or a 401.
func TestTwoTabsRenewAtOnce(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, owner)

	browser := env.SignedIn(t, owner)

	var tabs sync.WaitGroup

	for tab := range 2 {
		tabs.Go(func() {
			for round := range 100 {
				made, err := browser.Client.CreateRefreshCodeWithResponse(t.Context())
				if err != nil || made.JSON200 == nil {
					t.Errorf("tab %d, round %d: refresh code: %v %+v", tab, round, err, made)

					return
				}

				renewed, err := browser.Client.RenewSessionWithResponse(t.Context(), client.RenewRequest{Code: made.JSON200.Code})
				if err != nil || renewed.StatusCode() != http.StatusNoContent {
					t.Errorf("tab %d, round %d: renewal: %v %s", tab, round, err, renewed.Body)

					return
				}

				if status := browser.Verify(t); status != http.StatusNoContent {
					t.Errorf("tab %d, round %d: verify: %d", tab, round, status)

					return
				}
			}
		})
	}

	tabs.Wait()

	// A minute later the next renewal forgets all but those that were never exchanged, and its own.
	env.Clock.Advance(session.CookieGrace + time.Second)
	renew(t, browser)

	var values int
	if err := env.Pool.QueryRow(t.Context(), "SELECT count(*) FROM session_cookie").Scan(&values); err != nil || values > 4 {
		t.Errorf("%d values are kept, %v", values, err)
	}
}
