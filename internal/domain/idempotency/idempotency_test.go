package idempotency_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

const (
	alice = "aaaaaaaaaaaaaaaaaaaaaaaa"
	bob   = "bbbbbbbbbbbbbbbbbbbbbbbb"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// env is a database with two accounts, and a change that counts its runs.
type env struct {
	db   *postgres.DB
	pool *pgxpool.Pool
	made atomic.Int64
}

func setup(t *testing.T) *env {
	t.Helper()

	url := postgrestest.New(t)

	database, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(database.Close)

	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(pool.Close)

	_, err = pool.Exec(t.Context(), `INSERT INTO account (id, email, name, member_group, created_at, updated_at)
		SELECT id, id || '@konec.test', 'Name', 'Member', $2, $2 FROM unnest($1::text[]) AS id`, []string{alice, bob}, now)
	if err != nil {
		t.Fatal(err)
	}

	return &env{db: database, pool: pool}
}

func (e *env) keys(t *testing.T) (count int) {
	t.Helper()

	if err := e.pool.QueryRow(t.Context(), "SELECT count(*) FROM idempotency_key").Scan(&count); err != nil {
		t.Fatal(err)
	}

	return count
}

func keyOf(t *testing.T, accountID, text string, request ...any) idempotency.Key {
	t.Helper()

	key, err := idempotency.NewKey(accountID, text, request...)
	if err != nil {
		t.Fatal(err)
	}

	return key
}

// anybody confirms every caller.
func anybody(context.Context, postgres.Tx) error { return nil }

// once makes the change, whose result is the number of its runs.
func (e *env) once(t *testing.T, at time.Time, key idempotency.Key) (int64, error) {
	t.Helper()

	return idempotency.Once(t.Context(), e.db, at, key, anybody, func(context.Context, postgres.Tx) (int64, error) { return e.made.Add(1), nil })
}

func (e *env) expect(t *testing.T, what string, at time.Time, key idempotency.Key, want int64) {
	t.Helper()

	if got, err := e.once(t, at, key); err != nil || got != want {
		t.Errorf("%s: got %d, %v, want the answer of change %d", what, got, err, want)
	}
}

func TestOnce(t *testing.T) {
	t.Parallel()

	t.Run("TheSameRequestGetsTheSameAnswer", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.expect(t, "first", now, keyOf(t, alice, "key", "rename", 1), 1)
		e.expect(t, "repeat", now.Add(time.Minute), keyOf(t, alice, "key", "rename", 1), 1)
		e.expect(t, "another key", now, keyOf(t, alice, "other key", "rename", 1), 2)
		e.expect(t, "another account's key", now, keyOf(t, bob, "key", "rename", 1), 3)
	})

	t.Run("AnotherRequestIsRefused", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.expect(t, "first", now, keyOf(t, alice, "key", "rename", 1), 1)

		for _, request := range [][]any{{"rename", 2}, {"rename"}, {"rename", "1"}, {"rename", 1, nil}, {}} {
			if got, err := e.once(t, now, keyOf(t, alice, "key", request...)); !errors.Is(err, idempotency.ErrKeyReused) {
				t.Errorf("%v: got %d, %v", request, got, err)
			}
		}

		if e.made.Load() != 1 {
			t.Errorf("the change was made %d times", e.made.Load())
		}
	})

	t.Run("AKeyEndsAfterItsLifetime", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.expect(t, "first", now, keyOf(t, alice, "key", "rename"), 1)
		e.expect(t, "just before the end", now.Add(idempotency.Lifetime-time.Second), keyOf(t, alice, "key", "rename"), 1)
		e.expect(t, "at the end, for another request", now.Add(idempotency.Lifetime), keyOf(t, alice, "key", "delete"), 2)
		e.expect(t, "repeat of that", now.Add(idempotency.Lifetime+time.Hour), keyOf(t, alice, "key", "delete"), 2)
	})

	t.Run("AFailureIsNotRemembered", func(t *testing.T) {
		t.Parallel()

		e, broken := setup(t), errors.New("broken")

		_, err := idempotency.Once(t.Context(), e.db, now, keyOf(t, alice, "key"), anybody, func(context.Context, postgres.Tx) (int64, error) { return 0, broken })
		if !errors.Is(err, broken) || e.keys(t) != 0 {
			t.Errorf("got %v, and %d keys", err, e.keys(t))
		}

		e.expect(t, "the next one", now, keyOf(t, alice, "key", "another request"), 1)
	})

	t.Run("ACallerWhoIsNotConfirmedGetsNothing", func(t *testing.T) {
		t.Parallel()

		e, gone := setup(t), errors.New("gone")
		e.expect(t, "first", now, keyOf(t, alice, "key"), 1)

		got, err := idempotency.Once(t.Context(), e.db, now, keyOf(t, alice, "key"),
			func(context.Context, postgres.Tx) error { return gone }, func(context.Context, postgres.Tx) (int64, error) { return e.made.Add(1), nil })
		if !errors.Is(err, gone) || got != 0 || e.made.Load() != 1 {
			t.Errorf("got %d, %v after %d changes", got, err, e.made.Load())
		}
	})

	t.Run("OfManyAtOnceOneIsMade", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		key := keyOf(t, alice, "key", "rename")

		var callers sync.WaitGroup

		for range 8 {
			callers.Go(func() { e.expect(t, "one of many", now, key, 1) })
		}

		callers.Wait()
	})

	t.Run("WithoutAKeyEachIsMade", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.expect(t, "no text", now, keyOf(t, alice, "", "rename"), 1)
		e.expect(t, "no text again", now, keyOf(t, alice, "", "rename"), 2)
		e.expect(t, "the zero key", now, idempotency.Key{}, 3)
		e.expect(t, "the zero key again", now, idempotency.Key{}, 4)

		if e.keys(t) != 2 {
			t.Errorf("%d keys are kept, want those of the two without a text", e.keys(t))
		}
	})
}

func TestNewKeyRefusesWhatIsNotJSON(t *testing.T) {
	t.Parallel()

	if _, err := idempotency.NewKey(alice, "key", make(chan int)); err == nil {
		t.Error("a channel has a fingerprint")
	}
}

func TestCleanDeletesEndedKeys(t *testing.T) {
	t.Parallel()

	e := setup(t)
	e.expect(t, "old", now, keyOf(t, alice, "old"), 1)
	e.expect(t, "young", now.Add(time.Hour), keyOf(t, alice, "young"), 2)

	for _, want := range []int64{1, 0} {
		if deleted, err := idempotency.Clean(t.Context(), e.pool, now.Add(idempotency.Lifetime+time.Second)); err != nil || deleted != want {
			t.Errorf("deleted %d, %v, want %d", deleted, err, want)
		}
	}

	if e.keys(t) != 1 {
		t.Errorf("%d keys are left", e.keys(t))
	}
}
