package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) {
	postgrestest.Main(m, func(context.Context, string) error { return nil })
}

func open(t *testing.T) *postgres.DB {
	t.Helper()

	db, err := postgres.Open(t.Context(), postgres.Options{URL: postgrestest.New(t), MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(db.Close)

	exec(t, db, "CREATE TABLE note (text text CONSTRAINT note_pkey PRIMARY KEY)")

	return db
}

func exec(t *testing.T, db *postgres.DB, statement string) {
	t.Helper()

	if _, err := db.Pool().Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// notes returns the content of the table.
func notes(t *testing.T, db *postgres.DB) []string {
	t.Helper()

	rows, err := db.Pool().Query(t.Context(), "SELECT text FROM note ORDER BY text")
	if err != nil {
		t.Fatal(err)
	}

	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}

	return texts
}

// raise returns a statement that fails with the SQLSTATE.
func raise(state string) string {
	return "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '" + state + "'; END $$"
}

// R-M4: temporary errors are retried, and others are not. A transaction begins anew: nothing of the previous attempt
// remains.
func TestWhatPassesIsTriedAgain(t *testing.T) {
	t.Parallel()

	db := open(t)

	for _, passing := range []bool{true, false} {
		states := []string{"40001", "40P01", "55P03", "57014", "57P03", "53300", "08006", "58030", "0A000"}
		if !passing {
			states = []string{"23505", "23514", "42P01", "42501", "22P02", "P0001", "40002"}
		}

		for _, state := range states {
			attempts := 0

			err := db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error {
				attempts++

				if _, err := tx.Exec(ctx, "INSERT INTO note (text) VALUES ($1)", fmt.Sprintf("%s %d", state, attempts)); err != nil {
					return err
				}

				if tx.Repeated != (attempts > 1) {
					t.Errorf("%s: attempt %d, repeated: %t", state, attempts, tx.Repeated)
				}

				if attempts == 1 {
					_, err := tx.Exec(ctx, raise(state))

					return err
				}

				return nil
			})

			if passing && (err != nil || attempts != 2) {
				t.Errorf("%s: %d attempts, %v", state, attempts, err)
			}

			if !passing && (err == nil || attempts != 1 || errors.Is(err, problem.ErrUnavailable)) {
				t.Errorf("%s: %d attempts, %v", state, attempts, err)
			}
		}
	}

	for _, note := range notes(t, db) {
		if !strings.HasSuffix(note, " 2") {
			t.Errorf("the attempt that failed left %q", note)
		}
	}
}

// R-M4: the attempts end, and the error does not blame the caller.
func TestPatienceEnds(t *testing.T) {
	t.Parallel()

	db := open(t)
	attempts := 0

	err := db.Do(postgres.WithRetryBudget(t.Context(), 300*time.Millisecond), func(ctx context.Context, conn *pgxpool.Conn) error {
		attempts++

		_, err := conn.Exec(ctx, raise("40001"))

		return err
	})

	told, ok := errors.AsType[*problem.Problem](err)
	if !ok || told.Kind != problem.Unavailable || told.RetryAfter <= 0 || attempts < 2 {
		t.Errorf("%d attempts, %v", attempts, err)
	}
}

// R-M4: a connection to a server that accepts no writes is closed, and so is a broken one.
func TestConnectionIsThrownAway(t *testing.T) {
	t.Parallel()

	for name, spoil := range map[string]string{
		"ReadOnly": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
		"Ended":    "SELECT pg_terminate_backend(pg_backend_pid())",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			db := open(t)
			pids := map[int]bool{}
			attempts := 0

			err := db.Do(t.Context(), func(ctx context.Context, conn *pgxpool.Conn) error {
				attempts++

				var pid int
				if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&pid); err != nil {
					return err
				}

				pids[pid] = true

				if attempts == 1 {
					_, _ = conn.Exec(ctx, spoil)
				}

				_, err := conn.Exec(ctx, "INSERT INTO note (text) VALUES ('written')")

				return err
			})

			if err != nil || attempts != 2 || len(pids) != 2 || len(notes(t, db)) != 1 {
				t.Errorf("%d attempts on %d connections: %v", attempts, len(pids), err)
			}
		})
	}
}

// A client that disconnects leaves nothing half done.
func TestHangingUpStopsNothing(t *testing.T) {
	t.Parallel()

	db := open(t)
	ctx, cancel := context.WithCancel(t.Context())

	err := db.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		cancel()

		_, err := tx.Exec(ctx, "INSERT INTO note (text) VALUES ('written')")

		return err
	})
	if err != nil || len(notes(t, db)) != 1 {
		t.Errorf("%v, %q", err, notes(t, db))
	}
}

// An error of the closure rolls its transaction back.
func TestErrorRollsBack(t *testing.T) {
	t.Parallel()

	db := open(t)
	own := errors.New("no")

	err := db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO note (text) VALUES ('written')")

		return errors.Join(err, own)
	})
	if !errors.Is(err, own) || len(notes(t, db)) != 0 {
		t.Errorf("%v, %q", err, notes(t, db))
	}
}

// An outage is not "not found", whatever the previous attempt returned.
func TestOutageFindsNothingOut(t *testing.T) {
	t.Parallel()

	db := open(t)

	missing := db.Do(t.Context(), func(ctx context.Context, conn *pgxpool.Conn) error {
		var text string

		return conn.QueryRow(ctx, "SELECT text FROM note").Scan(&text)
	})

	exec(t, db, "INSERT INTO note (text) VALUES ('there')")

	violated := db.Do(t.Context(), func(ctx context.Context, conn *pgxpool.Conn) error {
		_, err := conn.Exec(ctx, "INSERT INTO note (text) VALUES ('there')")

		return err
	})

	if !postgres.IsNotFound(missing) || postgres.IsNotFound(violated) || postgres.IsNotFound(problem.ErrUnavailable.WithCause(missing)) {
		t.Errorf("missing: %v, %v", missing, violated)
	}

	if !postgres.ViolatesConstraint(violated, "note_pkey") || postgres.ViolatesConstraint(violated, "other") || postgres.ViolatesConstraint(missing, "note_pkey") ||
		postgres.ViolatesConstraint(problem.ErrUnavailable.WithCause(violated), "note_pkey") {
		t.Errorf("violated: %v, %v", violated, missing)
	}
}

// V-19: no address of a database makes values a part of the SQL text.
func TestValuesStayOutOfTheText(t *testing.T) {
	t.Parallel()

	base, err := url.Parse(postgrestest.New(t))
	if err != nil {
		t.Fatal(err)
	}

	for mode, allowed := range map[string]bool{"": true, "cache_describe": true, "exec": true, "simple_protocol": false} {
		u := *base
		if q := u.Query(); mode != "" {
			q.Set("default_query_exec_mode", mode)
			u.RawQuery = q.Encode()
		}

		db, err := postgres.Open(t.Context(), postgres.Options{URL: u.String(), MaxConns: 1})
		if (err == nil) != allowed {
			t.Errorf("%q: %v", mode, err)
		}

		if err == nil {
			db.Close()
		}
	}
}
