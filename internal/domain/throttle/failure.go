package throttle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// Backoff is how failures are delayed: those of one user with one factor, and those of one network with all factors.
type Backoff struct {
	Free    int           // failures in a row without a delay
	First   time.Duration // the delay after them; it doubles each time
	Longest time.Duration // the limit of the doubling
	Network int32         // failures of one sender in an hour; its wider networks have a multiple
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
	// failuresOfNetwork is the name of the limit of a network's failures.
	failuresOfNetwork = "failures"
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
	db       *postgres.DB
	key      string // of the user's failures; empty if only the networks count
	networks [origin.Tiers]string
}

// Person is the user for whom failures are counted, and where the attempt comes from.
type Person struct {
	AccountID string // empty if there is no account
	Name      string // the address in the request; an account is one user under all its addresses
	SessionID string // empty if not signed in
	Place     device.Place
}

func (p Person) name() string { return cmp.Or(p.AccountID, p.Name) }

// Begin counts an attempt of a user with a factor at a place. If it is too early, it returns problem.ErrTooManyRequests
// with the time to wait. The attempt is committed when Begin returns: parallel attempts each count, and a crash refunds
// none. The networks of a device or a session of the account do not count.
func (f *Failures) Begin(ctx context.Context, factor string, person Person) (Attempt, error) {
	attempt := Attempt{db: f.db, key: failureKey(factor, person), networks: f.networkKeys(ctx, person.Place)}
	endsAt := f.now().Add(forgetAfter)
	repeated := false

	err := f.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		now, queries := f.now(), db.New(conn)

		// The result of an earlier run may have been lost: the end in the row shows whether it was the last attempt.
		// Counted twice, a right guess could be delayed by itself.
		if repeated {
			counted, err := queries.FailureCounted(ctx, db.FailureCountedParams{Key: attempt.key, EndsAt: endsAt})
			if counted || err != nil {
				return err
			}
		}

		repeated = true
		most := f.networkMost()

		_, err := queries.FailureAttempt(ctx, db.FailureAttemptParams{
			Key: attempt.key, Person: person.name(), Now: now, Delays: f.delays, EndsAt: endsAt, NetworkEndsAt: now.Add(networkWindow),
			Narrow: attempt.networks[0], Middle: attempt.networks[1], Wide: attempt.networks[2],
			NetworkMost: most[0], MiddleMost: most[1], WideMost: most[2],
		})
		if err == nil || !postgres.IsNotFound(err) {
			return err
		}

		wait, err := queries.FailureWait(ctx, db.FailureWaitParams{
			Key: attempt.key, Now: now, Narrow: attempt.networks[0], Middle: attempt.networks[1], Wide: attempt.networks[2],
			NetworkMost: most[0], MiddleMost: most[1], WideMost: most[2],
		})
		if err != nil {
			return err
		}

		limit, subject, until := inARow, attempt.key, wait.Person
		if wait.Network.After(until) {
			limit, subject, until = failuresOfNetwork, origin.From(ctx).Network(), wait.Network
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

// Succeeded refunds the attempt and forgets the user's failures with this factor at this place. Run it in the transaction
// of what the success allows.
func (a Attempt) Succeeded(ctx context.Context, tx db.DBTX) error {
	err := db.New(tx).FailureSucceeded(ctx, db.FailureSucceededParams{
		Key: a.key, Narrow: a.networks[0], Middle: a.networks[1], Wide: a.networks[2],
	})
	if err != nil {
		return fmt.Errorf("forget failures: %w", err)
	}

	return nil
}

// returnBudget is how long Outage may wait for the database, before the response of an outage.
const returnBudget = 500 * time.Millisecond

// Outage is Succeeded for a right guess whose transaction ended with err, if that is an outage: the caller repeats the request,
// perhaps often, and must not have to wait as for wrong guesses. A failure is ignored: the attempt counts then.
func (a Attempt) Outage(ctx context.Context, err error) {
	if !errors.Is(err, problem.ErrUnavailable) {
		return
	}

	ctx = postgres.WithRetryBudget(context.WithoutCancel(ctx), returnBudget)
	_ = a.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error { return a.Succeeded(ctx, conn) })
}

// Forget forgets the failures of a user with all factors at all places. names are those under which they are counted.
func Forget(ctx context.Context, tx db.DBTX, names ...string) error {
	if _, err := db.New(tx).FailureForget(ctx, names); err != nil {
		return fmt.Errorf("forget failures: %w", err)
	}

	return nil
}

// Wait is how long a user must wait at a place before the next attempt with a factor.
type Wait struct {
	Factor string
	Place  string // the kind of the place
	Until  time.Time
}

// Waits returns the waits of a user. names are those under which failures are counted.
func Waits(ctx context.Context, tx db.DBTX, now time.Time, names ...string) ([]Wait, error) {
	rows, err := db.New(tx).FailureWaiting(ctx, db.FailureWaitingParams{People: names, Now: now})
	if err != nil {
		return nil, fmt.Errorf("look up failures: %w", err)
	}

	waits := make([]Wait, len(rows))
	for i, row := range rows {
		factor, rest, _ := strings.Cut(row.Key, " ")
		place, _, _ := strings.Cut(rest, " ")
		waits[i] = Wait{Factor: factor, Place: place, Until: row.BlockedUntil}
	}

	return waits, nil
}

// failureKey begins with the factor and the kind of the place, which Waits reads.
func failureKey(factor string, person Person) string {
	return factor + " " + person.Place.String() + " " + person.name()
}

// CleanFailures deletes up to 1,000 expired counts, and returns how many.
func CleanFailures(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	return db.New(tx).FailureClean(ctx, now)
}
