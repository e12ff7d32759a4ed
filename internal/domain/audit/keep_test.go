package audit_test

import (
	"context"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

func TestKeep(t *testing.T) {
	t.Parallel()

	start := func(t *testing.T, e *env) (stop func()) {
		t.Helper()

		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})

		go func() { defer close(done); e.Keep(ctx) }()

		return func() { cancel(); <-done }
	}

	t.Run("SealsAndLogsTheHeadAtItsEnd", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		stop := start(t, e)

		e.record(t, 3)
		apptest.Eventually(t, "all are sealed", func() bool { return e.verify(t, audit.Head{}).Sealed == 3 })
		stop()

		if head := e.expectSound(t, 3); !strings.Contains(e.log.String(), head.String()) {
			t.Errorf("no head in %s", e.log)
		}

		if lag := e.Lag(); lag != 0 {
			t.Errorf("lag %s", lag)
		}
	})

	t.Run("LogsTheHeadEachHour", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		stop := start(t, e)

		e.record(t, 1)
		apptest.Eventually(t, "it is sealed", func() bool { return e.verify(t, audit.Head{}).Sealed == 1 })
		e.clock.Advance(hour)
		apptest.Eventually(t, "the head is logged", func() bool { return strings.Contains(e.log.String(), `"head":"1:`) })
		stop()

		if n := strings.Count(e.log.String(), `"head"`); n != 1 {
			t.Errorf("logged %d times, want once for one head", n)
		}
	})

	t.Run("LogsAFailureOnceAnHour", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.exec(t, "ALTER TABLE audit_checkpoint ADD CONSTRAINT no_more CHECK (false) NOT VALID")
		e.record(t, 1)
		e.clock.Advance(hour / 2)

		stop := start(t, e)
		failures := func() int { return strings.Count(e.log.String(), "cannot be sealed at the moment") }

		apptest.Eventually(t, "it fails", func() bool { return failures() == 1 })

		if lag := e.Lag(); lag < hour/2 {
			t.Errorf("lag %s", lag)
		}

		e.clock.Advance(hour)
		apptest.Eventually(t, "it fails after an hour", func() bool { return failures() == 2 })

		e.exec(t, "ALTER TABLE audit_checkpoint DROP CONSTRAINT no_more")
		apptest.Eventually(t, "it is mended", func() bool { return e.verify(t, audit.Head{}).Sealed == 1 })
		stop()

		if got := failures(); got != 2 {
			t.Errorf("%d failures are logged, want 2", got)
		}
	})
}
