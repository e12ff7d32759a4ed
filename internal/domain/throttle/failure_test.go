package throttle_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// usual is the contract's backoff.
var usual = throttle.Backoff{Free: 5, First: 30 * time.Second, Longest: time.Hour, Network: 100}

// patient counts failures by a stopped clock.
type patient struct {
	*throttle.Failures

	db        *postgres.DB
	clock     *apptest.Clock
	deadlocks *deadlocks
}

func newPatient(t *testing.T, patience throttle.Backoff) *patient {
	t.Helper()

	p := &patient{clock: &apptest.Clock{}, deadlocks: &deadlocks{}}
	p.clock.Stop()

	var err error

	p.db, err = postgres.Open(t.Context(), postgres.Options{URL: postgrestest.New(t), MaxConns: 16, Tracer: p.deadlocks})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(p.db.Close)

	p.Failures = throttle.NewFailures(p.db, patience, p.clock.Now)

	return p
}

func from(address string) origin.Origin {
	return origin.Origin{Address: netip.MustParseAddr(address)}
}

// try returns the attempt, or the time to wait.
func (p *patient) try(t *testing.T, address, factor, person string) (throttle.Attempt, time.Duration) {
	t.Helper()

	attempt, err := p.Begin(origin.With(t.Context(), from(address)), factor, throttle.Person{Name: person})
	if err == nil {
		return attempt, 0
	}

	refused, ok := errors.AsType[*problem.Problem](err)
	if !ok || !errors.Is(err, problem.ErrTooManyRequests) {
		t.Fatal(err)
	}

	return attempt, refused.RetryAfter.Round(time.Millisecond) // the database counts microseconds
}

// expect makes an attempt, and expects this time to wait; zero for none.
func (p *patient) expect(t *testing.T, what, address, factor, person string, want time.Duration) {
	t.Helper()

	if _, got := p.try(t, address, factor, person); got != want {
		t.Errorf("%s: wait %s, want %s", what, got, want)
	}
}

func (p *patient) succeed(t *testing.T, attempt throttle.Attempt) {
	t.Helper()

	err := p.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error { return attempt.Succeeded(ctx, tx) })
	if err != nil {
		t.Fatal(err)
	}
}

const home = "203.0.113.7"

// R-E1, R-E4, T-05: the waits double from half a minute to an hour, and end exactly.
func TestWaitsDouble(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		patience throttle.Backoff
		waits    []time.Duration // after the first failure, the second and so on
	}{
		"Usual": {usual, []time.Duration{
			0, 0, 0, 0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
			16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour, time.Hour,
		}},
		"OneIsFree": {
			throttle.Backoff{Free: 1, First: time.Minute, Longest: 5 * time.Minute, Network: 100},
			[]time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute},
		},
		"NothingDoubles": {
			throttle.Backoff{Free: 2, First: time.Second, Longest: time.Second, Network: 100},
			[]time.Duration{0, time.Second, time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			p := newPatient(t, c.patience)

			for i, wait := range c.waits {
				p.expect(t, fmt.Sprintf("attempt %d", i+1), home, "password", "a", 0)

				if wait == 0 {
					continue
				}

				p.expect(t, fmt.Sprintf("at once after %d", i+1), home, "password", "a", wait)
				p.clock.Advance(wait - time.Millisecond)
				p.expect(t, fmt.Sprintf("too early after %d", i+1), home, "password", "a", time.Second) // at least one second
				p.clock.Advance(time.Millisecond)
			}

			// A refused attempt extends nothing: the next one succeeds.
			p.expect(t, "the last", home, "password", "a", 0)
		})
	}
}

// R-E4, R-E5, W-8: a count is of one user and one factor, expires by itself, and ends with a success.
func TestFailuresAreForgotten(t *testing.T) {
	t.Parallel()

	spent := func(t *testing.T) *patient {
		t.Helper()

		p := newPatient(t, usual)
		for range usual.Free {
			p.expect(t, "free", home, "password", "a", 0)
		}

		p.expect(t, "spent", home, "password", "a", usual.First)

		return p
	}

	t.Run("AnotherPersonAndAnotherFactorAreFree", func(t *testing.T) {
		t.Parallel()

		p := spent(t)
		p.expect(t, "another person", home, "password", "b", 0)
		p.expect(t, "another factor", home, "totp", "a", 0)
		p.expect(t, "another address", "203.0.113.8", "password", "a", usual.First)
	})

	t.Run("SuccessClearsOneFactor", func(t *testing.T) {
		t.Parallel()

		p := spent(t)

		other, _ := p.try(t, home, "totp", "a")
		p.succeed(t, other)
		p.expect(t, "after a success of another factor", home, "password", "a", usual.First)

		p.clock.Advance(usual.First)

		right, _ := p.try(t, home, "password", "a")
		p.succeed(t, right)

		for range usual.Free {
			p.expect(t, "free again", home, "password", "a", 0)
		}

		p.expect(t, "spent again", home, "password", "a", usual.First)
	})

	t.Run("ADayAfterTheLastAllIsFree", func(t *testing.T) {
		t.Parallel()

		p := spent(t)
		p.clock.Advance(24*time.Hour - time.Second)
		p.expect(t, "within the day", home, "password", "a", 0)
		p.expect(t, "the count went on", home, "password", "a", 2*usual.First)
		p.clock.Advance(24 * time.Hour)

		for range usual.Free {
			p.expect(t, "after a day", home, "password", "a", 0)
		}
	})

	t.Run("CleaningLeavesWhatStillCounts", func(t *testing.T) {
		t.Parallel()

		p := spent(t)

		for at, want := range map[time.Duration]int64{23 * time.Hour: 0, 24*time.Hour + time.Second: 1} {
			err := p.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error {
				deleted, err := throttle.CleanFailures(ctx, tx, p.clock.Now().Add(at))
				if deleted != want {
					t.Errorf("after %s: %d deleted, want %d", at, deleted, want)
				}

				return errors.Join(err, errUndo)
			})
			if !errors.Is(err, errUndo) {
				t.Error(err)
			}
		}
	})
}

var errUndo = errors.New("undo")

// deadlocks counts those that Postgres ended; the gateway would only retry.
type deadlocks struct{ count atomic.Int32 }

func (d *deadlocks) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (d *deadlocks) TraceQueryEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	if pgErr, ok := errors.AsType[*pgconn.PgError](data.Err); ok && pgErr.Code == "40P01" {
		d.count.Add(1)
	}
}

// R-E2, V-06: parallel attempts all count, in any order.
func TestParallelAttemptsShareWhatIsFree(t *testing.T) {
	t.Parallel()

	p := newPatient(t, usual)

	var (
		all     sync.WaitGroup
		allowed atomic.Int32
	)

	for range 64 {
		all.Go(func() {
			_, err := p.Begin(origin.With(t.Context(), from(home)), "password", throttle.Person{Name: "a"})
			if err == nil {
				allowed.Add(1)
			} else if !errors.Is(err, problem.ErrTooManyRequests) {
				t.Error(err)
			}
		})
	}

	all.Wait()

	if allowed.Load() != int32(usual.Free) {
		t.Errorf("%d of 64 were allowed", allowed.Load())
	}
}

// Counting and forgetting lock in one order, so that they never deadlock.
func TestCountingAndForgettingNeverDeadlock(t *testing.T) {
	t.Parallel()

	p := newPatient(t, throttle.Backoff{Free: 1000, First: time.Second, Longest: time.Second, Network: 1000})

	var all sync.WaitGroup

	for i := range 16 {
		all.Go(func() {
			for round := range 40 {
				attempt, err := p.Begin(origin.With(t.Context(), from(home)), "password", throttle.Person{Name: fmt.Sprint((i + round) % 2)})
				if err != nil {
					t.Error(err)

					return
				}

				err = p.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error { return attempt.Succeeded(ctx, tx) })
				if err != nil {
					t.Error(err)
				}
			}
		})
	}

	all.Wait()

	if count := p.deadlocks.count.Load(); count != 0 {
		t.Errorf("%d deadlocks", count)
	}

	// Every attempt was refunded.
	p.expect(t, "at the end", home, "password", "0", 0)
}
