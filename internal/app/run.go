package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/migration"
	"github.com/konec/toolkit-gateway/internal/postgres"
	"github.com/konec/toolkit-gateway/sql/migrations"
)

const (
	// startGap spaces the attempts to start while the database is away.
	startGap = 500 * time.Millisecond
	// maxSkew is how far our clock may be from the database's (design, "One clock").
	maxSkew = 2 * time.Second
)

// Start begins the background work: the signing keys, and the workers. It returns at once; while
// the database is away it goes on trying, and readiness says no.
func (a *App) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	a.stop = cancel
	a.done = make(chan struct{})

	go func() {
		defer close(a.done)

		if !a.start(ctx) {
			return
		}

		a.keys.Watch(ctx, func(err error) { a.log.Warn("signing keys not reloaded", "error", err.Error()) })
	}()
}

func (a *App) start(ctx context.Context) bool {
	for {
		err := a.checkMigrations(ctx)
		if err == nil {
			err = a.keys.Ensure(ctx)
		}

		if err == nil {
			err = a.jobs.Start(ctx)
		}

		if err == nil {
			a.started.Store(true)

			return true
		}

		a.log.Warn("not started yet", "error", err.Error())

		select {
		case <-ctx.Done():
			return false
		case <-time.After(startGap):
		}
	}
}

// Drain makes readiness say no, so that no new requests are sent here.
func (a *App) Drain() { a.draining.Store(true) }

// Stop ends the background work: jobs that run finish within ctx. Call it after the last request.
func (a *App) Stop(ctx context.Context) error {
	var err error
	if a.started.Load() {
		if err = a.jobs.Stop(ctx); err != nil {
			err = fmt.Errorf("jobs did not finish: %w", err)
		}
	}

	a.stop()
	<-a.done
	a.db.Close()

	return err
}

func (a *App) checkRunning(context.Context) error {
	switch {
	case a.draining.Load():
		return errors.New("stopping")
	case !a.started.Load():
		return errors.New("starting")
	}

	return nil
}

func (a *App) checkDatabase(ctx context.Context) error {
	return a.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error { return conn.Ping(ctx) })
}

func (a *App) checkMigrations(ctx context.Context) error {
	newest, err := migration.Newest(migrations.FS)
	if err != nil {
		return err
	}

	return a.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		// A newer schema is fine: the next version of the server is being rolled out.
		current, err := migration.Current(ctx, conn)
		if err == nil && current < newest {
			err = fmt.Errorf("the database is at version %d, and %d is needed: run `toolkit-gateway migrate`", current, newest)
		}

		return err
	})
}

func (a *App) checkClock(ctx context.Context) error {
	return a.ask(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var theirs time.Time

		before := a.now()
		if err := conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&theirs); err != nil {
			return fmt.Errorf("ask the database's clock: %w", err)
		}

		after := a.now()
		if ours := before.Add(after.Sub(before) / 2); ours.Sub(theirs).Abs() > maxSkew {
			return fmt.Errorf("our clock is %s from the database's", ours.Sub(theirs).Round(time.Millisecond))
		}

		return nil
	})
}

// ask is impatient: a check that waits says nothing.
func (a *App) ask(ctx context.Context, run func(context.Context, *pgxpool.Conn) error) error {
	return a.db.Do(postgres.WithPatience(ctx, time.Second), run)
}
