package app

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	formerEvery = 5 * time.Second
	// formerJobs are the jobs that servers before this version put into River's default queue. They still run during an
	// upgrade. Any worker can do any job, so the queue says only what waits for what. Jobs of other programs stay.
	formerJobs = `UPDATE river_job SET queue = CASE kind WHEN 'delivery' THEN '` + delivery.MailCodes + `' ELSE '` + choreQueue + `' END
		WHERE queue = 'default' AND kind IN ('delivery', 'cleaning', 'key_rotation') AND state IN ('available', 'pending', 'retryable', 'scheduled')`
)

// moveFormer moves the jobs of former servers to the queues of this version until ctx ends: this version does not work on the
// default queue, which may be that of another program with the same database.
func (a *App) moveFormer(ctx context.Context) {
	tick := time.NewTicker(formerEvery)
	defer tick.Stop()

	for {
		err := a.db.Do(postgres.WithRetryBudget(ctx, formerEvery), func(ctx context.Context, conn *pgxpool.Conn) error {
			_, err := conn.Exec(ctx, formerJobs)

			return err
		})
		if err != nil && ctx.Err() == nil {
			a.log.Warn("jobs of servers of an earlier version were not moved", "error", err.Error())
		}

		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
