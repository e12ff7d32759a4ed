package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/migration"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	// startGap is the pause between attempts to start while the database is unavailable.
	startGap = 500 * time.Millisecond
	// startLogEvery is how often the log repeats why the gateway has not started yet.
	startLogEvery = 30 * time.Second
)

// Start starts the background work: the signing keys, the workers and the audit chain. It returns when it has measured the
// time of refusals, which takes about a second. While the database is unavailable, or older than this version, it keeps
// trying, and the gateway is not ready. If it cannot start at all, it sends the reason to a.failed.
func (a *App) Start() {
	if a.step > 0 {
		a.Hasher.SetStep(a.step)
	} else {
		a.log.Info("refusals of a password are sent at multiples of one time", "milliseconds", a.Hasher.Measure().Milliseconds())
	}

	ctx, cancel := context.WithCancel(context.Background())
	a.stop = cancel
	a.done = make(chan struct{})

	go func() {
		defer close(a.done)

		var work sync.WaitGroup
		defer work.Wait()

		work.Go(func() { a.watch(ctx) })

		if err := a.start(ctx); err != nil {
			a.failed <- err

			return
		}

		work.Go(func() { a.Chain.Keep(ctx) })
		work.Go(func() { a.takeIn(ctx) })
		work.Go(func() { a.leases.Keep(ctx) })
		work.Go(func() { a.backlog.watch(ctx) })
		work.Go(func() { a.moveFormer(ctx) })
		a.Keys.Watch(ctx, func(err error) { a.log.Warn("signing keys were not reloaded", "error", err.Error()) })
	}()
}

// start prepares the gateway until it succeeds. It returns an error if ctx ends, or if another attempt would fail too.
func (a *App) start(ctx context.Context) error {
	var (
		said   string
		saidAt time.Time
	)

	for {
		err := a.prepare(ctx)

		switch {
		case err == nil:
			a.started.Store(true)
			a.warnOfLoss(ctx)

			if a.config.Mode == config.Release {
				a.warnOfOwnership(ctx)
			}

			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("start: %w", ctx.Err())
		case errors.Is(err, token.ErrMasterKey):
			return fmt.Errorf("MASTER_KEY is not the key with which this database was used, or lacks it; set the right one "+
				"(docs/operate.md, The master key): %w", err)
		}

		if now := a.now(); err.Error() != said || now.Sub(saidAt) >= startLogEvery {
			said, saidAt = err.Error(), now
			a.log.Warn("background work has not started yet; trying again", "error", said)
		}

		select {
		case <-ctx.Done():
		case <-time.After(startGap):
		}
	}
}

// prepare is one attempt to start. The schema is judged here, and not again: a later version may be migrating it.
func (a *App) prepare(ctx context.Context) error {
	asked := a.ask(ctx, shortLook)
	if err := cmp.Or(asked.database, asked.migrations()); err != nil {
		return err
	}

	a.migrated.Store(true)

	if err := a.Keys.Ensure(ctx); err != nil {
		return err
	}

	if err := a.jobs.Start(ctx); err != nil {
		return fmt.Errorf("jobs: %w", err)
	}

	return nil
}

// takeIn takes in what servers of before there was an audit chain write while this version is rolled out.
func (a *App) takeIn(ctx context.Context) {
	const chainVersion = 8

	var made time.Time

	err := a.db.Do(postgres.WithRetryBudget(ctx, time.Minute), func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		made, err = migration.AppliedAt(ctx, conn, chainVersion)

		return err
	})
	if err != nil {
		a.log.Warn("events of servers of an earlier version are not taken into the audit chain", "error", err.Error())

		return
	}

	a.Chain.TakeIn(ctx, made)
}

// warnOfLoss warns if the settings of the database allow it to lose committed transactions.
func (a *App) warnOfLoss(ctx context.Context) {
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		var value string

		err := a.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
			return conn.QueryRow(ctx, "SHOW "+setting).Scan(&value)
		})
		if err == nil && value == "off" {
			a.log.Warn("the database may lose committed transactions: "+setting+" is off", "setting", setting)
		}
	}
}

// warnOfOwnership warns if the server's database role could rewrite the audit log.
func (a *App) warnOfOwnership(ctx context.Context) {
	var owns bool

	err := a.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return conn.QueryRow(ctx, "SELECT has_table_privilege('audit_event', 'UPDATE')").Scan(&owns)
	})
	if err == nil && owns {
		a.log.Warn("the server's database role could rewrite the audit log: prepare one that cannot with `toolkit-gateway migrate --server-role`")
	}
}

// Drain makes the gateway not ready, so that load balancers send it no new requests.
func (a *App) Drain() { a.draining.Store(true) }

// Stop ends the background work and closes the gateway. Running jobs may finish until ctx ends. Call it after the last
// request.
func (a *App) Stop(ctx context.Context) error {
	var err error
	if a.started.Load() {
		if err = a.jobs.Stop(ctx); err != nil {
			err = fmt.Errorf("jobs did not finish: %w", err)
		}
	}

	a.stop()
	<-a.done
	a.Close()

	return err
}

// Close closes what New opened. After Start, call Stop instead.
func (a *App) Close() {
	a.db.Close()
	a.places.Close()
}
