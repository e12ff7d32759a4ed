package administration

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// ErrLimitNotFound is returned for a limit that there is not.
var ErrLimitNotFound = problem.New(problem.NotFound, "LIMIT_NOT_FOUND")

// mostHeld is how many waits of each kind are listed.
const mostHeld = 100

// LimitsDeps are the dependencies of Limits.
type LimitsDeps struct {
	DB         *postgres.DB
	Challenges *challenge.Challenges
	Failures   *throttle.Failures
	Now        func() time.Time
}

// Limits lists and lifts the limits that hold now: the budgets over all accounts, and what makes users, networks and
// destinations wait.
type Limits struct{ LimitsDeps }

// NewLimits returns Limits.
func NewLimits(d LimitsDeps) *Limits { return &Limits{d} }

// Standing is how the limits stand.
type Standing struct {
	Budgets []challenge.Balance
	Waits   []throttle.Held
	// Complete reports that Waits has every wait. Without the right to read the audit log it has those of accounts only, and
	// else at most a hundred of each kind.
	Complete bool
}

// List returns how the limits stand.
func (l *Limits) List(ctx context.Context, rights authority.Rights) (Standing, error) {
	balances, err := l.Challenges.Balances(ctx)
	if err != nil {
		return Standing{}, err
	}

	standing, err := postgres.Get(ctx, l.DB, func(ctx context.Context, conn *pgxpool.Conn) (Standing, error) {
		failures, err := l.Failures.Held(ctx, conn, mostHeld)
		if err != nil {
			return Standing{}, err
		}

		limits, networks := l.limits()
		others, err := throttle.HeldBy(ctx, conn, l.Now(), mostHeld, limits, networks)

		return Standing{Waits: append(failures, others...), Complete: len(failures) < mostHeld && len(others) < mostHeld}, err
	})
	if err != nil {
		return Standing{}, err
	}

	standing.Budgets = balances

	if !rights.Has(authority.AuditRead) {
		standing.Complete = false
		standing.Waits = slices.DeleteFunc(standing.Waits, func(h throttle.Held) bool { return h.AccountID == "" })
	}

	return standing, nil
}

// limits returns the limits of what is not a user's failures.
func (l *Limits) limits() ([]throttle.Limit, []throttle.NetworkLimit) {
	limits, networks := l.Challenges.HeldLimits()

	return limits, append(networks, l.Failures.NetworkLimits())
}

// Lift lifts a budget over all accounts, if there is no subject, or what makes a subject wait, named as in the list. A wait
// that has ended is lifted like one that holds. It returns ErrLimitNotFound if there is no such limit or account, and
// problem.ErrRightMissing for a subject that List does not show to the actor, or whose account has a right that is not
// among the actor's.
func (l *Limits) Lift(ctx context.Context, c authority.Change, limit, subject string) error {
	if subject == "" {
		err := l.Challenges.LiftBudget(ctx, c.Actor, limit)
		if errors.Is(err, challenge.ErrNoBudget) {
			return ErrLimitNotFound
		}

		return err
	}

	lift, person, known := l.lifting(limit, subject)
	if !known {
		return ErrLimitNotFound
	}

	event := audit.Event{Action: audit.WaitLifted, ActorID: c.Actor.AccountID, Subject: limit, Detail: map[string]string{"subject": subject}}
	if accountID.MatchString(person) {
		event.AccountID = person
	}

	return authority.Recorded(ctx, l.DB, l.Now(), c.Actor, &event, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) error {
		if event.AccountID == "" {
			if !rights.Has(authority.AuditRead) {
				return problem.ErrRightMissing
			}

			return lift(ctx, tx)
		}

		if person == c.Actor.AccountID { // a limit on administrators is not theirs to lift
			return problem.ErrRightMissing
		}

		_, err := lock(ctx, tx, rights, authority.Target{ID: person})
		if errors.Is(err, account.ErrNotFound) {
			return ErrLimitNotFound
		} else if err != nil {
			return err
		}

		return lift(ctx, tx)
	})
}

// accountID is the form of an account's id.
var accountID = regexp.MustCompile(`^[0-9a-f]{24}$`)

// lifting returns what lifts a limit of a subject, and the part of the subject that may be an account.
func (l *Limits) lifting(limit, subject string) (lift func(ctx context.Context, tx postgres.Tx) error, person string, known bool) {
	if limit == throttle.InARow {
		factor, person, found := strings.Cut(subject, " ")

		return func(ctx context.Context, tx postgres.Tx) error { return throttle.ForgetFactor(ctx, tx, factor, person) }, person, found
	}

	limits, networks := l.limits()
	known = slices.ContainsFunc(limits, func(one throttle.Limit) bool { return one.Name == limit }) ||
		slices.ContainsFunc(networks, func(one throttle.NetworkLimit) bool { return one.Name == limit })

	return func(ctx context.Context, tx postgres.Tx) error {
		return throttle.Lift(ctx, tx, throttle.Use{Limit: throttle.Limit{Name: limit}, Subject: subject})
	}, subject, known
}
