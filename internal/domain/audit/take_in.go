package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	// rollout is how long servers of before there was a chain may serve after the migration that made it.
	rollout = 7 * 24 * time.Hour
	// takeInSlack is how far the time of that migration may be off: it is stored without a time zone.
	takeInSlack = 24 * time.Hour
	takeInEvery = time.Minute
	// takeInPart is the time of the events that one statement reads.
	takeInPart = time.Hour
	// takeInAgain is read again the next time: a transaction that was open has committed by then.
	takeInAgain = 2 * time.Minute
)

// TakeIn queues what servers of before there was a chain write into the audit log, so that it is sealed. made is when the
// migration that made the chain was applied. It returns a week after that, and at once if the log is not older than the
// chain: no such server exists then, and an event that is neither sealed nor queued is one for Verify to name.
func (c *Chain) TakeIn(ctx context.Context, made time.Time) {
	ticker := time.NewTicker(takeInEvery)
	defer ticker.Stop()

	next, upgraded := made.Add(-takeInSlack), false

	for end := made.Add(rollout); ; {
		var err error

		now := c.now()

		if !upgraded && now.Before(end) {
			if upgraded, err = c.olderThan(ctx, made); err == nil && !upgraded {
				return
			}
		}

		if err == nil && upgraded {
			if err = c.takeIn(ctx, next, now); err == nil {
				next = now.Add(-takeInAgain)
			}
		}

		if err != nil && ctx.Err() == nil {
			c.log.Warn("events of servers of an earlier version are not taken into the audit chain yet", "error", err.Error())
		}

		if !now.Before(end) {
			return
		}

		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (c *Chain) olderThan(ctx context.Context, made time.Time) (bool, error) {
	older, err := postgres.Get(ctx, c.db, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
		return db.New(conn).AuditEventBefore(ctx, made)
	})
	if err != nil {
		return false, fmt.Errorf("first event: %w", err)
	}

	return older, nil
}

// takeIn queues the events of an interval that are neither sealed nor queued.
func (c *Chain) takeIn(ctx context.Context, since, until time.Time) error {
	var taken int64

	for ; since.Before(until); since = since.Add(takeInPart) {
		count, err := postgres.Get(postgres.WithRetryBudget(ctx, verifyTimeout), c.db, func(ctx context.Context, conn *pgxpool.Conn) (int64, error) {
			return db.New(conn).AuditUnsealedTakeIn(ctx, db.AuditUnsealedTakeInParams{Since: since, Until: minTime(since.Add(takeInPart), until)})
		})
		if err != nil {
			return fmt.Errorf("take in: %w", err)
		}

		taken += count
	}

	if taken > 0 {
		c.log.Warn("events that servers of an earlier version had written were taken into the audit chain", "events", taken)
	}

	return nil
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}

	return b
}
