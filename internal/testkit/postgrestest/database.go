package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/platform/pgcluster"
)

// timeZone is the time zone of every test database. No code expects it: its offset of 5:45 hours reveals what depends
// on the server's zone.
const timeZone = "Asia/Kathmandu"

// New returns the URL of a migrated database that belongs to the test. It is dropped when the test has passed, even
// while connections are open, and kept when it has failed.
func New(tb testing.TB) string {
	tb.Helper()
	h := shared(tb)
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	name := h.nextName()
	if err := h.create(ctx, name, h.template); err != nil {
		tb.Fatalf("postgrestest: %v", err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("postgrestest: kept this test's database: %s", h.url(name))
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		if err := h.drop(ctx, name); err != nil {
			tb.Errorf("postgrestest: %v", err)
		}
	})
	return h.url(name)
}

// host is a PostgreSQL server with a migrated template.
type host struct {
	url      func(database string) string
	admin    string             // the database from which others are created
	cluster  *pgcluster.Cluster // nil for a shared server
	strategy string
	template string
	count    atomic.Int64
}

// openHost starts the process's cluster, or uses the server of TEST_DATABASE_URL, and creates the template.
func openHost(ctx context.Context, migrate Migrate) (*host, error) {
	if migrate == nil {
		return nil, errors.New("this package's TestMain does not call postgrestest.Main with its migration")
	}
	h := &host{admin: os.Getenv("TEST_DATABASE_URL")}
	if h.admin != "" {
		base, err := url.Parse(h.admin)
		if err != nil || base.Scheme != "postgres" && base.Scheme != "postgresql" {
			return nil, errors.New("TEST_DATABASE_URL is not a postgres:// URL")
		}
		h.url = func(database string) string {
			u := *base
			u.Path = "/" + database
			return u.String()
		}
	} else {
		cluster, err := startCluster(ctx, false)
		if err != nil {
			return nil, fmt.Errorf("%w\n(tests also use a server that TEST_DATABASE_URL names)", err)
		}
		h.cluster, h.url, h.admin = cluster, cluster.URL, cluster.URL("postgres")
	}
	if err := h.makeTemplate(ctx, migrate); err != nil {
		return nil, errors.Join(err, h.close(ctx, true))
	}
	return h, nil
}

// makeTemplate migrates a database and then allows no connections to it, because a database with a connection cannot be
// cloned.
func (h *host) makeTemplate(ctx context.Context, migrate Migrate) error {
	var version int
	if err := h.query(ctx, &version, "SELECT current_setting('server_version_num')::int"); err != nil {
		return err
	}
	// The default strategy since version 15 writes the whole database to the WAL, which is three times slower.
	if version >= 15_00_00 {
		h.strategy = " STRATEGY file_copy"
	}
	name := h.nextName()
	if err := h.create(ctx, name, ""); err != nil {
		return err
	}
	h.template = name
	if err := migrate(ctx, h.url(name)); err != nil {
		return fmt.Errorf("migrate the template database: %w", err)
	}
	// A migration that leaves a pool open is disconnected; its unfinished work would not be in the clones.
	if err := h.exec(ctx, "ALTER DATABASE "+quote(name)+" ALLOW_CONNECTIONS false"); err != nil {
		return err
	}
	var ended int
	return h.query(ctx, &ended, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1`, name)
}

// nextName returns a name that is unique on the server, which several test processes may share.
func (h *host) nextName() string {
	return fmt.Sprintf("test_%d_%s_%d", os.Getpid(), nonce, h.count.Add(1))
}

func (h *host) create(ctx context.Context, name, template string) error {
	statement := "CREATE DATABASE " + quote(name)
	if template != "" {
		statement += " TEMPLATE " + quote(template) + h.strategy
	}
	// A clone does not inherit the template's zone.
	return h.exec(ctx, statement, "ALTER DATABASE "+quote(name)+" SET timezone = '"+timeZone+"'")
}

func (h *host) drop(ctx context.Context, name string) error {
	return h.exec(ctx, "DROP DATABASE IF EXISTS "+quote(name)+" WITH (FORCE)")
}

// exec executes statements one by one, because CREATE DATABASE cannot run in a transaction.
func (h *host) exec(ctx context.Context, statements ...string) error {
	return h.connected(ctx, func(conn *pgx.Conn) error {
		for _, statement := range statements {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}

func (h *host) query(ctx context.Context, into any, statement string, args ...any) error {
	return h.connected(ctx, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, statement, args...).Scan(into)
	})
}

func (h *host) connected(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, h.admin)
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(ctx))
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }
