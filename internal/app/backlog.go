package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// backlogEvery is how often a server counts the waiting jobs. Every server shows the same numbers.
const backlogEvery = 15 * time.Second

// backlog is how many jobs wait in each queue, and since when. It is read in the background: a request for metrics must
// not wait for the database.
type backlog struct {
	db *postgres.DB

	waiting, oldest *prometheus.Desc

	mu     sync.Mutex
	queues map[string]waitingJobs
}

// waitingJobs are those of one queue.
type waitingJobs struct {
	Queue string
	Jobs  int64
	Since *time.Time // when the oldest was enqueued; nil without any
}

// newBacklog returns the backlog of these queues, which are shown from the start, and of any other that has jobs.
func newBacklog(database *postgres.DB, queues []string) *backlog {
	b := &backlog{db: database, queues: map[string]waitingJobs{}}
	for _, queue := range queues {
		b.queues[queue] = waitingJobs{Queue: queue}
	}

	return b
}

// watch counts until ctx ends. While the database is away the last numbers stand, and their ages grow.
func (b *backlog) watch(ctx context.Context) {
	tick := time.NewTicker(backlogEvery)
	defer tick.Stop()

	for {
		if found, err := b.read(ctx); err == nil {
			b.set(found)
		}

		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (b *backlog) read(ctx context.Context) ([]waitingJobs, error) {
	return postgres.Get(ctx, b.db, func(ctx context.Context, conn *pgxpool.Conn) ([]waitingJobs, error) {
		rows, err := conn.Query(ctx, `
			SELECT queue, count(*) AS jobs, min(created_at) AS since FROM river_job
			WHERE state IN ('available', 'retryable', 'running', 'scheduled') GROUP BY queue ORDER BY queue LIMIT 100`)
		if err != nil {
			return nil, fmt.Errorf("count waiting jobs: %w", err)
		}

		return pgx.CollectRows(rows, pgx.RowToStructByName[waitingJobs])
	})
}

func (b *backlog) set(found []waitingJobs) {
	b.mu.Lock()
	defer b.mu.Unlock()

	for queue := range b.queues {
		b.queues[queue] = waitingJobs{Queue: queue}
	}

	for _, one := range found {
		b.queues[one.Queue] = one
	}
}

// Describe implements prometheus.Collector.
func (b *backlog) Describe(into chan<- *prometheus.Desc) { into <- b.waiting; into <- b.oldest }

// Collect implements prometheus.Collector.
func (b *backlog) Collect(into chan<- prometheus.Metric) {
	b.mu.Lock()
	defer b.mu.Unlock()

	for queue, one := range b.queues {
		age := time.Duration(0)
		if one.Since != nil {
			age = max(0, b.db.Now().Sub(*one.Since))
		}

		into <- prometheus.MustNewConstMetric(b.waiting, prometheus.GaugeValue, float64(one.Jobs), queue)
		into <- prometheus.MustNewConstMetric(b.oldest, prometheus.GaugeValue, age.Seconds(), queue)
	}
}
