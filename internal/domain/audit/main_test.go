package audit_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

// env is a database with events, and a chain over them.
type env struct {
	*audit.Chain

	url       string
	masterKey string
	db        *postgres.DB
	pool      *pgxpool.Pool // of a superuser, who can bypass everything
	clock     *apptest.Clock
	log       *apptest.Log
}

func setup(t *testing.T) *env {
	t.Helper()

	return setupOn(t, postgrestest.New(t))
}

func setupOn(t *testing.T, url string) *env {
	t.Helper()

	e := &env{url: url, masterKey: keyring.Generate(), clock: &apptest.Clock{}, log: &apptest.Log{}}

	var err error

	if e.pool, err = pgxpool.New(t.Context(), url); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(e.pool.Close)

	if e.db, err = postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 8}); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(e.db.Close)

	e.Chain = e.with(t, e.masterKey)

	return e
}

// with returns the chain as a server with other keys would have it, or another server.
func (e *env) with(t *testing.T, masterKeys string) *audit.Chain {
	t.Helper()

	keys, err := keyring.Parse(masterKeys)
	if err != nil {
		t.Fatal(err)
	}

	return audit.NewChain(e.db, keys, slog.New(slog.NewJSONHandler(e.log, nil)), e.clock.Now)
}

// record records events, each with a value in every column.
func (e *env) record(t *testing.T, count int) {
	t.Helper()

	for range count {
		if err := e.db.InTx(t.Context(), e.event); err != nil {
			t.Fatal(err)
		}
	}
}

func (e *env) event(ctx context.Context, tx postgres.Tx) error {
	return audit.Record(origin.With(ctx, origin.Command("test")), tx, e.clock.Now(), audit.Event{
		Action: audit.AccountGroupSet, AccountID: "68ca4a3d0000000000000001", ActorID: "68ca4a3d0000000000000002",
		SessionID: "session", Subject: "someone@konec.test", Method: "password", Detail: map[string]string{"from": "None", "to": "Member"},
	})
}

// seal seals all waiting events.
func (e *env) seal(t *testing.T) {
	t.Helper()
	sealWith(t, e.Chain)
}

func sealWith(t *testing.T, chain *audit.Chain) {
	t.Helper()

	for {
		count, err := chain.Seal(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		if count == 0 {
			return
		}
	}
}

// verify verifies the whole chain.
func (e *env) verify(t *testing.T, kept audit.Head) audit.Verdict {
	t.Helper()

	return verifyWith(t, e.Chain, kept)
}

func verifyWith(t *testing.T, chain *audit.Chain, kept audit.Head) audit.Verdict {
	t.Helper()

	verdict, err := chain.Verify(t.Context(), kept, func(string, int64, int64) {})
	if err != nil {
		t.Fatal(err)
	}

	return verdict
}

// expectSound expects a verification without faults, over the number of sealed events.
func (e *env) expectSound(t *testing.T, sealed int64) audit.Head {
	t.Helper()

	verdict := e.verify(t, audit.Head{})
	if verdict.FaultCount != 0 || len(verdict.Faults) != 0 || verdict.Sealed != sealed || verdict.Head.Seq != sealed {
		t.Errorf("%d sealed, head %s, faults %q; want %d and none", verdict.Sealed, verdict.Head, verdict.Faults, sealed)
	}

	return verdict.Head
}

// tamper makes a forbidden change, as the tables' owner can by disabling the triggers for a moment.
func (e *env) tamper(t *testing.T, statements ...string) {
	t.Helper()

	err := pgx.BeginFunc(t.Context(), e.pool, func(tx pgx.Tx) error {
		for _, state := range []string{"DISABLE TRIGGER ALL", "", "ENABLE TRIGGER ALL"} {
			if state == "" {
				for _, statement := range statements {
					if _, err := tx.Exec(t.Context(), statement); err != nil {
						return err
					}
				}

				continue
			}

			for _, table := range audit.AppendOnly() {
				if _, err := tx.Exec(t.Context(), "ALTER TABLE "+table+" "+state); err != nil {
					return err
				}
			}
		}

		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// value reads one value from the database.
func value[T any](t *testing.T, e *env, query string, args ...any) (v T) {
	t.Helper()

	if err := e.pool.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatal(err)
	}

	return v
}

const hour = time.Hour
