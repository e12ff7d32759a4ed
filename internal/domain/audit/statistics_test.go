package audit_test

import (
	"io/fs"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/sql/migrations"
)

// counted is a row of either way to count.
type counted struct {
	Action string
	Hour   time.Time
	Events int64
}

func (e *env) counts(t *testing.T, query string) []counted {
	t.Helper()

	rows, err := e.pool.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}

	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[counted])
	if err != nil {
		t.Fatal(err)
	}

	return found
}

// expectCounted expects that all events of the log are counted, each in its hour.
func (e *env) expectCounted(t *testing.T) {
	t.Helper()

	got := e.counts(t, "SELECT action, hour, events FROM audit_count ORDER BY 1, 2")
	want := e.counts(t, "SELECT action, date_trunc('hour', at, 'UTC'), count(*) FROM audit_event GROUP BY 1, 2 ORDER BY 1, 2")

	if len(want) == 0 || !slices.Equal(got, want) {
		t.Errorf("counted %v\nwant %v", got, want)
	}
}

// spread records events of several kinds over some hours, in more batches than usual.
func (e *env) spread(t *testing.T, count int) {
	t.Helper()

	e.exec(t, `
		WITH event AS (
			INSERT INTO audit_event (at, action, subject, user_agent, request_id)
			SELECT '2026-01-01 00:00:00Z'::timestamptz + n % 7 * interval '25 minutes',
				(ARRAY['sign_in.succeeded', 'sign_in.failed', 'account.registered', 'account.created', 'code.sent'])[1 + n % 5], '', '', ''
			FROM generate_series(1, $1::int) n
			RETURNING id
		)
		INSERT INTO audit_unsealed SELECT id FROM event`, count)
}

func TestCounts(t *testing.T) {
	t.Parallel()

	t.Run("SealedEventsAreCountedOnce", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.spread(t, 2300)
		e.seal(t)
		e.expectCounted(t)
		e.seal(t) // no event waits
		e.spread(t, 10)
		e.record(t, 2)
		e.seal(t)
		e.expectCounted(t)
	})

	t.Run("WhatWaitsIsNotCountedYet", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.spread(t, 10)

		if found := value[int](t, e, "SELECT count(*) FROM audit_count"); found != 0 {
			t.Errorf("%d rows before anything is sealed", found)
		}
	})

	t.Run("BatchThatFailedCountsWhenItSucceeds", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.spread(t, 20)
		e.exec(t, "ALTER TABLE audit_checkpoint ADD CONSTRAINT no_more CHECK (false) NOT VALID")

		if _, err := e.Seal(t.Context()); err == nil {
			t.Error("sealed without a checkpoint")
		}

		if found := value[int](t, e, "SELECT count(*) FROM audit_count"); found != 0 {
			t.Errorf("%d rows are left of what was taken back", found)
		}

		e.exec(t, "ALTER TABLE audit_checkpoint DROP CONSTRAINT no_more")
		e.seal(t)
		e.expectCounted(t)
	})

	t.Run("EventThatIsQueuedAgainIsNotCountedAgain", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.spread(t, 5)
		e.seal(t)
		e.exec(t, "INSERT INTO audit_unsealed VALUES (1)")
		e.spread(t, 1)
		e.seal(t)
		e.expectCounted(t)
	})

	t.Run("WhatAServerThatDoesNotCountHasSealedIsCaughtUpWith", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.spread(t, 30)
		e.seal(t)
		e.exec(t, "TRUNCATE audit_count")
		e.exec(t, "UPDATE audit_counted SET seq = 0")
		sealWith(t, e.with(t, e.masterKey)) // no event waits
		e.expectCounted(t)
	})

	t.Run("EventsThatAreGoneStayCounted", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.spread(t, 30)
		e.seal(t)

		before := e.counts(t, "SELECT action, hour, events FROM audit_count ORDER BY 1, 2")

		e.tamper(t, "DELETE FROM audit_event WHERE id < 20")
		e.seal(t)

		if after := e.counts(t, "SELECT action, hour, events FROM audit_count ORDER BY 1, 2"); !slices.Equal(before, after) {
			t.Errorf("counted %v\nwant %v", after, before)
		}
	})
}

// Every server that seals counts, and two of them do not count the same events.
func TestCountersAtOnce(t *testing.T) {
	t.Parallel()

	e := setup(t)
	e.spread(t, 12_000)

	var sealing sync.WaitGroup

	for range 2 {
		chain := e.with(t, e.masterKey)

		sealing.Go(func() {
			for left := 1; left > 0; {
				if _, err := chain.Seal(t.Context()); err != nil {
					t.Log(err) // its connection was broken
				}

				if err := e.pool.QueryRow(t.Context(), "SELECT count(*) FROM audit_unsealed").Scan(&left); err != nil {
					t.Error(err)
				}
			}
		})
	}

	for range 5 {
		e.exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%Audit%' AND datname = current_database() AND pid <> pg_backend_pid()")
	}

	sealing.Wait()
	e.expectCounted(t)
}

// The migration counts sealed events, and leaves waiting ones to the next batch.
func TestOldEventsAreCounted(t *testing.T) {
	t.Parallel()

	e := setup(t)
	e.spread(t, 40)
	e.seal(t)
	e.spread(t, 15)
	e.exec(t, "DROP TABLE audit_count, audit_counted")

	migration, err := fs.ReadFile(migrations.FS, "00010_statistics.sql")
	if err != nil {
		t.Fatal(err)
	}

	e.exec(t, string(migration))

	if events := value[int](t, e, "SELECT sum(events)::int FROM audit_count"); events != 40 {
		t.Errorf("the migration counts %d, want 40", events)
	}

	e.seal(t)
	e.expectCounted(t)
}

func TestHours(t *testing.T) {
	t.Parallel()

	e := setup(t)
	e.spread(t, 700)
	e.seal(t)

	at := func(hour int) time.Time { return time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC) }

	hours, err := audit.NewReader(e.db).Hours(t.Context(), at(0), at(2), 100)
	if err != nil {
		t.Fatal(err)
	}

	// Of each 35 events three hours have 15, 10 and 10, one in five of each kind; two kinds are registrations.
	want := []audit.Hour{
		{At: at(0), SignIns: 60, Failures: 60, Registrations: 120},
		{At: at(1), SignIns: 40, Failures: 40, Registrations: 80},
	}

	same := func(a, b audit.Hour) bool {
		same := a.At.Equal(b.At)
		a.At = b.At

		return same && a == b
	}

	if !slices.EqualFunc(hours, want, same) {
		t.Errorf("got %v\nwant %v", hours, want)
	}
}
