package authority

import (
	"context"
	"slices"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Change is what the changes of administrators and operators have in common.
type Change struct {
	Actor  Actor
	Key    idempotency.Key // a change under a key happens once
	Target Target          // not used when something is created, or many accounts are changed
	Reason string          // for the audit log; empty for none
}

// Target is what to change: an account, a group or a webhook.
type Target struct {
	ID      string // a group's name
	Version *int32 // the version that the change expects; nil for any

	// OrVersions are further versions that the change accepts.
	OrVersions []int32 `json:",omitempty"` // the digest of a change without them stays as it was
}

// Expects reports whether the change may be made to the target at this version.
func (t Target) Expects(version int32) bool {
	return t.Version == nil || *t.Version == version || slices.Contains(t.OrVersions, version)
}

// Once runs a change in one transaction after its actor is confirmed, or returns the result that is stored under its
// key, see idempotency.Once.
func Once[T any](
	ctx context.Context, database *postgres.DB, now time.Time, c Change, run func(ctx context.Context, tx postgres.Tx, rights Rights) (T, error),
) (T, error) {
	var rights Rights

	confirm := func(ctx context.Context, tx postgres.Tx) (err error) {
		rights, err = c.Actor.Confirm(ctx, tx, now)

		return err
	}

	return idempotency.Once(ctx, database, now, c.Key, confirm, func(ctx context.Context, tx postgres.Tx) (T, error) {
		return run(ctx, tx, rights)
	})
}

// Recorded runs a change without a key in one transaction after its actor is confirmed, and records the event. run may
// complete the event's detail.
func Recorded(
	ctx context.Context, database *postgres.DB, now time.Time, actor Actor, event *audit.Event,
	run func(ctx context.Context, tx postgres.Tx, rights Rights) error,
) error {
	done := func(ctx context.Context, tx postgres.Tx) (bool, error) {
		if _, err := actor.lock(ctx, tx); err != nil {
			return false, err
		}

		return audit.Recorded(ctx, tx, now, *event)
	}

	return database.Once(ctx, done, func(ctx context.Context, tx postgres.Tx) error {
		rights, err := actor.Confirm(ctx, tx, now)
		if err != nil {
			return err
		}

		if err := run(ctx, tx, rights); err != nil {
			return err
		}

		return audit.Record(ctx, tx, now, *event)
	})
}
