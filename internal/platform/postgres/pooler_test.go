package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// A database without a pooler is not taken for one behind a pooler. PgBouncer itself is in the battery, see test/resilience.
func TestDirectConnectionIsNotShared(t *testing.T) {
	t.Parallel()

	if err := postgres.CheckPooler(t.Context(), postgrestest.New(t)); err != nil {
		t.Error(err)
	}

	if err := postgres.CheckPooler(t.Context(), "postgres://u@127.0.0.1:1/x"); err == nil || errors.Is(err, postgres.ErrSharedConnections) {
		t.Errorf("got %v", err)
	}
}

// Statements and open transactions have time limits: for the session, or for each transaction behind a pooler.
func TestTimeLimits(t *testing.T) {
	t.Parallel()

	for pooler, session := range map[postgres.Pooler]string{"": "25s", postgres.NoPooler: "25s", postgres.SessionPooler: "25s", postgres.TransactionPooler: "0"} {
		d, err := postgres.Open(t.Context(), postgres.Options{URL: postgrestest.New(t), MaxConns: 1, Pooler: pooler})
		if err != nil {
			t.Fatal(err)
		}

		var outside, inside, idle string

		err = d.Do(t.Context(), func(ctx context.Context, conn *pgxpool.Conn) error {
			return conn.QueryRow(ctx, "SHOW statement_timeout").Scan(&outside)
		})
		if err != nil || outside != session {
			t.Errorf("%q: statement_timeout is %q, %v", pooler, outside, err)
		}

		err = d.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error {
			return errors.Join(tx.QueryRow(ctx, "SHOW statement_timeout").Scan(&inside), tx.QueryRow(ctx, "SHOW idle_in_transaction_session_timeout").Scan(&idle))
		})
		if err != nil || inside != "25s" || idle != "30s" {
			t.Errorf("%q: in a transaction: %q, %q, %v", pooler, inside, idle, err)
		}

		d.Close()
	}
}
