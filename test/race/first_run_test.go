package race_test

import (
	"fmt"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// Of many callers at once, through two gateways, one becomes the administrator.
func TestRaceForFirstRun(t *testing.T) {
	t.Parallel()

	r := newReplicas(t)

	for round := range 4 {
		if _, err := r.Pool.Exec(t.Context(), "DELETE FROM account"); err != nil {
			t.Fatal(err)
		}

		token := world.FirstRunToken(t, r.Env)

		var results [world.Contenders]world.Reply

		r.contend(func(i int, _ *client.ClientWithResponses) {
			results[i] = world.FirstRunCall(token, map[string]string{"email": fmt.Sprintf("founder.%d@konec.com.au", i)}).To(t, r.servers[i%2])
		})

		made := 0

		for i, got := range results {
			switch {
			case got.Header.Get("Location") == world.FirstRunCreated:
				made++
			case got.Header.Get("Location") == world.FirstRunInvalid, unavailable(got):
			default:
				t.Errorf("round %d: contender %d got %s", round, i, got)
			}
		}

		if accounts := world.QueryValue[int](t, r.Pool, "SELECT count(*) FROM account"); made != 1 || accounts != 1 {
			t.Errorf("round %d: %d callers succeeded, and there are %d accounts", round, made, accounts)
		}
	}
}
