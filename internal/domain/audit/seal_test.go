package audit_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// ids returns the sealed events, in the order of the chain.
func (e *env) ids(t *testing.T) []int64 {
	t.Helper()

	rows, err := e.pool.Query(t.Context(), "SELECT event_id FROM audit_link ORDER BY seq")
	if err != nil {
		t.Fatal(err)
	}

	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		t.Fatal(err)
	}

	return ids
}

func TestSeal(t *testing.T) {
	t.Parallel()

	t.Run("EventsAreLinkedInTheirOrder", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.seal(t) // no events

		if head := e.expectSound(t, 0); head != (audit.Head{}) {
			t.Errorf("head %s of nothing", head)
		}

		e.record(t, 3)

		if waiting := e.verify(t, audit.Head{}).Waiting; waiting != 3 {
			t.Errorf("%d wait, want 3", waiting)
		}

		e.seal(t)
		e.record(t, 2)
		e.seal(t)

		if got := e.ids(t); !slices.Equal(got, []int64{1, 2, 3, 4, 5}) {
			t.Errorf("sealed %d", got)
		}

		if left := value[int](t, e, "SELECT count(*) FROM audit_unsealed"); left != 0 {
			t.Errorf("%d are left in the queue", left)
		}

		e.expectSound(t, 5)
	})

	t.Run("BacklogIsSealedInBatches", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.backlog(t, 2500)

		for _, want := range []int{1000, 1000, 500, 0} {
			if got, err := e.Seal(t.Context()); err != nil || got != want {
				t.Fatalf("%d %v, want %d", got, err, want)
			}
		}

		if got := value[int](t, e, "SELECT count(*) FROM audit_checkpoint"); got != 3 {
			t.Errorf("%d checkpoints, want 3", got)
		}

		e.expectSound(t, 2500)
	})

	t.Run("LateCommitIsSealed", func(t *testing.T) {
		t.Parallel()

		e := setup(t)

		late, err := e.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		if err := e.event(t.Context(), postgres.Tx{Tx: late}); err != nil {
			t.Fatal(err)
		}

		e.record(t, 1)
		e.seal(t)

		if err := late.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}

		e.seal(t)

		if got := e.ids(t); !slices.Equal(got, []int64{2, 1}) {
			t.Errorf("sealed %d, want 2 and then 1", got)
		}

		e.expectSound(t, 2)
	})

	t.Run("FailureInTheMiddleLeavesNothing", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.record(t, 2)

		e.exec(t, "ALTER TABLE audit_checkpoint ADD CONSTRAINT no_more CHECK (false) NOT VALID")

		if _, err := e.Seal(t.Context()); err == nil {
			t.Error("sealed without a checkpoint")
		}

		if links, queued := len(e.ids(t)), value[int](t, e, "SELECT count(*) FROM audit_unsealed"); links != 0 || queued != 2 {
			t.Errorf("%d links, %d queued", links, queued)
		}

		e.exec(t, "ALTER TABLE audit_checkpoint DROP CONSTRAINT no_more")
		e.seal(t)
		e.expectSound(t, 2)
	})

	t.Run("EventThatIsQueuedAgainIsNotSealedTwice", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.record(t, 2)
		e.seal(t)
		e.exec(t, "INSERT INTO audit_unsealed VALUES (1)")
		e.record(t, 1)
		e.seal(t)
		e.expectSound(t, 3)
	})
}

func (e *env) exec(t *testing.T, statement string, args ...any) {
	t.Helper()

	if _, err := e.pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// backlog records many events at once.
func (e *env) backlog(t *testing.T, count int) {
	t.Helper()

	e.exec(t, `
		WITH event AS (
			INSERT INTO audit_event (at, action, subject, user_agent, request_id)
			SELECT $1, 'code.sent', 'someone' || n || '@konec.test', 'test', 'r' || n FROM generate_series(1, $2::int) n
			RETURNING id
		)
		INSERT INTO audit_unsealed SELECT id FROM event`, e.clock.Now(), count)
}

// Several servers, whose connections break from time to time, make one chain.
func TestSealersAtOnce(t *testing.T) {
	t.Parallel()

	const sealers, writers, each = 3, 4, 60

	e := setup(t)

	var writing, sealing sync.WaitGroup

	written := make(chan struct{})

	for range writers {
		writing.Go(func() {
			for range each {
				if err := e.db.InTx(t.Context(), e.event); err != nil {
					t.Error(err)
				}
			}
		})
	}

	for range sealers {
		chain := e.with(t, e.masterKey)

		sealing.Go(func() {
			for done := false; !done; {
				select {
				case <-written:
					done = true
				default:
				}

				if _, err := chain.Seal(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}

	for range 5 {
		e.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%AuditLink%' AND datname = current_database() AND pid <> pg_backend_pid()")
	}

	writing.Wait()
	close(written)
	sealing.Wait()
	e.seal(t)

	if got := e.ids(t); len(got) != len(slices.Compact(slices.Sorted(slices.Values(got)))) {
		t.Errorf("sealed twice: %d", got)
	}

	e.expectSound(t, value[int64](t, e, "SELECT count(*) FROM audit_event"))
}

func TestSealGoesOnWithItsOwnOnly(t *testing.T) {
	t.Parallel()

	refused := func(t *testing.T, e *env, chain *audit.Chain) {
		t.Helper()

		e.record(t, 1)

		links := len(e.ids(t))
		if _, err := chain.Seal(t.Context()); !errors.Is(err, audit.ErrNotVouched) {
			t.Errorf("got %v, want a refusal", err)
		}

		if now := len(e.ids(t)); now != links {
			t.Errorf("%d links were added", now-links)
		}
	}

	for name, statements := range map[string][]string{
		"LastLinkWasAltered":      {"UPDATE audit_link SET hash = sha256('x') WHERE seq = 4"},
		"LastLinkIsGone":          {"DELETE FROM audit_link WHERE seq = 4"},
		"LinkWasAdded":            {"INSERT INTO audit_link VALUES (5, 99, sha256('x'))"},
		"LastCheckpointIsGone":    {"DELETE FROM audit_checkpoint WHERE seq = 4"},
		"LastCheckpointIsAnother": {"UPDATE audit_checkpoint SET mac = sha256('x') WHERE seq = 4"},
		"CheckpointOfAnotherTime": {"UPDATE audit_checkpoint SET at = at - interval '1 day' WHERE seq = 4"},
		"AllLinksAreGone":         {"TRUNCATE audit_link"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			e := setup(t)
			e.record(t, 2)
			e.seal(t)
			e.record(t, 2)
			e.seal(t)
			e.tamper(t, statements...)
			refused(t, e, e.with(t, e.masterKey))

			// The server that sealed the last link needs no checkpoint to trust it.
			if !strings.Contains(name, "Checkpoint") {
				refused(t, e, e.Chain)
			}
		})
	}

	t.Run("MasterKeyIsAnother", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.record(t, 1)
		e.seal(t)
		refused(t, e, e.with(t, keyring.Generate()))
	})

	t.Run("RetiredKeyHasHandedOver", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.record(t, 1)
		e.seal(t)

		// Nothing happens while both keys are configured; then the old one is removed.
		sealWith(t, e.with(t, "2:"+otherKey+",1:"+e.masterKey))
		e.record(t, 1)

		retired := e.with(t, "2:"+otherKey)
		sealWith(t, retired)

		verdict := verifyWith(t, retired, audit.Head{})
		if verdict.FaultCount != 0 || verdict.Sealed != 2 || len(verdict.Notes) != 1 || !strings.Contains(verdict.Notes[0], "1 checkpoints are by keys") {
			t.Errorf("%+v", verdict)
		}

		// Only the retired key vouches for part of it.
		if verdict := e.verify(t, audit.Head{}); verdict.FaultCount != 1 || !strings.Contains(verdict.Faults[0], "links 2 to 2 by a key that is in MASTER_KEY; there are some by 2") {
			t.Errorf("%+v", verdict)
		}
	})
}

const otherKey = "6cXl4zVdMyHXuQkI1v8tAqbmGJWnRh0oY3sFPE9uBTc="
