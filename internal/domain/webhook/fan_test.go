package webhook_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

func TestFanOut(t *testing.T) {
	t.Parallel()

	t.Run("EachEventGoesToThoseThatWantIt", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		all, some, none := e.make(t), e.make(t, "code.sent", "sign_in.failed"), e.make(t, "nothing.happens")
		disabled, deleted := e.make(t), e.make(t)
		by := origin.Command("test")

		if _, err := e.Change(origin.With(t.Context(), by), operator(disabled), webhook.Wanted{}); err != nil {
			t.Fatal(err)
		}

		if err := e.Delete(origin.With(t.Context(), by), operator(deleted)); err != nil {
			t.Fatal(err)
		}

		e.seal(t)
		e.exec(t, "TRUNCATE webhook_delivery; DELETE FROM river_job")

		e.record(t, 3, audit.CodeSent)
		e.record(t, 2, audit.SignInSucceeded)
		e.record(t, 1, audit.SignInFailed)
		e.seal(t)

		for hook, want := range map[*webhook.Webhook]int{&all: 6, &some: 4, &none: 0, &disabled: 0, &deleted: 0} {
			e.expect(t, *hook, want)
		}
	})

	t.Run("NothingComesOfABatchThatIsNotSealed", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		hook := e.make(t, "code.sent")
		broken := errors.New("broken off")

		e.chain.OnSeal(func(ctx context.Context, tx postgres.Tx, events []int64) error {
			return errors.Join(e.FanOut(ctx, tx, events), broken)
		})
		e.record(t, 3, audit.CodeSent)

		for range 2 {
			if _, err := e.chain.Seal(t.Context()); !errors.Is(err, broken) {
				t.Fatalf("sealed: %v", err)
			}
		}

		e.expect(t, hook, 0)
		e.chain.OnSeal(e.FanOut)
		e.seal(t)
		e.expect(t, hook, 3)
	})

	t.Run("BatchWhoseConnectionBreaksIsTakenUpOnce", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		hook := e.make(t, "code.sent")

		var runs atomic.Int32

		e.chain.OnSeal(func(ctx context.Context, tx postgres.Tx, events []int64) error {
			if err := e.FanOut(ctx, tx, events); err != nil || runs.Add(1) > 1 {
				return err
			}

			_, err := tx.Exec(ctx, "SELECT pg_terminate_backend(pg_backend_pid())")

			return err
		})
		e.record(t, 3, audit.CodeSent)
		e.seal(t)

		if runs.Load() != 2 {
			t.Errorf("%d runs", runs.Load())
		}

		e.expect(t, hook, 3)
	})

	t.Run("EventThatIsQueuedAgainIsNotSentAgain", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		hook := e.make(t, "code.sent")
		e.record(t, 2, audit.CodeSent)
		e.seal(t)
		e.exec(t, "INSERT INTO audit_unsealed SELECT id FROM audit_event WHERE action = 'code.sent'")
		e.record(t, 1, audit.CodeSent)
		e.seal(t)
		e.expect(t, hook, 3)

		// Not even if the function runs twice.
		err := e.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error {
			return e.FanOut(ctx, tx, []int64{value[int64](t, e, "SELECT max(id) FROM audit_event")})
		})
		if err != nil {
			t.Fatal(err)
		}

		e.expect(t, hook, 3)
	})

	t.Run("BatchCostsAsManyStatementsAsAnEvent", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		counts := map[int]int{}

		e.record(t, 1, audit.CodeSent)
		e.seal(t) // a server's first call checks the end of the chain

		for _, webhooks := range []int{0, 1, 2} {
			if webhooks > 0 {
				e.make(t)
			}

			for _, events := range []int{1, 50} {
				e.record(t, events, audit.CodeSent)
				e.statements.Take()
				e.seal(t)

				count := len(e.statements.Take())
				if known, ok := counts[min(webhooks, 1)]; ok && known != count {
					t.Errorf("%d webhooks, %d events: %d statements, want %d", webhooks, events, count, known)
				}

				counts[min(webhooks, 1)] = count
			}
		}

		// The jobs, and notifying their queue.
		if more := counts[1] - counts[0]; more > 2 {
			t.Errorf("webhooks cost %d statements a batch", more)
		}
	})

	t.Run("JobNamesARowAndNothingElse", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		hook := e.make(t, "code.sent")
		e.record(t, 1, audit.CodeSent)
		e.seal(t)

		args := value[string](t, e, "SELECT args::text FROM river_job WHERE kind = 'webhook'")
		if !strings.Contains(args, hook.ID) || len(args) > len(`{"round": 0, "eventId": 100, "webhookId": ""}`)+len(hook.ID) {
			t.Errorf("args %s", args)
		}
	})
}
