// Package throttle counts in Postgres how often an action happens within a window of time, the same on every replica.
// It makes no authorization decision; it only refuses what is over a limit, and records that in the audit log.
package throttle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// Limit is a number of uses within a window.
type Limit struct {
	Name   string // becomes part of the key
	Max    int32
	Window time.Duration
}

// Consume counts one use of the limit by the subject. If there are more than Max, it returns problem.ErrTooManyRequests
// with the time to wait. A transaction that is rolled back on that error does not count the refused use.
func Consume(ctx context.Context, tx db.DBTX, now time.Time, limit Limit, subject string) error {
	_, err := consume(ctx, tx, now, Use{Limit: limit, Subject: subject})

	return err
}

// Begun reports whether the window of the subject is the one that an earlier run of a transaction began at the time.
func Begun(ctx context.Context, tx db.DBTX, at time.Time, limit Limit, subject string) (bool, error) {
	begun, err := db.New(tx).ThrottleBegun(ctx, db.ThrottleBegunParams{Key: key(limit, subject), EndsAt: at.Add(limit.Window)})
	if err != nil {
		return false, fmt.Errorf("throttle %s: %w", limit.Name, err)
	}

	return begun, nil
}

// consume counts one use and returns how many there are; 0 for a dry run.
func consume(ctx context.Context, tx db.DBTX, now time.Time, use Use) (count int32, err error) {
	added := int32(1)
	if use.DryRun {
		added = 0
	}

	row, err := db.New(tx).ThrottleTake(ctx, db.ThrottleTakeParams{
		Key: key(use.Limit, use.Subject), Added: added, Now: now, EndsAt: now.Add(use.Limit.Window),
	})
	if err != nil {
		return 0, fmt.Errorf("throttle %s: %w", use.Limit.Name, err)
	}

	if row.Count+1-added > use.Limit.Max {
		return 0, Refuse(now, row.EndsAt, use.Limit.Name, use.Subject)
	}

	if use.DryRun {
		return 0, nil
	}

	return row.Count, nil
}

// Use is one use of a limit by a subject.
type Use struct {
	Limit   Limit
	Subject string
	DryRun  bool   // adds nothing, but costs the same, and is refused if one more would be
	Count   *int32 // if set, ConsumeAll stores here how many uses there are now; 0 for a dry run
}

// ConsumeAll consumes each use, in this order, and returns the longest of the times to wait: after it no use is
// refused.
func ConsumeAll(ctx context.Context, tx db.DBTX, now time.Time, uses ...Use) error {
	var longest *problem.Problem

	for _, use := range uses {
		count, err := consume(ctx, tx, now, use)
		if use.Count != nil {
			*use.Count = count
		}

		limited, ok := errors.AsType[*problem.Problem](err)

		switch {
		case err == nil:
		case !ok:
			return err
		case longest == nil || limited.RetryAfter > longest.RetryAfter:
			longest = limited
		}
	}

	if longest != nil {
		return longest
	}

	return nil
}

// ConsumeInOrder consumes each use until one is refused: what follows is not charged for it.
func ConsumeInOrder(ctx context.Context, tx db.DBTX, now time.Time, uses ...Use) error {
	for _, use := range uses {
		if _, err := consume(ctx, tx, now, use); err != nil {
			return err
		}
	}

	return nil
}

// Refund refunds one use, for a limit of failures that counts before the result of the attempt is known.
func Refund(ctx context.Context, tx db.DBTX, limit Limit, subject string) error {
	if err := db.New(tx).ThrottleGiveBack(ctx, key(limit, subject)); err != nil {
		return fmt.Errorf("throttle %s: %w", limit.Name, err)
	}

	return nil
}

// Clean deletes up to 1,000 expired windows, and returns how many.
func Clean(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	return db.New(tx).ThrottleClean(ctx, now)
}

func key(limit Limit, subject string) string { return limit.Name + " " + subject }
