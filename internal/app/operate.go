package app

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/migration"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/sql/migrations"
)

// commandPatience is how long a command waits for a database that is away.
const commandPatience = 10 * time.Second

// Operate runs an operator's command against the database, without serving.
func Operate(ctx context.Context, c config.Config, run func(ctx context.Context, a *App) error) error {
	a, err := New(ctx, Options{Config: c, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		return err
	}
	defer a.Close()

	ctx = postgres.WithPatience(ctx, commandPatience)

	// What a command writes down is dated by this machine's clock.
	if asked := a.ask(ctx); errors.Join(asked.database, asked.migrations, asked.clock) != nil {
		return cmp.Or(asked.database, asked.migrations, asked.clock)
	}

	return run(ctx, a)
}

// Migrate brings the database to the schema of this binary, and answers what it applied.
func Migrate(ctx context.Context, databaseURL string) (migration.Result, error) {
	return migration.Up(ctx, databaseURL, migrations.FS)
}

// GrantServer gives a database role what serving needs, and no more: it can add to the audit log, and change
// nothing in it.
func GrantServer(ctx context.Context, databaseURL, role string) error {
	return migration.Grant(ctx, databaseURL, role, audit.AppendOnly())
}

// FirstRunLink makes the link to the page that makes the first administrator, in place of the one before it. It is empty
// where there is an administrator.
func FirstRunLink(ctx context.Context, c config.Config) (link string, err error) {
	err = Operate(ctx, c, func(ctx context.Context, a *App) error {
		token, err := a.firstRun.Offer(ctx)
		if token != "" {
			link = firstRunPage(c) + "?token=" + token
		}

		return err
	})

	return link, err
}
