package authority

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

var (
	// ErrReauthRequired is returned if the sign-in is too old for a change, or was made with one factor where two are asked
	// for and the user has both.
	ErrReauthRequired = problem.New(problem.Invalid, "REAUTH_REQUIRED")
	// ErrTwoFactorsRequired is returned for a right whose group, or user, asks for two factors, to a session that was opened
	// with one.
	ErrTwoFactorsRequired = problem.New(problem.Forbidden, "TWO_FACTORS_REQUIRED")
)

// Fresh is how old a sign-in may be for what an administrator could do most harm with: to delete or export a user, to
// change groups, rights, factors and webhooks.
const Fresh = time.Hour

// Actor is who asks for a change, and what the change asks of them. The zero value can change nothing.
type Actor struct {
	AccountID string // empty for an operator at the command line
	SessionID string
	Right     Right         // that the actor's group must have; empty for a change of the actor's own account
	MaxAge    time.Duration // of the sign-in; 0 for any
	PerMinute int32         // changes in a minute, of Counted; 0 for any number
	Counted   string        // whose changes count together; the account's if empty

	operator bool
	alone    bool // see Alone
}

// Operator is a user with access to the database: everything is allowed, and no name is recorded.
func Operator() Actor { return Actor{operator: true} }

// IsOperator reports whether the actor is an operator.
func (a Actor) IsOperator() bool { return a.operator }

// Confirm reads the actor again and returns their rights. Every change for a user calls it first in its transaction: a
// request may take long to arrive, and what allowed it may be gone. Until the transaction ends, what takes
// the session, the status or a right away waits.
//
// It returns problem.ErrTokenInvalid if the session has ended or the account is not active, problem.ErrRightMissing if
// the group does not have the right, ErrTwoFactorsRequired or ErrReauthRequired if the session was not opened as the change
// asks, and problem.ErrTooManyRequests if the actor has made too many changes in this minute.
//
// Locks are taken in this order: Lock, the actor's account, the actor's session, other accounts, anything else.
func (a Actor) Confirm(ctx context.Context, tx postgres.Tx, now time.Time) (Rights, error) {
	there, err := a.lock(ctx, tx)

	switch {
	case err != nil:
		return nil, err
	case a.operator:
		return All, nil
	case !there:
		return nil, problem.ErrTokenInvalid
	}

	row, err := db.New(tx).ActorConfirm(ctx, db.ActorConfirmParams{SessionID: a.SessionID, AccountID: a.AccountID, Now: now})
	if postgres.IsNotFound(err) {
		return nil, problem.ErrTokenInvalid
	} else if err != nil {
		return nil, fmt.Errorf("look up the actor: %w", err)
	}

	rights, lacksFactor := RightsOf(row.Rights), row.TwoFactors && !row.Both

	switch {
	case a.Right != "" && !rights.Has(a.Right):
		return nil, problem.ErrRightMissing
	case a.Right != "" && lacksFactor:
		return nil, ErrTwoFactorsRequired
	case a.TooOld(row.AuthenticatedAt, now), a.MaxAge > 0 && lacksFactor && row.TOTP:
		return nil, ErrReauthRequired // without an authenticator, one factor is enough to bind one
	}

	return rights, a.count(ctx, tx, now)
}

// count counts the change: no one fills the audit log, or floods the webhooks, with one session. A change that fails is
// rolled back with its count.
func (a Actor) count(ctx context.Context, tx postgres.Tx, now time.Time) error {
	if a.PerMinute == 0 {
		return nil
	}

	row, err := db.New(tx).ThrottleTake(ctx, db.ThrottleTakeParams{
		Key: "changes " + cmp.Or(a.Counted, a.AccountID), Added: 1, Now: now, EndsAt: now.Add(time.Minute),
	})
	if err != nil {
		return fmt.Errorf("count the change: %w", err)
	}

	if row.Count > a.PerMinute {
		return problem.ErrTooManyRequests.WithRetryAfter(row.EndsAt.Sub(now))
	}

	return nil
}

// lock takes the first locks of a change, and reports whether the actor's account exists.
func (a Actor) lock(ctx context.Context, tx postgres.Tx) (bool, error) {
	if a.operator || a.Right != "" || a.alone {
		if err := Lock(ctx, tx); err != nil {
			return false, err
		}
	}

	if a.operator {
		return true, nil
	}

	_, err := db.New(tx).ActorLock(ctx, a.AccountID)
	if postgres.IsNotFound(err) {
		return false, nil
	} else if err != nil {
		return false, fmt.Errorf("lock the actor: %w", err)
	}

	return true, nil
}

// Fresh returns the actor for a change that asks for a sign-in not older than Fresh.
func (a Actor) Fresh() Actor {
	a.MaxAge = Fresh

	return a
}

// Alone returns the actor for a change of the actor's own account that could leave no administrator: it takes Lock, too, as
// the changes of administrators do.
func (a Actor) Alone() Actor {
	a.alone = true

	return a
}

// Unlimited returns the actor for a change that protects the account: it may not be kept from its user by a thief who
// makes all the changes of the minute.
func (a Actor) Unlimited() Actor {
	a.PerMinute = 0

	return a
}

// TooOld reports whether a sign-in at that time is too old for the change.
func (a Actor) TooOld(authenticatedAt, now time.Time) bool {
	return a.MaxAge > 0 && now.Sub(authenticatedAt) > a.MaxAge
}

// Lock is held by every change that an administrator makes, or that could remove the last administrator: such changes
// happen one after the other. New members of a group do not wait for it.
func Lock(ctx context.Context, tx postgres.Tx) error {
	if _, err := db.New(tx).MemberGroupLock(ctx, string(Administer)); err != nil {
		return fmt.Errorf("lock groups: %w", err)
	}

	return nil
}
