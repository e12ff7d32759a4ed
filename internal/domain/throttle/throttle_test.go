package throttle_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

var (
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	three = throttle.Limit{Name: "three", Max: 3, Window: time.Minute}
)

func pool(t *testing.T) *pgxpool.Pool {
	t.Helper()

	p, err := pgxpool.New(t.Context(), postgrestest.New(t))
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(p.Close)

	return p
}

// consume returns the time to wait, or 0 if the use was allowed.
func consume(t *testing.T, p *pgxpool.Pool, at time.Duration, limit throttle.Limit, subject string) time.Duration {
	t.Helper()

	err := throttle.Consume(t.Context(), p, start.Add(at), limit, subject)
	if err == nil {
		return 0
	}

	refused, ok := errors.AsType[*problem.Problem](err)
	if !ok || !errors.Is(err, problem.ErrTooManyRequests) {
		t.Fatal(err)
	}

	return refused.RetryAfter
}

// R-C10, R-E1: a window begins with its first use, and expires by itself; the wait is exact.
func TestTake(t *testing.T) {
	t.Parallel()

	t.Run("MoreThanTheMostWaitForTheEndOfTheWindow", func(t *testing.T) {
		t.Parallel()

		p := pool(t)

		for i := range 3 {
			if wait := consume(t, p, time.Duration(i)*time.Second, three, "a"); wait != 0 {
				t.Errorf("use %d waits %s", i+1, wait)
			}
		}

		for _, at := range []time.Duration{3 * time.Second, 30 * time.Second, 59*time.Second + 999*time.Millisecond} {
			if wait := consume(t, p, at, three, "a"); wait != time.Minute-at {
				t.Errorf("at %s: wait %s, want %s", at, wait, time.Minute-at)
			}
		}

		if wait := consume(t, p, time.Minute, three, "a"); wait != 0 {
			t.Errorf("after the window: wait %s", wait)
		}
	})

	t.Run("LimitsAndSubjectsAreApart", func(t *testing.T) {
		t.Parallel()

		p := pool(t)
		once, other := throttle.Limit{Name: "once", Max: 1, Window: time.Minute}, throttle.Limit{Name: "other", Max: 1, Window: time.Minute}

		for _, limit := range []throttle.Limit{once, other} {
			for _, subject := range []string{"a", "b", ""} {
				if wait := consume(t, p, 0, limit, subject); wait != 0 {
					t.Errorf("%s %q waits %s", limit.Name, subject, wait)
				}
			}
		}

		if consume(t, p, 0, once, "a") == 0 {
			t.Error("the second use is allowed")
		}
	})

	t.Run("GivenBackIsFreeAgain", func(t *testing.T) {
		t.Parallel()

		p := pool(t)

		for range 20 {
			if wait := consume(t, p, 0, three, "a"); wait != 0 {
				t.Fatalf("waits %s", wait)
			}

			if err := throttle.Refund(t.Context(), p, three, "a"); err != nil {
				t.Fatal(err)
			}
		}

		// A use that was never consumed cannot be refunded.
		if err := throttle.Refund(t.Context(), p, three, "a"); err != nil {
			t.Fatal(err)
		}

		for range 3 {
			consume(t, p, 0, three, "a")
		}

		if consume(t, p, 0, three, "a") == 0 {
			t.Error("a credit was kept")
		}
	})

	t.Run("OfSeveralTheLongestWaitCounts", func(t *testing.T) {
		t.Parallel()

		p := pool(t)
		hour := throttle.Limit{Name: "hour", Max: 1, Window: time.Hour}
		minute := throttle.Limit{Name: "minute", Max: 1, Window: time.Minute}

		for _, uses := range [][]throttle.Use{
			{{Limit: hour, Subject: "a"}, {Limit: minute, Subject: "a"}}, {{Limit: minute, Subject: "b"}, {Limit: hour, Subject: "b"}},
		} {
			if err := throttle.ConsumeAll(t.Context(), p, start, uses...); err != nil {
				t.Fatal(err)
			}

			err := throttle.ConsumeAll(t.Context(), p, start.Add(time.Second), uses...)
			if refused, ok := errors.AsType[*problem.Problem](err); !ok || refused.RetryAfter != time.Hour-time.Second {
				t.Errorf("got %+v", err)
			}
		}
	})

	// SEC-S3: the alarm of a budget goes by the count. One in order was 0.
	t.Run("BothWaysStoreTheCount", func(t *testing.T) {
		t.Parallel()

		p := pool(t)
		day := throttle.Limit{Name: "day", Max: 3, Window: time.Hour}

		for name, consume := range map[string]func(context.Context, db.DBTX, time.Time, ...throttle.Use) error{
			"ConsumeAll": throttle.ConsumeAll, "ConsumeInOrder": throttle.ConsumeInOrder,
		} {
			for want := range int32(3) {
				var count int32

				if err := consume(t.Context(), p, start, throttle.Use{Limit: day, Subject: name, Count: &count}); err != nil || count != want+1 {
					t.Errorf("%s: count %d, want %d: %v", name, count, want+1, err)
				}
			}
		}
	})

	t.Run("ManyAtOnceAreAllSeen", func(t *testing.T) {
		t.Parallel()

		p := pool(t)

		var (
			all     sync.WaitGroup
			allowed atomic.Int32
		)

		for range 32 {
			all.Go(func() {
				if consume(t, p, 0, three, "a") == 0 {
					allowed.Add(1)
				}
			})
		}

		all.Wait()

		if allowed.Load() != 3 {
			t.Errorf("%d were allowed", allowed.Load())
		}
	})
}

// W-8: every counter expires, and is deleted afterwards.
func TestClean(t *testing.T) {
	t.Parallel()

	p := pool(t)
	consume(t, p, 0, three, "old")
	consume(t, p, 30*time.Second, three, "young")

	for _, want := range []int64{1, 0} {
		if deleted, err := throttle.Clean(t.Context(), p, start.Add(61*time.Second)); err != nil || deleted != want {
			t.Errorf("deleted %d, %v, want %d", deleted, err, want)
		}
	}
}
