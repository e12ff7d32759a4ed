package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Pooler is what stands between the server and the database, and how it shares connections: the pool_mode of PgBouncer.
type Pooler string

// The poolers.
const (
	NoPooler          Pooler = "none"
	SessionPooler     Pooler = "session"     // a connection belongs to one client until it disconnects
	TransactionPooler Pooler = "transaction" // a connection belongs to one client for a transaction
)

// ErrSharedConnections reports that a pooler gives the transactions of one client different connections: what a statement
// prepares or sets for its session is not there at the next one, and is there for another client.
var ErrSharedConnections = errors.New("the database is behind a pooler in transaction mode")

// The limits of a statement that outlives every request and would hold its locks for no one. They are not parameters of the
// connection, because PgBouncer refuses those that it does not know.
const (
	limitSession     = "SET statement_timeout = '25s'; SET idle_in_transaction_session_timeout = '30s'"
	limitTransaction = "BEGIN; SET LOCAL statement_timeout = '25s'; SET LOCAL idle_in_transaction_session_timeout = '30s'"
)

// prepare sets what a new connection has set for its session.
func (p Pooler) prepare(ctx context.Context, conn *pgx.Conn) error {
	if p == TransactionPooler {
		return nil
	}

	_, err := conn.PgConn().Exec(ctx, limitSession).ReadAll() // beside the tracer: no request asked for it

	return err //nolint:wrapcheck // pgxpool wraps it
}

// use makes the pool's connections work through the pooler.
func (p Pooler) use(config *pgxpool.Config) {
	if p != TransactionPooler {
		return
	}

	// Nothing may be prepared or set for a session. Values are still sent apart from the text of statements.
	if mode := config.ConnConfig.DefaultQueryExecMode; mode == pgx.QueryExecModeCacheStatement || mode == pgx.QueryExecModeDescribeExec {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
}

// transaction returns how a transaction begins. Its limits cost no further round trip.
func (p Pooler) transaction() pgx.TxOptions {
	if p == TransactionPooler {
		return pgx.TxOptions{BeginQuery: limitTransaction}
	}

	return pgx.TxOptions{}
}

const (
	probeTime   = 3 * time.Second
	probeRounds = 5
)

// CheckPooler returns ErrSharedConnections if the database at url is behind a pooler in transaction mode, and another error
// if it does not respond. Without a pooler it asks one question. With one, it opens two connections, and checks whether the
// second gets the server process of the first, or the first another one while the second is in a transaction.
func CheckPooler(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()

	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("database url: %w", err)
	}

	config.DefaultQueryExecMode = pgx.QueryExecModeExec // prepares nothing

	first, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer first.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left to lose

	process, err := serverProcess(ctx, first)
	if err != nil || process == first.PgConn().PID() {
		return err
	}

	second, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer second.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left to lose

	for range probeRounds {
		if err := probe(ctx, first, second); err != nil {
			return err
		}
	}

	return nil
}

func probe(ctx context.Context, first, second *pgx.Conn) error {
	before, err := serverProcess(ctx, first)
	if err != nil {
		return err
	}

	tx, err := second.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx))

	other, err := serverProcess(ctx, tx)
	if err != nil {
		return err
	}

	after, err := serverProcess(ctx, first)
	if err != nil {
		return err
	}

	if before == other || before != after {
		return ErrSharedConnections
	}

	return nil
}

func serverProcess(ctx context.Context, q Queryer) (uint32, error) {
	var process uint32
	if err := q.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&process); err != nil {
		return 0, fmt.Errorf("server process: %w", err)
	}

	return process, nil
}
