package signin_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// expectEarly checks that nothing was compared, even with the right password.
func expectEarly(t *testing.T, b *world.BothSurfaces, what string, surface world.Surface, email, password string, want time.Duration) {
	t.Helper()

	status := map[world.Surface]int{world.ToolkitSurface: http.StatusTooManyRequests, world.PublicSurface: http.StatusBadRequest}[surface]

	got := b.SignInCall(surface, email, password).To(t, b.Server)
	if got.Status != status || got.Problem.Code != "TOO_MANY_REQUESTS" || world.RetryAfter(t, got) != want || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s, %s: %s, Retry-After %s, want %d and %s", what, surface, got, world.RetryAfter(t, got), status, want)
	}
}

func expectSignedIn(t *testing.T, b *world.BothSurfaces, what string, surface world.Surface, email string) {
	t.Helper()

	if got := b.SignInCall(surface, email, apptest.Password).To(t, b.Server); got.Status >= 300 {
		t.Errorf("%s, %s: %s", what, surface, got)
	}
}

// R-E1, R-E3, R-E4, V-08, T-05: both surfaces and every spelling of an address count together. Each delay is exact to
// the second, and the attempt after it is compared.
func TestFailuresAreDelayed(t *testing.T) {
	t.Parallel()

	b := world.NewBothSurfaces(t, world.WithManyNetworkFailures)
	b.Clock.Stop()
	b.Account(t, "kim@konec.com.au")

	surfaces := []world.Surface{world.ToolkitSurface, world.PublicSurface}

	var same []string // the spellings that sign this account in

	for _, spelling := range []string{
		"kim@konec.com.au", "KIM@KONEC.COM.AU", "Kim@Konec.com.AU", "\u212aim@konec.com.au", "kim@\uff4b\uff4f\uff4e\uff45\uff43.com.au",
		"kim@konec\u3002com.au", "\uff2bim@konec.com.au", "kim@konec.com.au.",
	} {
		if got := b.SignInCall(world.ToolkitSurface, spelling, apptest.Password).To(t, b.Server); got.Status == http.StatusOK {
			same = append(same, spelling)
		}
	}

	if len(same) < 3 {
		t.Fatalf("%q: too few spellings to compare", same)
	}

	for i := range world.FreeFailures {
		b.ExpectWrong(t, fmt.Sprintf("failure %d", i+1), surfaces[i%2], same[i%len(same)])
	}

	for i, delay := range []time.Duration{world.FirstWait, 2 * world.FirstWait, 4 * world.FirstWait} {
		for j, spelling := range same {
			expectEarly(t, b, "early", surfaces[j%2], spelling, apptest.Password, delay)
		}

		b.Clock.Advance(delay - 1500*time.Millisecond)
		expectEarly(t, b, "a moment early", surfaces[i%2], same[0], apptest.Password, 2*time.Second)
		b.Clock.Advance(1500 * time.Millisecond)
		b.ExpectWrong(t, "in time", surfaces[i%2], same[i%len(same)])
	}

	// R-E5: a success in time clears all failures.
	b.Clock.Advance(8 * world.FirstWait)
	expectSignedIn(t, b, "the owner", world.PublicSurface, same[0])

	for i := range world.FreeFailures {
		b.ExpectWrong(t, "free again", surfaces[i%2], same[0])
	}

	expectEarly(t, b, "spent again", world.ToolkitSurface, same[0], apptest.Password, world.FirstWait)
}

// R-B1, R-B3, T-23: every class of address is delayed alike: the same responses, on both surfaces, with the same
// statements.
func TestUnknownAddressesAreDelayedToo(t *testing.T) {
	t.Parallel()

	for _, surface := range []world.Surface{world.ToolkitSurface, world.PublicSurface} {
		t.Run(string(surface), func(t *testing.T) {
			t.Parallel()

			b := world.NewBothSurfaces(t, world.WithManyNetworkFailures, func(c *apptest.Settings) { c.FailuresFree = 2 })
			b.Clock.Stop()

			people := []string{"unknown@konec.test", "registered@konec.test", "disabled@konec.test", "passwordless@konec.test"}
			for _, email := range people[1:] {
				b.Account(t, email)
			}

			for _, statement := range []string{
				"UPDATE account SET status = 'disabled' WHERE email = 'disabled@konec.test'",
				"UPDATE account SET password_hash = NULL WHERE email = 'passwordless@konec.test'",
			} {
				if _, err := b.Pool.Exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}

			for attempt := range 6 {
				var control string

				for _, email := range people {
					b.Statements.Take()

					got := b.SignInCall(surface, email, "wrong").To(t, b.Server)
					seen := fmt.Sprint(got.Status, got.Problem.Code, got.Problem.Message, world.RetryAfter(t, got), len(got.Header.Values("Set-Cookie")), world.WithoutMaintenance(b.Statements.Take()))

					if control == "" {
						control = seen
					} else if seen != control {
						t.Errorf("attempt %d for %s: %s, and for an unknown address %s", attempt+1, email, seen, control)
					}
				}

				if attempt == 3 {
					b.Clock.Advance(world.FirstWait)
				}
			}
		})
	}
}

// R-E2, V-06, W-8, T-05: of any number of attempts at once, through two gateways and both surfaces, five are compared.
// Only a comparison ends in INVALID_CREDENTIALS, which counts them.
func TestComparisonsNeverExceedTheFreeFailures(t *testing.T) {
	t.Parallel()

	const (
		rounds  = 3
		guesses = 64
	)

	b := world.NewBothSurfaces(t, world.WithManyNetworkFailures, func(c *apptest.Settings) { c.HashConcurrency = guesses })
	b.Clock.Stop()

	gateways := [2]*apptest.Server{b.Server, b.Serve(t)}

	for round := range rounds {
		email := fmt.Sprintf("victim.%d@konec.test", round)
		b.Account(t, email)

		var (
			all     sync.WaitGroup
			mu      sync.Mutex
			barrier = make(chan struct{})
			codes   = map[string]int{}
		)

		for i := range guesses {
			all.Go(func() {
				<-barrier

				guess := b.SignInCall([]world.Surface{world.ToolkitSurface, world.PublicSurface}[i/2%2], email, fmt.Sprint("guess ", i))

				got := guess.To(t, gateways[i%2])
				for got.Status == http.StatusServiceUnavailable {
					got = guess.To(t, gateways[i%2]) // an overloaded gateway has compared nothing
				}

				mu.Lock()
				defer mu.Unlock()

				codes[got.Problem.Code]++
			})
		}

		close(barrier)
		all.Wait()

		if codes["INVALID_CREDENTIALS"] != world.FreeFailures || codes["INVALID_CREDENTIALS"]+codes["TOO_MANY_REQUESTS"] != guesses {
			t.Errorf("round %d: %v, want %d comparisons", round, codes, world.FreeFailures)
		}
	}
}

// R-E6, T-36: if failures cannot be counted, nothing is compared and no one is signed in.
func TestNothingIsComparedWithoutCounting(t *testing.T) {
	t.Parallel()

	for table, what := range map[string]string{"failure": "persons", "throttle": "networks"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()

			b := world.NewBothSurfaces(t)
			b.Account(t, world.Owner)

			rename := func(from, to string) {
				if _, err := b.Pool.Exec(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
					t.Fatal(err)
				}
			}

			rename(table, "elsewhere")

			for _, surface := range []world.Surface{world.ToolkitSurface, world.PublicSurface} {
				for _, password := range []string{apptest.Password, "wrong"} {
					got := b.SignInCall(surface, world.Owner, password).To(t, b.Server)
					if got.Status < 500 || len(got.Header.Values("Set-Cookie")) > 0 {
						t.Errorf("%s: %s", surface, got)
					}
				}
			}

			var rows int
			if err := b.Pool.QueryRow(t.Context(), "SELECT count(*) FROM audit_event WHERE action LIKE 'sign_in.%'").Scan(&rows); err != nil || rows != 0 {
				t.Errorf("%d were judged, %v", rows, err)
			}

			rename("elsewhere", table)
			expectSignedIn(t, b, "once it is back", world.ToolkitSurface, world.Owner)
		})
	}
}
