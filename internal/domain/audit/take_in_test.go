package audit_test

import (
	"context"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// old writes an event as a server of before there was a chain does: without queueing it.
func (e *env) old(t *testing.T) {
	t.Helper()

	_, err := e.pool.Exec(t.Context(), "INSERT INTO audit_event (at, action, subject, user_agent, request_id) VALUES ($1, 'sign_in.succeeded', '', '', '')", e.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
}

// expectFaults expects a verification that finds a number of faults.
func (e *env) expectFaults(t *testing.T, want int) {
	t.Helper()

	if verdict := e.verify(t, audit.Head{}); len(verdict.Faults) != want {
		t.Errorf("faults %q, want %d", verdict.Faults, want)
	}
}

// REL-D6: events that servers of an earlier version write during the upgrade are sealed, and the log is sound. Otherwise such
// an event is one for Verify to name.
func TestTakeIn(t *testing.T) {
	t.Parallel()

	t.Run("EventsOfTheUpgradeAreSealed", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.record(t, 3)
		e.clock.Advance(hour)

		made := e.clock.Now()
		e.seal(t)
		e.clock.Advance(time.Minute)
		e.old(t)
		e.clock.Advance(2 * hour)
		e.old(t)
		e.clock.Advance(time.Second)

		e.expectFaults(t, 2)

		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})

		go func() {
			defer close(ended)

			e.TakeIn(ctx, made)
		}()

		apptest.Eventually(t, "they wait for the seal", func() bool { return value[int](t, e, "SELECT count(*) FROM audit_unsealed") == 2 })
		cancel()
		<-ended

		e.seal(t)
		e.expectSound(t, 5)
	})

	t.Run("ALogThatIsNotOlderThanTheChainTakesNothingIn", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		made := e.clock.Now().Add(-time.Second)
		e.record(t, 3)
		e.seal(t)
		e.old(t)

		e.TakeIn(t.Context(), made) // returns
		e.expectFaults(t, 1)
	})

	t.Run("AWeekLaterNothingIsTakenIn", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.record(t, 3)
		e.clock.Advance(hour)

		made := e.clock.Now()
		e.seal(t)
		e.clock.Advance(8 * 24 * hour)
		e.old(t)

		e.TakeIn(t.Context(), made) // returns
		e.expectFaults(t, 1)
	})
}
