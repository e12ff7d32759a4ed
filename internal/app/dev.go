package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/pgcluster"
)

const (
	// devDatabase is the name of the private cluster's database.
	devDatabase = "gateway"

	// The files of DEV_DIR: the key, which is kept, and the URL of the database while it runs.
	devKeyFile = "master.key"
	devURLFile = "database.url"
)

// Dev runs the gateway in development mode, without any preparation: with a private Postgres, migrated, and a key of its
// own, both in DEV_DIR, and with an inbox page in place of a mail server. DATABASE_URL and MASTER_KEY take precedence.
func Dev(ctx context.Context, c config.Config, say func(format string, args ...any)) error {
	c.Mode = config.Development

	// An address in use is found before anything is started.
	free, err := bind("ADDR", address(c))
	if err != nil {
		return err
	}

	if err := free.Close(); err != nil {
		return fmt.Errorf("ADDR: %w", err)
	}

	if err := os.MkdirAll(c.DevDir, 0o755); err != nil {
		return fmt.Errorf("DEV_DIR: %w", err)
	}

	if c.MasterKey == "" {
		if c.MasterKey, err = devKey(filepath.Join(c.DevDir, devKeyFile)); err != nil {
			return err
		}
	}

	if c.DatabaseURL == "" {
		url, stop, err := startDatabase(ctx, c.DevDir, say)
		if err != nil {
			return err
		}
		defer stop()

		c.DatabaseURL = url
	}

	if err := c.Check(); err != nil {
		return err
	}

	result, err := Migrate(ctx, c.DatabaseURL)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}

	if len(result.Ours)+len(result.Queue) > 0 {
		say("Applied %d migrations of the gateway, %d of the job queue.", len(result.Ours), len(result.Queue))
	}

	firstRun, err := FirstRunLink(ctx, c)
	if err != nil {
		return fmt.Errorf("first administrator: %w", err)
	}

	return Serve(ctx, c, func(address string) { greet(c, address, firstRun, say) })
}

func greet(c config.Config, address, firstRun string, say func(format string, args ...any)) {
	if firstRun != "" {
		firstRun = fmt.Sprintf("\nThere is no administrator yet. This link creates one; it works once, for a day:\n\n  %s\n", firstRun)
	}

	base := c.PublicURL
	say(`
Toolkit Gateway %s is listening on %s

  Console             %s/console
  API documentation   %s/docs
  Inbox               %s/dev/inbox
  Readiness           %s/readyz
  Database            psql '%s'
%s
Press Ctrl-C to stop it. Its data is in %s.
`, Version(), address, base, base, base, base, c.DatabaseURL, firstRun, c.DevDir)
}

// startDatabase starts the private Postgres, and leaves its URL in DEV_DIR for the operator's commands until stop is
// called.
func startDatabase(ctx context.Context, dir string, say func(string, ...any)) (url string, stop func(), err error) {
	cluster, err := devCluster(ctx, dir, say)
	if err != nil {
		return "", nil, err
	}

	url = cluster.URL(devDatabase)
	file := filepath.Join(dir, devURLFile)

	stop = func() {
		os.Remove(file) //nolint:errcheck // BesideDev finds that no database answers

		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer cancel()

		if err := cluster.Stop(ctx); err != nil {
			say("Postgres did not stop: %v", err)
		}
	}

	if err := os.WriteFile(file, []byte(url+"\n"), 0o600); err != nil {
		stop()

		return "", nil, fmt.Errorf("DEV_DIR: %w", err)
	}

	return url, stop, nil
}

// BesideDev fills in the database and the key of the development server that is running in DEV_DIR, for the operator's
// commands, and reports whether there is one. If either is set already, it changes nothing: the key of one gateway must
// not meet the database of another.
func BesideDev(ctx context.Context, c config.Config) (config.Config, bool) {
	if c.DatabaseURL != "" || c.MasterKey != "" {
		return c, false
	}

	key, noKey := os.ReadFile(filepath.Join(c.DevDir, devKeyFile))
	url, noURL := os.ReadFile(filepath.Join(c.DevDir, devURLFile))

	if noKey != nil || noURL != nil {
		return c, false
	}

	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()

	// A server that was killed has left its file behind.
	conn, err := pgx.Connect(ctx, strings.TrimSpace(string(url)))
	if err != nil {
		return c, false
	}
	defer conn.Close(ctx) //nolint:errcheck // it has done its work

	c.Mode, c.DatabaseURL, c.MasterKey = config.Development, strings.TrimSpace(string(url)), strings.TrimSpace(string(key))

	return c, true
}

// devKey reads the key of earlier runs, or generates one.
func devKey(file string) (string, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator's own DEV_DIR
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}

	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("development key: %w", err)
	}

	key := keyring.Generate()
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("development key: %w", err)
	}

	return key, nil
}

func devCluster(ctx context.Context, dir string, say func(string, ...any)) (*pgcluster.Cluster, error) {
	bin, err := pgcluster.FindBinaries()
	if errors.Is(err, pgcluster.ErrNoBinaries) {
		bin, err = pgcluster.FetchBinaries(ctx, filepath.Join(dir, "pgbin"), func(line string) { say("%s", line) })
	}

	if err != nil {
		return nil, fmt.Errorf("private Postgres: %w", err)
	}

	cluster, err := pgcluster.Start(ctx, pgcluster.Options{Dir: filepath.Join(dir, "pg"), BinDir: bin, Durable: true})
	if err != nil {
		return nil, fmt.Errorf("private Postgres: %w", err)
	}

	say("Postgres is running. Its data is in %s.", cluster.Dir())

	if err := createDatabase(ctx, cluster.URL("postgres")); err != nil {
		return nil, errors.Join(err, cluster.Stop(ctx))
	}

	return cluster, nil
}

func createDatabase(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("private Postgres: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // it has done its work

	var exists bool

	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", devDatabase).Scan(&exists)
	if err == nil && !exists {
		_, err = conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{devDatabase}.Sanitize())
	}

	if err != nil {
		return fmt.Errorf("private Postgres: %w", err)
	}

	return nil
}
