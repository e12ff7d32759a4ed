package app

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/migration"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/sql/migrations"
)

const (
	// maxSkew is the difference between our clock and the database's above which the server warns.
	maxSkew = 2 * time.Second
	// watchEvery is the time between two looks at the database, and watchLogEvery how often the log repeats what is wrong.
	watchEvery    = 5 * time.Second
	watchLogEvery = time.Hour
)

// readiness returns why this replica should get no requests, if so, and beside it what all replicas share. It asks
// nothing: a database that is away is away for every replica, and a load balancer that empties its pool then loses the
// refreshes that wait in them.
func (a *App) readiness() httpapi.Readiness {
	r := httpapi.Readiness{Replica: []httpapi.Check{{Name: "running", State: httpapi.OK}, {Name: "migrations", State: httpapi.OK}}}
	running, migrations := &r.Replica[0], &r.Replica[1]

	switch {
	case a.draining.Load():
		running.State, running.Detail = "failed", "stopping"
	case !a.started.Load():
		running.State, running.Detail = "failed", "starting"
	}

	seen := a.seen.Load()

	if !a.migrated.Load() {
		migrations.State, migrations.Detail = "failed", "not judged yet"

		if seen != nil && seen.migrations() != nil {
			migrations.Detail = seen.migrations().Error()
		}
	}

	r.Shared = seen.checks()

	return r
}

// condition is the state of what all replicas share, at one time. nil: it is not known yet.
type condition struct {
	at       time.Time
	database error // it gave no answer, and the rest is unknown

	version, required int64         // of the schema
	skew              time.Duration // how far our clock is ahead of the database's
}

// shortLook is how long a look at the database waits where its result must be current.
const shortLook = time.Second

// ask asks the database, and waits for it as long as patience.
func (a *App) ask(ctx context.Context, patience time.Duration) condition {
	c := condition{at: a.now()}

	if c.required, c.database = migration.Newest(migrations.FS); c.database != nil {
		return c
	}

	c.database = a.db.Do(postgres.WithRetryBudget(ctx, patience), func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		if c.version, err = migration.Current(ctx, conn); err != nil {
			return err
		}

		before := a.now()

		theirs, err := a.db.Measure(ctx, conn)
		if err == nil {
			c.skew = before.Add(a.now().Sub(before) / 2).Sub(theirs)
		}

		return err
	})

	return c
}

// migrations returns an error if the schema is older than this version. A newer one is right: the next version of the
// server is being rolled out.
func (c *condition) migrations() error {
	if c.database != nil || c.version >= c.required {
		return nil
	}

	return fmt.Errorf("the database is at version %d, but version %d is required: run `toolkit-gateway migrate`", c.version, c.required)
}

func (c *condition) clock() error {
	if c.database != nil || c.skew.Abs() <= maxSkew {
		return nil
	}

	return fmt.Errorf("the clocks of this machine and of the database differ by %s", c.skew.Abs().Round(time.Millisecond))
}

// checks returns the condition as readiness shows it. The endpoint is public: the error of the database, which may name
// its host and its user, is in the log only.
func (c *condition) checks() []httpapi.Check {
	database, schema, clock := httpapi.Check{Name: "database"}, httpapi.Check{Name: "schema"}, httpapi.Check{Name: "clock"}

	switch {
	case c == nil:
		database.State, schema.State, clock.State = "unknown", "unknown", "unknown"

		return []httpapi.Check{database, schema, clock}
	case c.database != nil:
		database.State, schema.State, clock.State = "failed", "unknown", "unknown"
		database.Detail = "no answer at " + c.at.UTC().Format(time.RFC3339)

		return []httpapi.Check{database, schema, clock}
	}

	database.State, schema.State, clock.State = httpapi.OK, httpapi.OK, httpapi.OK
	schema.Detail = fmt.Sprintf("version %d; this server requires %d", c.version, c.required)

	if c.migrations() != nil {
		schema.State = "failed"
	}

	if err := c.clock(); err != nil {
		clock.State, clock.Detail = "warning", err.Error()
	}

	return []httpapi.Check{database, schema, clock}
}

// watch looks at the database every few seconds until ctx ends, for /readyz?verbose, the metrics and the log.
func (a *App) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()

	database, schema, clock := trouble{name: "database"}, trouble{name: "schema"}, trouble{name: "clock"}

	for {
		seen := a.ask(ctx, shortLook)
		if ctx.Err() != nil {
			return
		}

		a.seen.Store(&seen)

		// Before the start its attempts report.
		if a.started.Load() {
			database.report(a, seen.database)

			if seen.database == nil {
				schema.report(a, seen.migrations())
				clock.report(a, seen.clock())
			}
		}

		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// trouble is what the log says about one condition.
type trouble struct {
	name string
	last time.Time // when the log last said that it is wrong; zero while it is right
}

// report logs a condition that is wrong at once and then each hour, and that it is right again.
func (t *trouble) report(a *App, err error) {
	now := a.now()

	switch {
	case err == nil && !t.last.IsZero():
		t.last = time.Time{}
		a.log.Info("it is right again", "check", t.name)
	case err != nil && (t.last.IsZero() || now.Sub(t.last) >= watchLogEvery):
		t.last = now
		a.log.Warn("something that all replicas share is wrong; this replica stays ready", "check", t.name, "error", err.Error())
	}
}
