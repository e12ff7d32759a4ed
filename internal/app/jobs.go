package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/platform/jobclock"
	"github.com/konec/toolkit-gateway/internal/platform/joblease"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
)

const (
	// jobTimeout is longer than any delivery takes.
	jobTimeout = time.Minute
	// rescueAfter is the age at which the job of a dead worker counts as stuck for River. It checks every 30 seconds and
	// schedules it again: another replica runs it within two minutes. Messages do not wait for that, see joblease.
	rescueAfter = 75 * time.Second
	// choreQueue has the periodic jobs, so that messages need not wait for a long clean-up.
	choreQueue   = "chore"
	choreWorkers = 2
	cleanEvery   = 5 * time.Minute
	rotateEvery  = time.Hour
)

// newJobs makes the job client. It works on deliveries, webhook calls, and the two periodic jobs below, which one replica
// runs for all. The kinds of jobs are the same in every version: a server of an older one, which leads the chores during
// an upgrade, would discard those that it does not know.
func (a *App) newJobs(d domain, box *inbox.Inbox) (*river.Client[pgx.Tx], error) {
	senders, err := a.senders(box)
	if err != nil {
		return nil, err
	}

	workers := river.NewWorkers()
	delivery.NewWorker(delivery.WorkerDeps{
		DB: a.db, Keys: a.master, Senders: senders, Places: a.places, Retention: a.config.AccountRetention, Count: a.metrics.countDeliveries(), Log: a.log, Now: a.now,
	}).Register(workers)
	webhook.NewWorker(webhook.WorkerDeps{
		DB: a.db, Keys: a.master, Places: a.places, Policy: d.webhookPolicy, Count: a.metrics.countWebhooks(), Log: a.log, Now: a.now,
	}).Register(workers)
	river.AddWorker(workers, &cleaning{db: a.db, keys: a.master, retention: a.config.AccountRetention, now: a.now})
	river.AddWorker(workers, &rotation{keys: a.Keys, age: a.config.KeyRotation})

	// Servers of earlier versions confirm no job, and work on webhooks, too.
	a.leases = joblease.New(a.db, a.log, delivery.MailCodes, delivery.SMSCodes, delivery.Notices, choreQueue)

	queues := map[string]river.QueueConfig{
		delivery.MailCodes: {MaxWorkers: a.config.CodeWorkers},
		delivery.SMSCodes:  {MaxWorkers: a.config.CodeWorkers},
		delivery.Notices:   {MaxWorkers: a.config.NoticeWorkers},
		webhook.Queue:      {MaxWorkers: a.config.WebhookWorkers},
		choreQueue:         {MaxWorkers: choreWorkers},
	}
	a.backlog = newBacklog(a.db, slices.Collect(maps.Keys(queues)))
	a.metrics.showBacklog(a.backlog)

	client, err := river.NewClient(riverpgxv5.New(a.db.Pool()), &river.Config{
		Queues:               queues,
		PollOnly:             a.config.DatabasePooler == string(postgres.TransactionPooler), // no LISTEN: jobs are found once a second
		Middleware:           []rivertype.Middleware{a.leases},
		Workers:              workers,
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		Test:                 jobclock.ForWorkers(a.db),
		Logger:               slog.New(quiet{a.log.Handler()}),
		PeriodicJobs: []*river.PeriodicJob{
			periodic(cleanEvery, cleaningArgs{}),
			periodic(rotateEvery, rotationArgs{}),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("job client: %w", err)
	}

	return client, nil
}

func periodic(every time.Duration, args river.JobArgs) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(every),
		func() (river.JobArgs, *river.InsertOpts) {
			return args, &river.InsertOpts{MaxAttempts: 3, Queue: choreQueue}
		},
		&river.PeriodicJobOpts{RunOnStart: true})
}

// quiet passes on River's log messages from warnings up. Failed jobs need none: they are retried, and their outcome is in
// the row of the delivery.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// Handle drops two expected messages: that work was canceled because the server stops, which the next start or another
// replica resumes; and that a role which does not own the indexes cannot rebuild them each night (docs/operate.md).
func (q quiet) Handle(ctx context.Context, record slog.Record) error {
	const notOwner = "(SQLSTATE 42501)"

	expected := false

	record.Attrs(func(attr slog.Attr) bool {
		value := attr.Value.String()
		expected = strings.HasSuffix(value, context.Canceled.Error()) ||
			strings.HasSuffix(record.Message, ": Error reindexing") && strings.HasSuffix(value, notOwner)

		return !expected
	})

	if expected {
		return nil
	}

	return q.Handler.Handle(ctx, record) //nolint:wrapcheck // a handler of slog, as ours is
}

type cleaningArgs struct{}

func (cleaningArgs) Kind() string { return "cleaning" }

// cleaning deletes expired rows and prepares accounts for a search, in small batches.
type cleaning struct {
	river.WorkerDefaults[cleaningArgs]

	db        *postgres.DB
	keys      *keyring.Keyring
	retention time.Duration // how long a deleted account is kept
	now       func() time.Time
}

func (c *cleaning) Work(ctx context.Context, _ *river.Job[cleaningArgs]) error {
	for _, clean := range []func(context.Context, db.DBTX, time.Time) (int64, error){
		code.Clean, throttle.Clean, throttle.CleanFailures, device.Clean, session.Clean, factor.Clean, delivery.Clean, token.Clean, idempotency.Clean,
		account.CleanReservations, factor.CleanReplaced,
		func(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
			return webhook.Clean(ctx, tx, c.keys, now)
		},
		func(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
			return administration.Erase(ctx, tx, now.Add(-c.retention))
		},
		administration.FillSearch, // last: after an upgrade it takes the rest of the time
	} {
		for {
			var deleted int64

			err := c.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
				var err error
				deleted, err = clean(ctx, conn, c.now())

				return err
			})
			if err != nil {
				return fmt.Errorf("clean: %w", err)
			}

			if deleted == 0 {
				break
			}
		}
	}

	return nil
}

type rotationArgs struct{}

func (rotationArgs) Kind() string { return "key_rotation" }

// rotation creates a signing key when the newest one is old.
type rotation struct {
	river.WorkerDefaults[rotationArgs]

	keys *token.Keys
	age  time.Duration
}

func (r *rotation) Work(ctx context.Context, _ *river.Job[rotationArgs]) error {
	return r.keys.RotateDue(ctx, r.age)
}
