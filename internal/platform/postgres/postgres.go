// Package postgres owns the connection pool, and the two ways to use it: Do for single statements, InTx for a
// transaction. Both survive a short outage of the database by running the closure again, and return
// problem.ErrUnavailable for a longer one, never an error that blames the caller. It knows no table.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Tx is the transaction of a closure. The closure may reach the database only through it: a second connection inside a
// transaction can deadlock a full pool.
type Tx struct {
	pgx.Tx

	// Repeated reports whether an earlier run of the closure may have been committed without our knowing: an insert
	// that conflicts with itself is then not a conflict.
	Repeated bool
}

// DB is the database.
type DB struct {
	pool  *pgxpool.Pool
	begin pgx.TxOptions

	distance distance
}

// Options are the options of Open.
type Options struct {
	URL      string
	MaxConns int32
	Pooler   Pooler          // empty for NoPooler
	Tracer   pgx.QueryTracer // sees every statement; nil for none
}

// Open prepares the pool. It does not connect: an unavailable database at the start is an outage like any other, and
// readiness reports it.
func Open(ctx context.Context, o Options) (*DB, error) {
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("database url: %w", err)
	}

	if config.ConnConfig.DefaultQueryExecMode.String() == "simple protocol" {
		return nil, errors.New("database url: default_query_exec_mode=simple_protocol puts values into the text of statements (CVE-2024-27289)")
	}

	config.MaxConns = o.MaxConns
	config.PingTimeout = 500 * time.Millisecond
	// Every decision is made on the primary: a server that accepts no writes is an outage.
	if config.ConnConfig.ValidateConnect == nil {
		config.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}

	config.ConnConfig.Tracer = o.Tracer
	config.ConnConfig.ConnectTimeout = 2 * time.Second
	config.ConnConfig.RuntimeParams["application_name"] = "toolkit-gateway"
	o.Pooler.use(config)

	d := &DB{begin: o.Pooler.transaction()}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := o.Pooler.prepare(ctx, conn); err != nil {
			return err
		}

		_, err := d.distance.measure(ctx, conn)

		return err
	}

	if d.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("database pool: %w", err)
	}

	return d, nil
}

// Close waits until every connection is returned, and closes the pool.
func (d *DB) Close() { d.pool.Close() }

// Pool is for libraries with their own statements (River, metrics).
func (d *DB) Pool() *pgxpool.Pool { return d.pool }

// Do runs single statements, each committed by itself. The closure may run more than once.
func (d *DB) Do(ctx context.Context, run func(ctx context.Context, conn *pgxpool.Conn) error) error {
	return d.retry(ctx, func(ctx context.Context, conn *pgxpool.Conn, _ bool) error {
		return run(ctx, conn)
	})
}

// Get runs a single statement as Do does, and returns its result.
func Get[T any](ctx context.Context, d *DB, get func(ctx context.Context, conn *pgxpool.Conn) (T, error)) (T, error) {
	var got T

	err := d.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		got, err = get(ctx, conn)

		return err
	})

	return got, err
}

// TxGet runs the closure in one transaction as InTx does, and returns its result.
func TxGet[T any](ctx context.Context, d *DB, run func(ctx context.Context, tx Tx) (T, error)) (T, error) {
	var got T

	err := d.InTx(ctx, func(ctx context.Context, tx Tx) error {
		var err error
		got, err = run(ctx, tx)

		return err
	})

	return got, err
}

// InTx runs the closure in one transaction: committed when it returns nil, rolled back
// otherwise. The closure may run more than once, see Tx.Repeated.
func (d *DB) InTx(ctx context.Context, run func(ctx context.Context, tx Tx) error) error {
	return d.retry(ctx, func(ctx context.Context, conn *pgxpool.Conn, repeated bool) error {
		tx, err := conn.BeginTx(ctx, d.begin)
		if err != nil {
			return fmt.Errorf("begin: %w", err)
		}

		if err := run(ctx, Tx{Tx: tx, Repeated: repeated}); err != nil {
			rollback, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()

			// A rollback that fails closes the connection, which rolls back as well.
			_ = tx.Rollback(rollback)

			return err
		}

		if err := tx.Commit(ctx); err != nil {
			return fmt.Errorf("commit: %w", err)
		}

		return nil
	})
}

// Once runs the closure as InTx does, but not again if an earlier run was committed without our knowing. done looks for
// the result of such a run: an event of the audit log, a row with its own id. It first acquires the lock that run
// acquires first, so that it waits for an earlier run that is still in progress.
func (d *DB) Once(ctx context.Context, done func(ctx context.Context, tx Tx) (bool, error), run func(ctx context.Context, tx Tx) error) error {
	return d.InTx(ctx, func(ctx context.Context, tx Tx) error {
		if tx.Repeated {
			if committed, err := done(ctx, tx); committed || err != nil {
				return err
			}
		}

		return run(ctx, tx)
	})
}
