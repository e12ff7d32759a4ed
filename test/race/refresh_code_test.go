package race_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// W-7, R-H11, T-04: of sixteen contenders with one code, on two gateways, exactly one wins.
func TestRaceForRefreshCode(t *testing.T) {
	t.Parallel()
	raceForRefreshCode(t, 20)
}

func raceForRefreshCode(t *testing.T, rounds int) {
	t.Helper()

	r := newReplicas(t)
	r.Account(t, world.Owner)

	browser := r.SignedIn(t, world.Owner)

	for round := range rounds {
		if round%100 == 99 { // before the session or its idle time ends
			browser = r.SignedIn(t, world.Owner)
		}

		plain, header := world.RefreshCode(t, browser), browser.Header()

		var results [world.Contenders]*client.RenewSessionResult

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

	t.Logf("refresh code: %d rounds of %d contenders on 2 gateways, one winner each", rounds, world.Contenders)
}
