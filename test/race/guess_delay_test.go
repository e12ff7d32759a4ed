package race_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-E1, R-E3, R-E4, R-E5, R-K6, V-07, V-08, W-8, T-05: for every kind of secret the stated delay is enough, and a
// second less is not. All spellings of an address and both surfaces count together. A success clears its own count.
// Each delay is one audit event. Every count expires.
func TestEveryKindOfSecretIsDelayed(t *testing.T) {
	t.Parallel()

	const free = 2

	g := newRaceGateway(t, withoutOtherLimits, func(c *apptest.Settings) { c.FailuresFree = free })
	g.Clock.Stop()

	for name, prepare := range guessedSecrets() {
		if slices.Contains([]string{"AuthenticatorToBind", "ResetCode", "RegistrationCode", "CodeOnBothSurfaces"}, name) {
			continue // void after five guesses, so that there is no delay
		}

		next := prepare(t, g)
		g.expectDelays(t, name, next, free)
	}

	g.expectCounts(t)
}

func (g *raceGateway) expectDelays(t *testing.T, name string, next func(round int) raceRound, free int) {
	t.Helper()

	// The attacker has guessed at another secret of this user before.
	other := g.guessAtAnother(t, name, next(0).email)
	p := next(0)

	for i := range free {
		// Every other contender uses another surface, and each spells the address in another way.
		if got := p.call(2*i, differentCode(p.code(2*i))).To(t, g.gateways[i%2]); got.Status < 400 || world.RetryAfter(t, got) != 0 {
			t.Errorf("%s: a wrong guess got %s", name, got)
		}
	}

	responses := func() int {
		return queryValue[int](t, g, "SELECT count(*) FROM audit_event WHERE action = 'limit.reached' AND detail->>'limit' = 'failures in a row'")
	}
	before := responses()

	expectEarly := func(what string, want time.Duration) {
		t.Helper()

		for i := range 6 {
			c := p.call(i, p.code(i))

			status := http.StatusBadRequest
			if operation := world.OperationAt(c.Method, c.Path); !operation.IsPublic() {
				status = http.StatusTooManyRequests
			}

			got := c.To(t, g.gateways[i%2])
			if got.Status != status || got.Problem.Code != "TOO_MANY_REQUESTS" || world.RetryAfter(t, got) != want || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %s: %s, Retry-After %s, want %d and %s", name, what, got, world.RetryAfter(t, got), status, want)
			}
		}
	}

	expectEarly("at once", world.FirstWait)
	g.Clock.Advance(world.FirstWait - time.Second)
	expectEarly("a second early", time.Second)
	g.Clock.Advance(time.Second)

	if got := responses() - before; got != 1 {
		t.Errorf("%s: a delay that twelve callers met has %d audit events", name, got)
	}

	if got := p.call(0, p.code(0)).To(t, g.Server); got.Status >= 300 {
		t.Errorf("%s: the right secret, in time, got %s", name, got)
	}

	// A new address has a count of its own.
	if got := other.To(t, g.Server); got.Problem.Code != "TOO_MANY_REQUESTS" && !strings.HasPrefix(name, "EmailCode") {
		t.Errorf("%s: its success cleared the failures of another factor: %s", name, got)
	}

	p = next(1)

	for i := range free {
		if got := p.call(2*i, differentCode(p.code(2*i))).To(t, g.gateways[i%2]); got.Status < 400 || world.RetryAfter(t, got) != 0 {
			t.Errorf("%s: after a success, a wrong guess got %s", name, got)
		}
	}

	expectEarly("spent again", world.FirstWait)

	g.Clock.Advance(time.Hour)
}

// guessAtAnother fails with another factor of the user until there is a delay, and returns that call.
func (g *raceGateway) guessAtAnother(t *testing.T, name, email string) world.Call {
	t.Helper()

	c := world.PostCall("/login", map[string]any{"email": email, "password": "wrong"}).FromBrowser(g.Visitor)
	if name == "PasswordOnBothSurfaces" || name == "OldPassword" {
		c = world.PostCall("/login/totp", map[string]any{"email": email, "code": "000000"}).FromBrowser(g.Visitor)
	}

	for range 3 {
		c.To(t, g.Server)
	}

	for i := range 2 { // until the delay is longer than this test
		g.Clock.Advance(time.Duration(i+1) * world.FirstWait)
		c.To(t, g.Server)
	}

	if got := c.To(t, g.Server); world.RetryAfter(t, got) != 4*world.FirstWait {
		t.Fatalf("%s: another factor got %s, Retry-After %s", name, got, world.RetryAfter(t, got))
	}

	return c
}

// expectCounts checks that no count lasts longer than a day and that all of them are cleaned up then.
func (g *raceGateway) expectCounts(t *testing.T) {
	t.Helper()

	for table, clean := range map[string]func() (int64, error){
		"throttle": func() (int64, error) { return throttle.Clean(t.Context(), g.Pool, g.Clock.Now().Add(25*time.Hour)) },
		"failure": func() (int64, error) {
			return throttle.CleanFailures(t.Context(), g.Pool, g.Clock.Now().Add(25*time.Hour))
		},
	} {
		rows := queryValue[int64](t, g, "SELECT count(*) FROM "+table)
		if late := queryValue[int](t, g, "SELECT count(*) FROM "+table+" WHERE ends_at > $1", g.Clock.Now().Add(24*time.Hour)); rows == 0 || late > 0 {
			t.Errorf("%s: %d rows, of which %d count for more than a day", table, rows, late)
		}

		if cleaned, err := clean(); err != nil || cleaned != rows {
			t.Errorf("%s: %d of %d rows were cleaned up, %v", table, cleaned, rows, err)
		}
	}
}

// R-E6, T-14, T-36: if the counters are unavailable, nothing is compared and no failure is counted. Once they are back,
// every earlier guess still counts.
func TestNoSecretIsComparedWithoutItsCounter(t *testing.T) {
	t.Parallel()

	for _, table := range []string{"failure", "throttle"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()

			g := newRaceGateway(t, withoutOtherLimits)
			g.Clock.Stop() // an authenticator's code would otherwise expire during the test

			var rounds []raceRound

			for name, prepare := range guessedSecrets() {
				if name != "AuthenticatorToBind" {
					rounds = append(rounds, prepare(t, g)(0))
				}
			}

			before := queryValue[int](t, g, "SELECT count(*) FROM audit_event")

			lock, err := g.Pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}

			if _, err := lock.Exec(t.Context(), "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE"); err != nil {
				t.Fatal(err)
			}

			var all sync.WaitGroup

			for i, p := range rounds {
				all.Go(func() {
					c := p.call(i, p.code(i))

					got := c.To(t, g.gateways[i%2])
					if got.Status != http.StatusServiceUnavailable || world.RetryAfter(t, got) == 0 || cookieOf(got, "__Host-TOKEN") != "" {
						t.Errorf("%s: %s, Retry-After %s", c.Path, got, world.RetryAfter(t, got))
					}
				})
			}

			all.Wait()

			if err := lock.Rollback(t.Context()); err != nil {
				t.Fatal(err)
			}

			if after := queryValue[int](t, g, "SELECT count(*) FROM audit_event"); after != before {
				t.Errorf("%d were judged", after-before)
			}

			for i, p := range rounds {
				c := p.call(i, p.code(i))
				if got := c.To(t, g.gateways[i%2]); got.Status >= 300 {
					t.Errorf("%s, once they are back: %s", c.Path, got)
				}
			}
		})
	}
}
