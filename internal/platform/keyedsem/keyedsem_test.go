package keyedsem

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestLines(t *testing.T) {
	t.Parallel()

	t.Run("AFewOfANameAtATime", func(t *testing.T) {
		t.Parallel()

		var (
			lines      = New(3)
			group      sync.WaitGroup
			here, most atomic.Int64
		)

		for range 100 {
			group.Go(func() {
				leave, err := lines.Acquire(t.Context(), "one")
				if err != nil {
					t.Error(err)

					return
				}
				defer leave()

				for now := here.Add(1); ; {
					before := most.Load()
					if now <= before || most.CompareAndSwap(before, now) {
						break
					}
				}

				here.Add(-1)
			})
		}

		group.Wait()

		if most.Load() > 3 {
			t.Errorf("%d at once", most.Load())
		}

		if len(lines.slots) > 0 {
			t.Errorf("%d keys are remembered without a caller", len(lines.slots))
		}
	})

	t.Run("OthersPass", func(t *testing.T) {
		t.Parallel()

		lines := New(1)

		leave, err := lines.Acquire(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}
		defer leave()

		other, err := lines.Acquire(t.Context(), "other")
		if err != nil {
			t.Fatal(err)
		}

		other()
	})

	t.Run("WhoGivesUpIsToldWhy", func(t *testing.T) {
		t.Parallel()

		var (
			lines   = New(1)
			errTime = errors.New("took too long")
		)

		leave, err := lines.Acquire(t.Context(), "one")
		if err != nil {
			t.Fatal(err)
		}

		gone, cancel := context.WithCancelCause(t.Context())
		cancel(errTime)

		if _, err := lines.Acquire(gone, "one"); !errors.Is(err, errTime) {
			t.Errorf("told %v", err)
		}

		leave()

		if leave, err = lines.Acquire(t.Context(), "one"); err != nil {
			t.Fatalf("after both have left: %v", err)
		}

		leave()
	})
}
