package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

const (
	// DefaultRetryBudget is how long a request waits for the database in total. To a far one the way comes on top, see
	// DB.Measure.
	DefaultRetryBudget = 2 * time.Second
	// minRetryBudget is what an operation gets if earlier ones have used up the retry budget: the database may be back.
	minRetryBudget = 100 * time.Millisecond
	// attemptLimit is the limit of one attempt, so that one connection without a response does not use up the retry
	// budget.
	attemptLimit = 5 * time.Second
	// retryAfter is how long an outage asks the caller to wait.
	retryAfter = 2 * time.Second
	// gapFirst and gapMost are the shortest and the longest time between attempts.
	gapFirst = 20 * time.Millisecond
	gapMax   = 500 * time.Millisecond
)

type retryBudgetKey struct{}

// WithRetryBudget sets how long the operations under ctx wait for the database, all of them together.
func WithRetryBudget(ctx context.Context, d time.Duration) context.Context {
	left := new(atomic.Int64)
	left.Store(int64(d))

	return context.WithValue(ctx, retryBudgetKey{}, left)
}

type waitingRoomKey struct{}

// WithWaitingRoom bounds how many operations wait for the database: enter is called when one begins to wait, after its first
// attempt, and reports whether there is room. Without room the operation fails at once.
func WithWaitingRoom(ctx context.Context, enter func() (leave func(), ok bool)) context.Context {
	return context.WithValue(ctx, waitingRoomKey{}, enter)
}

// enterWaitingRoom returns nothing to leave if there is no room to enter.
func enterWaitingRoom(ctx context.Context) (leave func(), ok bool) {
	enter, there := ctx.Value(waitingRoomKey{}).(func() (func(), bool))
	if !there {
		return func() {}, true
	}

	return enter()
}

// retryBudget returns what is left for the next operation.
func retryBudget(ctx context.Context) time.Duration {
	if left, ok := ctx.Value(retryBudgetKey{}).(*atomic.Int64); ok {
		return max(time.Duration(left.Load()), minRetryBudget)
	}

	return DefaultRetryBudget
}

// spendBudget subtracts the time of an operation from what is left, except for the time on the way.
func spendBudget(ctx context.Context, since time.Time, travel time.Duration) {
	if left, ok := ctx.Value(retryBudgetKey{}).(*atomic.Int64); ok {
		left.Add(-int64(max(0, time.Since(since)-travel))) //nolint:forbidigo // measures, decides nothing
	}
}

// retry runs the attempt until it succeeds, fails with a permanent error, or the retry budget is used up.
//
// It ignores the caller's cancellation: a client that disconnects between UPDATE and COMMIT must not decide the
// outcome.
func (d *DB) retry(ctx context.Context, attempt func(ctx context.Context, conn *pgxpool.Conn, repeated bool) error) error {
	travel := d.travel()

	defer spendBudget(ctx, time.Now(), travel) //nolint:forbidigo // measures, decides nothing

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), retryBudget(ctx)+travel)
	defer cancel()

	repeated := false
	gap := gapFirst
	leave := func() {}

	defer func() { leave() }()

	for first := true; ; first = false {
		reached, err := d.attempt(ctx, repeated, attempt)
		if err == nil || !isTransient(err) {
			return err
		}

		repeated = repeated || reached

		if first {
			left, room := enterWaitingRoom(ctx)
			if !room {
				return problem.ErrUnavailable.WithRetryAfter(retryAfter).WithCause(err)
			}

			leave = left
		}

		select {
		case <-time.After(gap):
			gap = min(2*gap, gapMax)
		case <-ctx.Done():
			return problem.ErrUnavailable.WithRetryAfter(retryAfter).WithCause(err)
		}
	}
}

// attempt runs once on one connection. reached reports whether a statement may have been executed.
func (d *DB) attempt(ctx context.Context, repeated bool, attempt func(context.Context, *pgxpool.Conn, bool) error) (reached bool, err error) {
	// Most operations have a smaller budget than that, and need no second timer.
	if retryBudget(ctx) > attemptLimit {
		var cancel context.CancelFunc

		ctx, cancel = context.WithTimeout(ctx, attemptLimit+d.travel())
		defer cancel()
	}

	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return false, transientError{fmt.Errorf("acquire: %w", err)}
	}
	defer conn.Release()

	err = attempt(ctx, conn, repeated)

	switch {
	case err == nil:
		return true, nil
	case conn.Conn().IsClosed() || ctx.Err() != nil || readOnly(err):
		// The connection broke during the statement, was given up, or leads to a server that is no longer the primary.
		// Hijacked, it frees its place in the pool at once: closing a connection to a server that does not respond
		// takes a while.
		broken := conn.Hijack()

		go broken.Close(context.WithoutCancel(ctx)) //nolint:errcheck // it is broken

		return true, transientError{err}
	}

	return true, err
}

// transientError marks an error of the database that is worth another attempt.
type transientError struct{ error }

func (e transientError) Unwrap() error { return e.error }

func isTransient(err error) bool {
	if _, ok := errors.AsType[transientError](err); ok {
		return true
	}

	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}

	switch pgErr.Code {
	case "40001", "40P01", // serialization failure, deadlock: another transaction won this time
		"55P03", "57014", // a lock or a statement took too long
		"57P01", "57P02", "57P03", // the server stops, crashed, or starts
		"0A000",          // a cached plan from before a migration; pgx discards it
		"26000", "42P05": // a prepared statement is on another connection: a pooler shares them, see CheckPooler
		return true
	}

	switch pgErr.Code[:2] {
	case "08", "53", "58": // connection, resources, system
		return true
	}

	return false
}

func readOnly(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)

	return ok && pgErr.Code == "25006"
}

// IsNotFound reports whether a query for one row found none. It is false for an outage, whatever the last attempt
// returned.
func IsNotFound(err error) bool {
	return errors.Is(err, pgx.ErrNoRows) && !errors.Is(err, problem.ErrUnavailable)
}

// ViolatesConstraint reports whether the named constraint refused a statement.
func ViolatesConstraint(err error, constraint string) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)

	return ok && pgErr.ConstraintName == constraint && !errors.Is(err, problem.ErrUnavailable)
}
