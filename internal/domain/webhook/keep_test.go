package webhook_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
)

// clean runs the clean-up.
func (e *env) clean(t *testing.T) {
	t.Helper()

	for {
		count, err := webhook.Clean(t.Context(), e.pool, e.keys, e.clock.Now())
		if err != nil {
			t.Fatal(err)
		}

		if count == 0 {
			return
		}
	}
}

const day = 24 * time.Hour

func TestClean(t *testing.T) {
	t.Parallel()

	t.Run("DeliveriesAreKeptForThirtyDays", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		hook := e.make(t, "code.sent")
		e.record(t, 2, audit.CodeSent)
		e.seal(t)
		e.exec(t, "UPDATE webhook_delivery SET state = 'delivered', next_at = NULL, finished_at = now() WHERE event_id = (SELECT max(event_id) FROM webhook_delivery)")

		left := func() int {
			return value[int](t, e, "SELECT count(*) FROM webhook_delivery WHERE webhook_id = $1", hook.ID)
		}

		e.clock.Advance(30*day - time.Minute)
		e.exec(t, "UPDATE webhook_delivery SET next_at = $1 WHERE state = 'pending'", e.clock.Now())
		e.clean(t)

		if got := left(); got != 2 {
			t.Errorf("%d are left before 30 days are over", got)
		}

		e.clock.Advance(2 * time.Minute)
		e.clean(t)

		if got := left(); got != 1 { // the other waits for its attempt
			t.Errorf("%d are left after 30 days", got)
		}
	})

	t.Run("DeliveryThatNobodySendsHasFailed", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.make(t, "code.sent")
		e.record(t, 1, audit.CodeSent)
		e.seal(t)
		e.exec(t, "DELETE FROM river_job")

		e.clock.Advance(3*day - time.Minute)
		e.clean(t)

		if got := value[string](t, e, "SELECT state FROM webhook_delivery"); got != "pending" {
			t.Errorf("%s after less than three days", got)
		}

		e.clock.Advance(2 * time.Minute)
		e.clean(t)

		if got := value[string](t, e, "SELECT state || ': ' || last_error FROM webhook_delivery"); got != "failed: nobody sent it in time" {
			t.Errorf("%s after three days", got)
		}
	})

	t.Run("DeletedWebhookGoesWithItsDeliveries", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		deleted, kept := e.make(t, "code.sent"), e.make(t, "code.sent")
		e.record(t, 3, audit.CodeSent)
		e.seal(t)

		if err := e.Delete(origin.With(t.Context(), origin.Command("test")), operator(deleted)); err != nil {
			t.Fatal(err)
		}

		if got := value[bool](t, e, "SELECT secret IS NULL FROM webhook WHERE id = $1", deleted.ID); !got {
			t.Error("its secret is left")
		}

		e.clean(t)

		for table, want := range map[string]int{"webhook": 1, "webhook_delivery": 3} {
			if got := value[int](t, e, "SELECT count(*) FROM "+table); got != want {
				t.Errorf("%d rows in %s, want %d", got, table, want)
			}
		}

		e.expect(t, kept, 3)
	})

	t.Run("SecretOfBeforeIsForgotten", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		hook := e.make(t)

		if _, err := e.Rotate(origin.With(t.Context(), origin.Command("test")), operator(hook)); err != nil {
			t.Fatal(err)
		}

		for _, want := range []bool{true, false} {
			e.clean(t)

			if got := value[bool](t, e, "SELECT previous_secret IS NOT NULL FROM webhook"); got != want {
				t.Errorf("there is %v, want %v", got, want)
			}

			e.clock.Advance(webhook.Overlap + time.Second)
		}
	})
}

// For any number of concurrent calls, the limit of webhooks is kept.
func TestLimitHolds(t *testing.T) {
	t.Parallel()

	e := setup(t)

	var (
		all           sync.WaitGroup
		made, refused atomic.Int32
	)

	for range webhook.Most + 5 {
		all.Go(func() {
			switch _, err := e.create(t.Context(), webhook.Wanted{URL: "https://receiver.test/", Enabled: true}); {
			case err == nil:
				made.Add(1)
			case errors.Is(err, webhook.ErrTooMany):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}

	all.Wait()

	if made.Load() != webhook.Most || refused.Load() != 5 {
		t.Errorf("%d made, %d refused", made.Load(), refused.Load())
	}
}

// A replay covers every event once, in parts, and returns how many.
func TestReplayGoesOn(t *testing.T) {
	t.Parallel()

	e := setup(t)
	since := e.clock.Now()

	// From before the webhook was created; many at one moment.
	e.exec(t, `
		INSERT INTO audit_event (at, action, subject, user_agent, request_id)
		SELECT $1::timestamptz + (n / 7000) * interval '1 millisecond', CASE WHEN n % 5 = 0 THEN 'sign_in.failed' ELSE 'code.sent' END, '', '', ''
		FROM generate_series(1, 26000) n`, since)

	hook := e.make(t, "code.sent")

	var (
		next   *webhook.ReplayPoint
		queued []int32
	)

	for next != nil || len(queued) == 0 {
		replayed, err := e.Replay(origin.With(t.Context(), origin.Command("test")), operator(hook), webhook.Replay{Since: since, After: next})
		if err != nil {
			t.Fatal(err)
		}

		queued, next = append(queued, replayed.Queued), replayed.Next
	}

	if len(queued) != 3 || queued[0] != 10_000 || queued[1] != 10_000 || queued[2] != 800 {
		t.Errorf("queued %d", queued)
	}

	e.expect(t, hook, 20_800)

	if got := value[int](t, e, "SELECT max(round) FROM webhook_delivery"); got != 0 {
		t.Errorf("some were queued %d times more", got)
	}
}

// SEC-S26: an address that an earlier version of the server stored in the clear is encrypted by the clean-up, once, and
// stays the same; so does one that it stored beside an encrypted one, which is older.
func TestAddressOfAnEarlierVersionIsEncrypted(t *testing.T) {
	t.Parallel()

	e := setup(t)
	before, later := e.make(t), e.make(t)

	e.exec(t, "UPDATE webhook SET url = 'https://before.test/canary', sealed_url = NULL WHERE id = '"+before.ID+"'")
	e.exec(t, "UPDATE webhook SET url = 'https://later.test/canary' WHERE id = '"+later.ID+"'")

	expect := func(when string) {
		t.Helper()

		list, err := e.List(t.Context())
		if err != nil || len(list) != 2 || list[0].Host != "before.test" || list[1].Host != "later.test" {
			t.Errorf("%s: %v %+v", when, err, list)
		}
	}

	expect("before")
	e.clean(t)
	expect("afterwards")

	if got := value[int](t, e, "SELECT count(*) FROM webhook w WHERE url = '' AND sealed_url IS NOT NULL AND version = 0 AND $1 = ''", ""); got != 2 {
		t.Errorf("%d are encrypted", got)
	}
}
