// Package joblease returns the jobs of a dead server to their queues within seconds. River knows only when an attempt
// began, and so waits until it is older than any attempt may be. Here a living server confirms its running jobs every two
// seconds, in River's own column, and a job that no server has confirmed for five seconds is available again. It knows
// no job's subject.
package joblease

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	// every is the time between two confirmations.
	every = 2 * time.Second
	// lease is how long a confirmation holds: two may be late. With every, and the second in which River polls, a job of a
	// dead server starts again after eight seconds at most.
	lease = 5 * time.Second
)

// Leases are those of one server. It is a middleware of River, so that no worker has to know of it.
type Leases struct {
	river.MiddlewareDefaults

	db     *postgres.DB
	queues []string
	log    *slog.Logger

	mu   sync.Mutex
	held map[int64]bool
}

// New returns Leases for the jobs of these queues. Every server that works on them must confirm its jobs.
func New(database *postgres.DB, log *slog.Logger, queues ...string) *Leases {
	return &Leases{db: database, queues: queues, log: log, held: map[int64]bool{}}
}

// Work holds the job while a worker works on it.
func (l *Leases) Work(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
	if !slices.Contains(l.queues, job.Queue) {
		return work(ctx)
	}

	l.hold(job.ID)
	defer l.release(job.ID)

	return work(ctx)
}

func (l *Leases) hold(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()

	l.held[id] = true
}

func (l *Leases) release(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()

	delete(l.held, id)
}

func (l *Leases) ids() []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()

	return slices.Collect(maps.Keys(l.held))
}

// Keep confirms the jobs of this server and takes over those of dead ones, until ctx ends.
func (l *Leases) Keep(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()

	// After an outage of the database no job is taken over in the first round: every living server confirms its own in it.
	confirmed := false

	for {
		err := l.confirm(ctx)
		if err == nil && confirmed {
			err = l.takeOver(ctx)
		}

		if err != nil && ctx.Err() == nil {
			l.log.Debug("leases of jobs were not confirmed", "error", err.Error())
		}

		confirmed = err == nil

		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Both statements use the clock of the database, as River does for this column: the clocks of two servers may differ.

func (l *Leases) confirm(ctx context.Context) error {
	ids := l.ids()
	if len(ids) == 0 {
		return nil
	}

	return l.exec(ctx, "UPDATE river_job SET attempted_at = now() WHERE id = ANY($1) AND state = 'running'", ids)
}

// takeOver leaves the number of the attempt as it is: the next one counts on.
func (l *Leases) takeOver(ctx context.Context) error {
	return l.exec(ctx, `
		UPDATE river_job SET state = 'available', scheduled_at = now()
		WHERE state = 'running' AND queue = ANY($1) AND attempted_at < now() - make_interval(secs => $2)`, l.queues, lease.Seconds())
}

func (l *Leases) exec(ctx context.Context, statement string, values ...any) error {
	return l.db.Do(postgres.WithRetryBudget(ctx, every/2), func(ctx context.Context, conn *pgxpool.Conn) error {
		_, err := conn.Exec(ctx, statement, values...)

		return err //nolint:wrapcheck // logged by Keep
	})
}
