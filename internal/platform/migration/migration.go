// Package migration migrates a database to the schema of this binary: our own files with goose, then River's tables,
// under one lock, so that any number of migrators may start at once. It only goes forward. It also grants the server's
// role the rights that it needs.
package migration

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// lockID is a number that only this package uses: the advisory lock of migrators.
const lockID = 0x746b_6777 // "tkgw"

// lockGap is the pause between two attempts to get it.
const lockGap = 200 * time.Millisecond

// Result is what Up did.
type Result struct {
	Ours    []string // the files applied now, in their order
	Queue   []string // the versions of River's tables applied now
	Version int64    // of our own schema, afterwards
}

// Up migrates the database at url to the newest schema in files.
func Up(ctx context.Context, url string, files fs.FS) (Result, error) {
	settings, err := pgxpool.ParseConfig(url)
	if err != nil {
		return Result{}, fmt.Errorf("database url: %w", err)
	}

	// The lock ends with its connection, even if this process dies.
	lock, err := pgx.ConnectConfig(ctx, settings.ConnConfig.Copy())
	if err != nil {
		return Result{}, fmt.Errorf("connect: %w", err)
	}
	defer lock.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left to lose

	// A migration that cannot get its lock fails, and the operator repeats it; one that waited would make every request
	// behind it wait too.
	// It is not a parameter of the connection: poolers refuse that.
	settings.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET lock_timeout = '5s'")

		return err //nolint:wrapcheck // pgxpool wraps it
	}

	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return Result{}, fmt.Errorf("database pool: %w", err)
	}
	defer pool.Close()

	if err := waitForLock(ctx, lock); err != nil {
		return Result{}, err
	}

	var result Result
	if err := ours(ctx, pool, files, &result); err != nil {
		return Result{}, err
	}

	if err := rivers(ctx, pool, &result); err != nil {
		return Result{}, err
	}

	return result, nil
}

// waitForLock acquires the lock of migrators for the session of conn. It asks again and again: a statement that waited in
// the database would hold a snapshot, for which CREATE INDEX CONCURRENTLY of the migrator that has the lock waits in turn.
func waitForLock(ctx context.Context, conn *pgx.Conn) error {
	for {
		var acquired bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lockID).Scan(&acquired); err != nil {
			return fmt.Errorf("lock: %w", err)
		}

		if acquired {
			return nil
		}

		select {
		case <-ctx.Done():
			return fmt.Errorf("lock: %w", ctx.Err())
		case <-time.After(lockGap):
		}
	}
}

func ours(ctx context.Context, pool *pgxpool.Pool, files fs.FS, result *Result) error {
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()

	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}

	applied, err := provider.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w%s", err, hint(err))
	}

	for _, one := range applied {
		result.Ours = append(result.Ours, one.Source.Path)
	}

	result.Version, err = provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("migration version: %w", err)
	}

	return nil
}

// hint says what helps where an extension is not installed, or the role may not create it.
func hint(err error) string {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !strings.Contains(pgErr.Message, "extension") {
		return ""
	}

	return ". The extension belongs to PostgreSQL: install the package that has it, often postgresql-contrib; if this role may not create it, " +
		"have an administrator of the database run CREATE EXTENSION pg_trgm. Then migrate again"
}

func rivers(ctx context.Context, pool *pgxpool.Pool, result *Result) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return fmt.Errorf("river migrations: %w", err)
	}

	done, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	if err != nil {
		return fmt.Errorf("river migrate: %w", err)
	}

	for _, one := range done.Versions {
		result.Queue = append(result.Queue, fmt.Sprintf("river %d %s", one.Version, one.Name))
	}

	return nil
}

// Newest returns the version that the files lead to.
func Newest(files fs.FS) (int64, error) {
	names, err := fs.Glob(files, "*.sql")

	switch {
	case err != nil:
		return 0, fmt.Errorf("migrations: %w", err)
	case len(names) == 0:
		return 0, errors.New("migrations: no files")
	}

	version, err := goose.NumericComponent(names[len(names)-1])
	if err != nil {
		return 0, fmt.Errorf("migrations: %w", err)
	}

	return version, nil
}

// Current returns the version of the database, 0 for an empty one.
func Current(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (int64, error) {
	var version int64

	const query = `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`
	err := db.QueryRow(ctx, query).Scan(&version)

	const undefinedTable = "42P01" // no migration was ever applied
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == undefinedTable {
		return 0, nil
	} else if err != nil {
		return 0, fmt.Errorf("migration version: %w", err)
	}

	return version, nil
}

// AppliedAt returns when a version was applied to the database.
func AppliedAt(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}, version int64) (at time.Time, err error) {
	// goose stores a time without its zone, which was that of the session.
	const query = `SELECT max(tstamp) AT TIME ZONE current_setting('TimeZone') FROM goose_db_version WHERE is_applied AND version_id = $1`

	var found *time.Time

	switch err := db.QueryRow(ctx, query, version).Scan(&found); {
	case err != nil:
		return at, fmt.Errorf("migration time: %w", err)
	case found == nil:
		return at, fmt.Errorf("migration time: version %d was not applied", version)
	}

	return *found, nil
}
