package race_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-E1, R-E3, R-E4, R-E5, R-K6, V-07, V-08, W-8, T-05: for every kind of secret, waiting as long as told is
// enough, and a second less is not; all spellings of an address, and all doors, count together; a success
// clears what is its own; each wait is written down once; and whatever was counted ends.
func TestEveryKindOfSecretIsDelayed(t *testing.T) {
	t.Parallel()

	const free = 2

	g := newRaceGateway(t, withoutOtherLimits, func(c *apptest.Settings) { c.FailuresFree = free })
	g.Clock.Stop()

	for name, prepare := range guessedSecrets() {
		if name == "AuthenticatorToBind" {
			continue // its secret is void after five guesses, and nobody has to wait
		}

		next := prepare(t, g)
		g.expectLadder(t, name, next, free)
	}

	g.expectCounts(t)
}

func (g *raceGateway) expectLadder(t *testing.T, name string, next func(round int) raceRound, free int) {
	t.Helper()

	// Somebody has guessed at something else of this person before.
	other := g.guessAtAnother(t, name, next(0).email)
	p := next(0)

	for i := range free {
		// Every other contender is at another door; every one writes the address another way.
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

	waits := 1
	if name == "CodeAtThreeDoors" {
		waits = 2 // at one of them the password waits, too
	}

	if got := responses() - before; got != waits {
		t.Errorf("%s: %d waits that twelve met were written down %d times", name, waits, got)
	}

	if got := p.call(0, p.code(0)).To(t, g.Server); got.Status >= 300 {
		t.Errorf("%s: the right one, in time, got %s", name, got)
	}

	// A reset forgets who guessed at the old password, and a new address is another name.
	if got := other.To(t, g.Server); got.Problem.Code != "TOO_MANY_REQUESTS" && name != "ResetCode" && name != "RegistrationCode" && name != "EmailCode" {
		t.Errorf("%s: its success cleared what is not its own: %s", name, got)
	}

	p = next(1)

	for i := range free {
		if got := p.call(2*i, differentCode(p.code(2*i))).To(t, g.gateways[i%2]); got.Status < 400 || world.RetryAfter(t, got) != 0 {
			t.Errorf("%s: after a success, a wrong guess got %s", name, got)
		}
	}

	if name != "CodeAtThreeDoors" { // the clock went on to the next code
		expectEarly("spent again", world.FirstWait)
	}

	g.Clock.Advance(time.Hour)
}

// guessAtAnother fails with another factor of the person until somebody has to wait for a while, and answers
// that call.
func (g *raceGateway) guessAtAnother(t *testing.T, name, email string) world.Call {
	t.Helper()

	c := world.PostCall("/login", map[string]any{"email": email, "password": "wrong"}).FromBrowser(g.Visitor)
	if name == "PasswordAtBothDoors" || name == "OldPassword" || name == "CodeAtThreeDoors" {
		c = world.PostCall("/forget_reset", map[string]any{"email": email, "code": "000000", "password": "another horse, another staple"}).FromBrowser(g.Visitor)
	}

	for range 3 {
		c.To(t, g.Server)
	}

	for i := range 2 { // until the wait is longer than this test's own
		g.Clock.Advance(time.Duration(i+1) * world.FirstWait)
		c.To(t, g.Server)
	}

	if got := c.To(t, g.Server); world.RetryAfter(t, got) != 4*world.FirstWait {
		t.Fatalf("%s: another factor got %s, Retry-After %s", name, got, world.RetryAfter(t, got))
	}

	return c
}

// expectCounts says that nothing counts for longer than a day, and that all of it is cleaned away then.
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
			t.Errorf("%s: %d of %d rows were cleaned away, %v", table, cleaned, rows, err)
		}
	}
}

// R-E6, T-14, T-36: where the counters do not answer, nothing is compared, and nobody is blamed. Once they
// do, every guess is there still.
func TestNoSecretIsComparedWithoutItsCounter(t *testing.T) {
	t.Parallel()

	for _, table := range []string{"failure", "throttle"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()

			g := newRaceGateway(t, withoutOtherLimits)
			g.Clock.Stop() // or an authenticator's code would be too old in the end

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
