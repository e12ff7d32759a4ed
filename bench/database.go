package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/platform/pgcluster"
)

// database is the private Postgres of one run, durable as in production.
type database struct {
	dir     string
	cluster *pgcluster.Cluster
	version string
	hash    string // of password, the same for every account
}

// settings are those of a server with a gigabyte to spare. With Postgres's default of 128 MB the growth would measure
// how often a page is fetched from the system, not the gateway's queries.
var settings = map[string]string{"shared_buffers": "1GB"}

func startDatabase(ctx context.Context, dir string) (*database, error) {
	bin, err := pgcluster.FindBinaries()
	if errors.Is(err, pgcluster.ErrNoBinaries) {
		bin, err = pgcluster.FetchBinaries(ctx, filepath.Join(filepath.Dir(dir), "pgbin"), func(string) {})
	}

	if err != nil {
		return nil, fmt.Errorf("private Postgres: %w", err)
	}

	d := &database{dir: dir}
	if err := d.remove(ctx); err != nil {
		return nil, err
	}

	if d.hash, err = hashOnce(ctx); err != nil {
		return nil, err
	}

	d.cluster, err = pgcluster.Start(ctx, pgcluster.Options{Dir: d.data(), BinDir: bin, Durable: true, Settings: settings})
	if err != nil {
		return nil, fmt.Errorf("private Postgres: %w", err)
	}

	err = d.with(ctx, "postgres", func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SHOW server_version").Scan(&d.version)
	})
	if err != nil {
		return nil, join(err, d.close())
	}

	return d, nil
}

func (d *database) data() string { return filepath.Join(d.dir, "pg") }

func (d *database) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()

	return join(d.cluster.Stop(ctx), d.remove(ctx))
}

func (d *database) remove(ctx context.Context) error {
	return join(pgcluster.Remove(ctx, d.data()), os.RemoveAll(d.dir))
}

func (d *database) with(ctx context.Context, name string, run func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, d.cluster.URL(name))
	if err != nil {
		return fmt.Errorf("private Postgres: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is left to lose

	return run(conn)
}

// create creates a migrated database with accounts, each with so many sessions. Every measurement has its own, so that none is
// affected by another.
func (d *database) create(ctx context.Context, name string, accounts, sessions int, say func(string, ...any)) error {
	err := d.with(ctx, "postgres", func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())

		return err
	})
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}

	if _, err := app.Migrate(ctx, d.cluster.URL(name)); err != nil {
		return err
	}

	return d.seed(ctx, name, accounts, sessions, say)
}
