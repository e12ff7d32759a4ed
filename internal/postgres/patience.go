package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/problem"
)

const (
	// DefaultPatience is how long a request waits for the database, all in all.
	DefaultPatience = 2 * time.Second
	// attemptLimit bounds one attempt of a patient request, so that one connection into nowhere
	// does not use up the patience.
	attemptLimit = 5 * time.Second
	// retryAfter is what an outage tells the caller to wait.
	retryAfter = 2 * time.Second
	// gapFirst and gapMost space the attempts.
	gapFirst = 20 * time.Millisecond
	gapMost  = 500 * time.Millisecond
)

type patienceKey struct{}

// WithPatience sets how long the operations under ctx wait for the database.
func WithPatience(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, patienceKey{}, d)
}

func patience(ctx context.Context) time.Duration {
	if d, ok := ctx.Value(patienceKey{}).(time.Duration); ok {
		return d
	}

	return DefaultPatience
}

// patiently runs the attempt until it succeeds, fails for a reason of its own, or patience ends.
//
// It runs outside the caller's cancellation: a client that hangs up between UPDATE and COMMIT
// must not leave the outcome to chance.
func (d *DB) patiently(ctx context.Context, attempt func(ctx context.Context, conn *pgxpool.Conn, repeated bool) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience(ctx))
	defer cancel()

	repeated := false
	gap := gapFirst

	for {
		reached, err := d.attempt(ctx, repeated, attempt)
		if err == nil || !passing(err) {
			return err
		}

		repeated = repeated || reached

		select {
		case <-time.After(gap):
			gap = min(2*gap, gapMost)
		case <-ctx.Done():
			return problem.ErrUnavailable.After(retryAfter).Because(err)
		}
	}
}

// attempt runs once on one connection. reached says that a statement may have got through.
func (d *DB) attempt(ctx context.Context, repeated bool, attempt func(context.Context, *pgxpool.Conn, bool) error) (reached bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()

	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return false, passingError{fmt.Errorf("acquire: %w", err)}
	}
	defer conn.Release()

	err = attempt(ctx, conn, repeated)

	switch {
	case err == nil:
		return true, nil
	case conn.Conn().IsClosed() || ctx.Err() != nil:
		// The connection broke under the statement, or was given up.
		return true, passingError{err}
	case readOnly(err):
		// The server behind this connection is no longer the primary; the pool must not lend it again.
		_ = conn.Conn().Close(ctx)

		return true, passingError{err}
	}

	return true, err
}

// passingError marks an error as the database's, and worth another attempt.
type passingError struct{ error }

func (e passingError) Unwrap() error { return e.error }

func passing(err error) bool {
	if _, ok := errors.AsType[passingError](err); ok {
		return true
	}

	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}

	switch pgErr.Code {
	case "40001", "40P01", // serialization failure, deadlock: somebody else won this time
		"57P01", "57P02", "57P03", // the server stops, crashed, or starts
		"53300": // too many connections
		return true
	}

	return pgErr.Code[:2] == "08" || pgErr.Code[:2] == "53" // connection, resources
}

func readOnly(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)

	return ok && pgErr.Code == "25006"
}

// Missing says that a query for one row found none.
func Missing(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// Violates says that the named constraint refused a statement.
func Violates(err error, constraint string) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)

	return ok && pgErr.ConstraintName == constraint
}
