package throttle

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// Backoff is how failures are delayed: those of one user with one factor, and those of one network with all factors.
type Backoff struct {
	Free    int           // failures in a row without a delay
	First   time.Duration // the delay after them; it doubles each time
	Longest time.Duration // the limit of the doubling
	Network int32         // failures of a network in an hour
}

const (
	networkWindow = time.Hour
	// skew is how far in the past a failure without a delay lets the next attempt begin: attempts at the same moment,
	// and replicas whose clocks differ, do not arrive in the order of their times.
	skew = time.Minute
	// forgetAfter is how long after the last failure a user's count begins anew.
	forgetAfter = 24 * time.Hour
	// inARow is the name of the limit of a user's failures.
	inARow = "failures in a row"
)

// Failures counts attempts to authenticate.
type Failures struct {
	db      *postgres.DB
	backoff Backoff
	delays  []float64
	now     func() time.Time
}

// NewFailures returns Failures.
func NewFailures(database *postgres.DB, backoff Backoff, now func() time.Time) *Failures {
	return &Failures{db: database, backoff: backoff, delays: backoff.delays(), now: now}
}

// delays returns the delays, in seconds, after the first failure, the second and so on.
func (p Backoff) delays() []float64 {
	list := make([]float64, max(0, p.Free-1))
	for i := range list {
		list[i] = -skew.Seconds()
	}

	for wait := p.First; wait < p.Longest; wait *= 2 {
		list = append(list, wait.Seconds())
	}

	return append(list, p.Longest.Seconds())
}

// Attempt is an attempt that counts as a failure until it has succeeded.
type Attempt struct {
	person, network string
}

// Person is the user for whom failures are counted.
type Person struct {
	AccountID string // empty if there is no account
	Name      string // the address in the request; an account is one user under all its addresses
	SessionID string // empty if not signed in
}

// Begin counts an attempt of a user with a factor. If it is too early, it returns problem.ErrTooManyRequests with the
// time to wait. The attempt is committed when Begin returns: parallel attempts each count, and a crash refunds none.
func (f *Failures) Begin(ctx context.Context, factor string, person Person) (Attempt, error) {
	attempt := Attempt{person: personKey(factor, cmp.Or(person.AccountID, person.Name)), network: key(f.networkLimit(), origin.From(ctx).Network())}
	endsAt := f.now().Add(forgetAfter)
	repeated := false

	err := f.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		now, queries := f.now(), db.New(conn)

		// The result of an earlier run may have been lost: the end in the row shows whether it was the last attempt.
		// Counted twice, a right guess could be delayed by itself.
		if repeated {
			counted, err := queries.FailureCounted(ctx, db.FailureCountedParams{Person: attempt.person, EndsAt: endsAt})
			if counted || err != nil {
				return err
			}
		}

		repeated = true

		_, err := queries.FailureAttempt(ctx, db.FailureAttemptParams{
			Person: attempt.person, Network: attempt.network, Now: now,
			NetworkMost: f.backoff.Network, NetworkEndsAt: now.Add(networkWindow),
			Delays: f.delays, EndsAt: endsAt,
		})
		if err == nil || !postgres.IsNotFound(err) {
			return err
		}

		wait, err := queries.FailureWait(ctx, db.FailureWaitParams{
			Person: attempt.person, Network: attempt.network, NetworkMost: f.backoff.Network, Now: now,
		})
		if err != nil {
			return err
		}

		limit, subject, until := inARow, attempt.person, wait.Person
		if wait.Network.After(until) {
			limit, subject, until = f.networkLimit().Name, origin.From(ctx).Network(), wait.Network
		}

		if !until.After(now) { // it was refunded meanwhile
			return problem.ErrTooManyRequests.WithRetryAfter(time.Second)
		}

		return Refuse(now, until, limit, subject).WithRetryAfter(max(time.Second, until.Sub(now)))
	})
	if err != nil {
		err = RecordRefusal(ctx, f.db, f.now(), err, audit.Event{
			AccountID: person.AccountID, Subject: person.Name, SessionID: person.SessionID, Method: factor,
		})

		return Attempt{}, fmt.Errorf("count attempt: %w", err)
	}

	return attempt, nil
}

// Succeeded refunds the attempt and forgets the user's failures with this factor. Run it in the transaction of what the
// success allows.
func (a Attempt) Succeeded(ctx context.Context, tx db.DBTX) error {
	err := db.New(tx).FailureSucceeded(ctx, db.FailureSucceededParams{Person: a.person, Network: a.network})
	if err != nil {
		return fmt.Errorf("forget failures: %w", err)
	}

	return nil
}

// Forget forgets a user's failures with a factor.
func Forget(ctx context.Context, tx db.DBTX, factor, person string) error {
	if err := db.New(tx).FailureForget(ctx, personKey(factor, person)); err != nil {
		return fmt.Errorf("forget failures: %w", err)
	}

	return nil
}

// ForgetAll forgets the failures with all factors, counted under any of a user's names.
func ForgetAll(ctx context.Context, tx db.DBTX, factors []string, names ...string) error {
	if _, err := db.New(tx).FailureForgetAll(ctx, slices.Sorted(maps.Keys(personKeys(factors, names)))); err != nil {
		return fmt.Errorf("forget failures: %w", err)
	}

	return nil
}

// Wait returns how long a user must wait before the next attempt with a factor.
type Wait struct {
	Factor string
	Until  time.Time
}

// Waits returns the factors with which a user must wait. names are those under which failures are counted.
func Waits(ctx context.Context, tx db.DBTX, now time.Time, factors []string, names ...string) ([]Wait, error) {
	keys := personKeys(factors, names)

	rows, err := db.New(tx).FailureWaiting(ctx, db.FailureWaitingParams{People: slices.Sorted(maps.Keys(keys)), Now: now})
	if err != nil {
		return nil, fmt.Errorf("look up failures: %w", err)
	}

	waits := make([]Wait, len(rows))
	for i, row := range rows {
		waits[i] = Wait{Factor: keys[row.Key], Until: row.BlockedUntil}
	}

	return waits, nil
}

// personKeys returns the factor of each key.
func personKeys(factors, names []string) map[string]string {
	keys := map[string]string{}

	for _, factor := range factors {
		for _, name := range names {
			keys[personKey(factor, name)] = factor
		}
	}

	return keys
}

func personKey(factor, person string) string { return factor + " " + person }

// CleanFailures deletes up to 1,000 expired counts, and returns how many.
func CleanFailures(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	return db.New(tx).FailureClean(ctx, now)
}
