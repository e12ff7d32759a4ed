package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/migration"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/sql/migrations"
)

// commandRetryBudget is how long a command waits for a database that is unavailable.
const commandRetryBudget = 10 * time.Second

// Operate opens the gateway for an operator's command, without serving, and closes it after run. It fails unless the
// database answers, is migrated, and agrees with the clock of this machine, which dates what the command records.
func Operate(ctx context.Context, c config.Config, run func(ctx context.Context, a *App) error) error {
	if err := checkPooler(ctx, c); err != nil {
		return err
	}

	a, err := New(ctx, Options{Config: c, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		return err
	}
	defer a.Close()

	ctx = postgres.WithRetryBudget(ctx, commandRetryBudget)

	asked := a.ask(ctx, commandRetryBudget)
	if err := cmp.Or(asked.database, asked.migrations(), asked.clock()); err != nil {
		return err
	}

	return run(ctx, a)
}

// Migrate migrates the database to the schema of this binary, and returns what it applied.
func Migrate(ctx context.Context, databaseURL string) (migration.Result, error) {
	if err := postgres.CheckPooler(ctx, databaseURL); errors.Is(err, postgres.ErrSharedConnections) {
		return migration.Result{}, fmt.Errorf("%w, but migrations need a connection of their own: "+
			"set DATABASE_URL for this command to the URL of the database itself, or of a pooler in session mode", err)
	}

	return migration.Up(ctx, databaseURL, migrations.FS)
}

// GrantServer grants a database role what serving needs and nothing else: it can add to the audit log, but not change it.
func GrantServer(ctx context.Context, databaseURL, role string) error {
	return migration.Grant(ctx, databaseURL, role, audit.AppendOnly())
}

// FirstRunLink issues the link to the page that creates the first administrator. It replaces the previous link. It is
// empty if an administrator exists.
func FirstRunLink(ctx context.Context, c config.Config) (link string, err error) {
	err = Operate(ctx, c, func(ctx context.Context, a *App) error {
		token, err := a.firstRun.IssueLink(ctx)
		if token != "" {
			link = firstRunPage(c) + "?token=" + token
		}

		return err
	})

	return link, err
}
