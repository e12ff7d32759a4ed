package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/migration"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/sql/migrations"
)

const (
	// startGap is the pause between attempts to start while the database is unavailable.
	startGap = 500 * time.Millisecond
	// maxSkew is the maximum difference between our clock and the database's.
	maxSkew = 2 * time.Second
)

// Start starts the background work: the signing keys, the workers and the audit chain. It returns when it has measured the
// time of refusals, which takes about a second. While the database is unavailable it keeps trying, and the gateway is not
// ready.
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

		if !a.start(ctx) {
			return
		}

		var work sync.WaitGroup

		work.Go(func() { a.Chain.Keep(ctx) })
		work.Go(func() { a.leases.Keep(ctx) })
		work.Go(func() { a.backlog.watch(ctx) })
		a.Keys.Watch(ctx, func(err error) { a.log.Warn("signing keys were not reloaded", "error", err.Error()) })
		work.Wait()
	}()
}

func (a *App) start(ctx context.Context) bool {
	for {
		err := a.ask(ctx).migrations
		if err == nil {
			err = a.Keys.Ensure(ctx)
		}

		if err == nil {
			err = a.jobs.Start(ctx)
		}

		if err == nil {
			a.started.Store(true)
			a.warnOfLoss(ctx)

			if a.config.Mode == config.Release {
				a.warnOfOwnership(ctx)
			}

			return true
		}

		if ctx.Err() != nil {
			return false
		}

		a.log.Warn("background work has not started yet; trying again", "error", err.Error())

		select {
		case <-ctx.Done():
			return false
		case <-time.After(startGap):
		}
	}
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

// checks returns the state of everything that readiness depends on.
func (a *App) checks(ctx context.Context) []httpapi.Check {
	asked := a.ask(ctx)

	return []httpapi.Check{
		{Name: "running", Err: a.running()},
		{Name: "database", Err: asked.database},
		{Name: "migrations", Err: asked.migrations},
		{Name: "clock", Err: asked.clock},
	}
}

func (a *App) running() error {
	switch {
	case a.draining.Load():
		return errors.New("stopping")
	case !a.started.Load():
		return errors.New("starting")
	}

	return nil
}

// asked is the state of the database. If it does not answer, all three fail.
type asked struct{ database, migrations, clock error }

func (a *App) ask(ctx context.Context) asked {
	var (
		version int64
		skew    time.Duration
	)

	// A short wait: readiness must be current.
	err := a.db.Do(postgres.WithRetryBudget(ctx, time.Second), func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		if version, err = migration.Current(ctx, conn); err != nil {
			return err
		}

		skew, err = a.skew(ctx, conn)

		return err
	})
	if err != nil {
		return asked{database: err, migrations: err, clock: err}
	}

	var answer asked

	newest, err := migration.Newest(migrations.FS)

	switch {
	case err != nil:
		answer.migrations = err
	case version < newest:
		// A newer schema is right: the next version of the server is being rolled out.
		answer.migrations = fmt.Errorf("the database is at version %d, but version %d is required: run `toolkit-gateway migrate`", version, newest)
	}

	if skew.Abs() > maxSkew {
		answer.clock = fmt.Errorf("the clocks of this machine and of the database differ by %s", skew.Abs().Round(time.Millisecond))
	}

	return answer
}

// skew returns how far our clock is ahead of the database's.
func (a *App) skew(ctx context.Context, conn *pgxpool.Conn) (time.Duration, error) {
	var theirs time.Time

	before := a.now()
	if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&theirs); err != nil {
		return 0, fmt.Errorf("read the clock of the database: %w", err)
	}

	return before.Add(a.now().Sub(before) / 2).Sub(theirs), nil
}
