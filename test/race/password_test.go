package race_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-E4, R-E5: a user who signs in many times at once is not treated as an attacker.
func TestRightPasswordsAtOnceAllPass(t *testing.T) {
	t.Parallel()

	b := world.NewBothSurfaces(t)
	gateways := [2]*apptest.Server{b.Server, b.Serve(t)}

	b.Account(t, world.Owner)

	var all sync.WaitGroup

	for i := range world.Contenders {
		all.Go(func() {
			surface := []world.Surface{world.ToolkitSurface, world.PublicSurface}[i/2%2]

			for {
				got := b.SignInCall(surface, world.Owner, apptest.Password).To(t, gateways[i%2])
				if got.Status == http.StatusServiceUnavailable {
					continue // an overloaded gateway does not count a failure
				}

				if got.Status >= 300 {
					t.Errorf("contender %d, %s: %s, Retry-After %s", i, surface, got, got.Header.Get("Retry-After"))
				}

				return
			}
		})
	}

	all.Wait()

	b.ExpectWrong(t, "nothing was left behind", world.ToolkitSurface, world.Owner)
}
