package race_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// raceWithDisabling disables an account while contenders sign in and refresh its tokens. No matter who is faster, no
// token of theirs works afterwards (T-04c, R-F10).
func raceWithDisabling(t *testing.T, rounds int) {
	const email = "disabled@konec.com.au"

	r := newReplicas(t)
	r.Account(t, email)

	refreshed := 0

	for round := range rounds {
		tokens := r.SignIn(t, email)

		var (
			mu  sync.Mutex
			got = []client.Tokens{tokens}
		)

		r.contend(func(i int, gateway *client.ClientWithResponses) {
			switch i {
			case world.Contenders / 2:
				if err := r.SetStatus(t.Context(), email, account.Disabled); err != nil {
					t.Error(err)
				}
			case 1, 2:
				result, err := gateway.LoginWithFormdataBodyWithResponse(t.Context(), nil, client.LoginRequest{Email: email, Password: apptest.Password})
				if err == nil && result.JSON200 != nil {
					mu.Lock()
					defer mu.Unlock()

					got = append(got, *result.JSON200)
				}
			default:
				result, err := gateway.RefreshWithResponse(t.Context(), client.RefreshRequest{RefreshToken: tokens.RefreshToken})
				if err == nil && result.JSON200 != nil {
					mu.Lock()
					defer mu.Unlock()

					got = append(got, *result.JSON200)
				}
			}
		})

		refreshed += len(got) - 1

		// Once while the account is disabled and once after it is enabled: that restores no session.
		r.expectDead(t, got)

		if err := r.SetStatus(t.Context(), email, account.Active); err != nil {
			t.Fatal(err)
		}

		r.expectDead(t, got)

		if t.Failed() {
			t.Fatalf("round %d of %d", round, rounds)
		}
	}

	t.Logf("disabling: %d rounds, in which %d of %d contenders were faster; no token survived", rounds, refreshed, rounds*(world.Contenders-1))
}

func (r *replicas) expectDead(t *testing.T, got []client.Tokens) {
	t.Helper()

	for _, tokens := range got {
		if status, _ := r.Me(t, tokens.AccessToken); status != http.StatusUnauthorized {
			t.Errorf("an earlier access token got %d, want 401", status)
		}
	}

	// A hundred copies of the same token prove nothing more.
	texts := make([]string, len(got))
	for i, tokens := range got {
		texts[i] = tokens.RefreshToken
	}

	slices.Sort(texts)

	for _, text := range slices.Compact(texts) {
		if status, _ := r.Refresh(t, text); status != http.StatusUnauthorized {
			t.Errorf("an earlier refresh token got %d, want 401", status)
		}
	}
}
