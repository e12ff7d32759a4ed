package administration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// lockedAccount is an account whose row is locked.
type lockedAccount struct {
	db.AccountForChangeRow

	rights authority.Rights // those of its group
}

// mutation changes an account with the actor's rights and returns the event, without an action if nothing had to change.
type mutation func(ctx context.Context, tx postgres.Tx, rights authority.Rights, h lockedAccount, now time.Time) (audit.Event, error)

// lock locks an account for a change, in the change's transaction. It returns account.ErrNotFound if there is none, and
// problem.ErrRightMissing if the account has a right that is not among the actor's.
func lock(ctx context.Context, tx postgres.Tx, rights authority.Rights, target authority.Target) (lockedAccount, error) {
	row, err := db.New(tx).AccountForChange(ctx, target.ID)
	if postgres.IsNotFound(err) {
		return lockedAccount{}, account.ErrNotFound
	} else if err != nil {
		return lockedAccount{}, fmt.Errorf("look up account: %w", err)
	}

	h := lockedAccount{AccountForChangeRow: row, rights: authority.RightsOf(row.Rights)}

	switch {
	case !rights.Include(h.rights):
		return lockedAccount{}, problem.ErrRightMissing
	case !target.Expects(row.Version):
		return lockedAccount{}, problem.ErrVersionConflict
	}

	return h, nil
}

// SetGroup assigns the member group, which takes effect with the account's next request.
func (a *Administration) SetGroup(ctx context.Context, c authority.Change, name string) (Details, error) {
	return a.change(ctx, c, toGroup(c, name))
}

// Assigned is the result for one of many accounts.
type Assigned struct {
	ID      string
	Version int32            // of an account that is now in the group
	Refusal *problem.Problem // nil if the account is in the group
}

// assigned is the stored form of Assigned: it has a problem's code.
type assigned struct {
	ID      string
	Version int32
	Code    string
}

// SetGroups assigns one group to many accounts. Each is checked by itself; one that is refused stays as it is.
func (a *Administration) SetGroups(ctx context.Context, c authority.Change, targets []authority.Target, name string) ([]Assigned, error) {
	kept, err := authority.Once(ctx, a.db, a.now(), c, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) ([]assigned, error) {
		results := make([]assigned, len(targets))

		for i, target := range targets {
			c.Target = target
			changed, err := a.setGroupOfOne(ctx, tx, c, rights, name)

			refusal, refused := errors.AsType[*problem.Problem](err)

			switch {
			case refused && refusal.Kind != problem.Unavailable:
				results[i] = assigned{ID: target.ID, Code: refusal.Code}
			case err != nil:
				return nil, err
			default:
				results[i] = assigned{ID: target.ID, Version: changed.Version}
			}
		}

		return results, nil
	})
	if err != nil {
		return nil, err
	}

	results := make([]Assigned, len(kept))

	for i, one := range kept {
		results[i] = Assigned{ID: one.ID, Version: one.Version}
		if one.Code != "" {
			results[i].Refusal = problem.Kept(problem.Conflict, one.Code)
		}
	}

	return results, nil
}

// setGroupOfOne undoes only its own change if it fails.
func (a *Administration) setGroupOfOne(ctx context.Context, tx postgres.Tx, c authority.Change, rights authority.Rights, name string) (Details, error) {
	inner, err := tx.Begin(ctx)
	if err != nil {
		return Details{}, fmt.Errorf("savepoint: %w", err)
	}

	changed, err := a.apply(ctx, postgres.Tx{Tx: inner, Repeated: tx.Repeated}, c, rights, toGroup(c, name))
	if err != nil {
		if undone := inner.Rollback(ctx); undone != nil {
			return Details{}, fmt.Errorf("back to savepoint: %w", undone)
		}

		return Details{}, err
	}

	if err := inner.Commit(ctx); err != nil {
		return Details{}, fmt.Errorf("release savepoint: %w", err)
	}

	return changed, nil
}

func toGroup(c authority.Change, name string) mutation {
	return func(ctx context.Context, tx postgres.Tx, rights authority.Rights, h lockedAccount, now time.Time) (audit.Event, error) {
		queries := db.New(tx)

		granted, err := queries.MemberGroupRights(ctx, name)
		if postgres.IsNotFound(err) {
			return audit.Event{}, account.ErrUnknownGroup
		} else if err != nil {
			return audit.Event{}, fmt.Errorf("look up group: %w", err)
		}

		if !rights.Include(authority.RightsOf(granted)) {
			return audit.Event{}, problem.ErrRightMissing
		}

		if h.MemberGroup == name {
			return audit.Event{}, nil
		}

		err = queries.AccountSetGroup(ctx, db.AccountSetGroupParams{ID: h.ID, MemberGroup: name, Now: now})

		switch {
		case postgres.ViolatesConstraint(err, "account_member_group_fkey"):
			return audit.Event{}, account.ErrUnknownGroup // deleted at this moment
		case err != nil:
			return audit.Event{}, fmt.Errorf("set member group: %w", err)
		}

		return audit.Event{Action: audit.AccountGroupSet, Subject: name, Detail: compact(map[string]string{"from": h.MemberGroup, "to": name, "reason": c.Reason})}, nil
	}
}

// SetStatus allows an account to sign in, or stops it. Disabling and deleting end every session at once and void its
// outstanding codes and secrets. A deleted account that becomes active again is restored.
func (a *Administration) SetStatus(ctx context.Context, c authority.Change, status account.Status) (Details, error) {
	return a.change(ctx, c, func(ctx context.Context, tx postgres.Tx, _ authority.Rights, h lockedAccount, now time.Time) (audit.Event, error) {
		if h.Status == string(status) {
			return audit.Event{}, nil
		}

		err := db.New(tx).AccountSetStatus(ctx, db.AccountSetStatusParams{ID: h.ID, Status: string(status), Now: now})
		if err != nil {
			return audit.Event{}, fmt.Errorf("set status: %w", err)
		}

		event := audit.Event{Detail: compact(map[string]string{"from": h.Status, "reason": c.Reason})}

		switch status {
		case account.Disabled:
			event.Action = audit.AccountDisabled
		case account.Deleted:
			event.Action = audit.AccountDeleted
		default:
			event.Action = audit.AccountEnabled

			return event, nil
		}

		return event, a.distrust(ctx, tx, h.ID, string(status))
	})
}

// distrust ends every session and voids outstanding codes and secrets.
func (a *Administration) distrust(ctx context.Context, tx postgres.Tx, id, why string) error {
	_, err := db.New(tx).SessionRevokeAll(ctx, db.SessionRevokeAllParams{AccountID: id, Now: a.now(), Reason: why})
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}

	return challenge.Void(ctx, tx, id)
}

// Erase permanently deletes up to 100 accounts that were deleted before the given time, and returns how many. Their
// events stay in the audit log.
func Erase(ctx context.Context, tx db.DBTX, before time.Time) (int64, error) {
	return db.New(tx).AccountErase(ctx, &before)
}

// change runs a mutation in its own transaction.
func (a *Administration) change(ctx context.Context, c authority.Change, do mutation) (Details, error) {
	return authority.Once(ctx, a.db, a.now(), c, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) (Details, error) {
		return a.apply(ctx, tx, c, rights, do)
	})
}

// apply runs a mutation under the locks, records the event, and makes sure that an administrator is left.
func (a *Administration) apply(ctx context.Context, tx postgres.Tx, c authority.Change, rights authority.Rights, do mutation) (Details, error) {
	h, err := lock(ctx, tx, rights, c.Target)
	if err != nil {
		return Details{}, err
	}

	run := func() error {
		event, err := do(ctx, tx, rights, h, a.now())
		if err != nil || event.Action == "" {
			return err
		}

		event.AccountID, event.ActorID = h.ID, c.Actor.AccountID

		return audit.Record(ctx, tx, a.now(), event)
	}

	if h.Status == string(account.Active) && h.rights.Has(authority.Administer) {
		err = group.KeepAdministrator(ctx, tx, c.Actor, run)
	} else {
		err = run()
	}

	if err != nil {
		return Details{}, err
	}

	return details(ctx, tx, h.ID)
}

// compact removes empty values.
func compact(detail map[string]string) map[string]string {
	maps.DeleteFunc(detail, func(_, value string) bool { return value == "" })

	return detail
}
