package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestStart(t *testing.T) {
	t.Parallel()

	t.Run("DataAndURLOutliveAStop", func(t *testing.T) {
		t.Parallel()

		opts := Options{Dir: openDir(t)}
		first := start(t, opts)
		query(t, first, "CREATE TABLE kept AS SELECT 1")
		stop(t, first)

		second := start(t, opts)
		query(t, second, "SELECT * FROM kept")
		if first.URL("postgres") != second.URL("postgres") {
			t.Fatalf("the URL changed from %s to %s", first.URL("postgres"), second.URL("postgres"))
		}
	})

	t.Run("SecondOneOnTheSameFolderIsToldWhoUsesIt", func(t *testing.T) {
		t.Parallel()

		opts := Options{Dir: openDir(t)}
		first := start(t, opts)
		_, err := Start(t.Context(), opts)
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
			t.Fatalf("got %v, want ErrInUse with our process id", err)
		}
		if err := Remove(t.Context(), opts.Dir); !errors.Is(err, ErrInUse) {
			t.Fatalf("Remove: got %v, want ErrInUse", err)
		}
		query(t, first, "SELECT 1")
	})

	t.Run("RefusalToStartCarriesTheLog", func(t *testing.T) {
		t.Parallel()

		_, err := Start(t.Context(), Options{Dir: openDir(t), Settings: map[string]string{"no_such_setting": "1"}})
		if err == nil || !strings.Contains(err.Error(), `unrecognized configuration parameter "no_such_setting"`) {
			t.Fatalf("got %v, want the server's own words", err)
		}
	})

	t.Run("DataOfAnotherVersionAreNamedBeforeTheStart", func(t *testing.T) {
		t.Parallel()

		opts := Options{Dir: openDir(t)}
		first := start(t, opts)
		stop(t, first)
		if err := os.WriteFile(filepath.Join(first.data(), "PG_VERSION"), []byte("11\n"), 0o600); err != nil {
			t.Fatal(err)
		}

		_, err := Start(t.Context(), opts)
		if err == nil || !strings.Contains(err.Error(), "written by PostgreSQL 11") || !strings.Contains(err.Error(), "set PG_BIN") {
			t.Fatalf("got %v, want the version and what to do", err)
		}
	})

	t.Run("FolderWithOtherThingsIsLeftAlone", func(t *testing.T) {
		t.Parallel()

		opts := Options{Dir: openDir(t)}
		thesis := filepath.Join(opts.Dir, dataName, "thesis.tex")
		if err := os.MkdirAll(filepath.Dir(thesis), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(thesis, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Start(t.Context(), opts); err == nil {
			t.Fatal("it started")
		}
		if _, err := os.Stat(thesis); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("InitdbCutShortIsDoneAgain", func(t *testing.T) {
		t.Parallel()

		opts := Options{Dir: openDir(t)}
		half := filepath.Join(opts.Dir, dataName+".new")
		if err := os.Mkdir(half, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		query(t, start(t, opts), "SELECT 1")
	})

	t.Run("PidFileOfALivingStrangerDoesNotPreventIt", func(t *testing.T) {
		t.Parallel()

		opts := Options{Dir: openDir(t)}
		c := start(t, opts)
		pidFile := filepath.Join(c.data(), pidName)
		left, err := os.ReadFile(pidFile)
		if err != nil {
			t.Fatal(err)
		}
		stop(t, c)
		_, rest, _ := strings.Cut(string(left), "\n")
		if err := os.WriteFile(pidFile, fmt.Appendf(nil, "%d\n%s", os.Getpid(), rest), 0o600); err != nil {
			t.Fatal(err)
		}
		query(t, start(t, opts), "SELECT 1")
	})

	t.Run("LongPathGetsAShortSocket", func(t *testing.T) {
		t.Parallel()

		c := start(t, Options{Dir: filepath.Join(openDir(t), strings.Repeat("long", 25))})
		query(t, c, "SELECT 1")
		before := c.URL("postgres")
		stop(t, c)
		if _, err := os.Stat(c.socket); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("the temporary folder is still there: %v", err)
		}
		if err := c.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		query(t, c, "SELECT 1")
		if before != c.URL("postgres") {
			t.Fatalf("the URL changed from %s to %s", before, c.URL("postgres"))
		}
	})

	t.Run("SocketFolderOpenToOthersIsRefused", func(t *testing.T) {
		t.Parallel()

		_, err := Start(t.Context(), Options{Dir: openDir(t), SocketDir: openDir(t)})
		if err == nil || !strings.Contains(err.Error(), "mode 0700") {
			t.Fatalf("got %v, want a refusal", err)
		}
	})

	t.Run("SettingsAndDurabilityReachTheServer", func(t *testing.T) {
		t.Parallel()

		durable := start(t, Options{Dir: openDir(t), Durable: true, Settings: map[string]string{"max_connections": "17"}})
		fast := start(t, Options{Dir: openDir(t), Settings: map[string]string{"synchronous_commit": "on"}})
		for _, want := range []struct {
			c           *Cluster
			name, value string
		}{
			{durable, "max_connections", "17"},
			{durable, "listen_addresses", ""},
			{durable, "fsync", "on"},
			{durable, "synchronous_commit", "on"},
			{durable, "full_page_writes", "on"},
			{fast, "fsync", "off"},
			{fast, "synchronous_commit", "on"},
		} {
			var got string
			if err := connect(t, want.c).QueryRow(t.Context(), "SELECT current_setting($1)", want.name).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if got != want.value {
				t.Errorf("%s is %q, want %q", want.name, got, want.value)
			}
		}
	})
}

func start(t *testing.T, opts Options) *Cluster {
	t.Helper()
	c, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, c) })
	return c
}

func stop(t *testing.T, c *Cluster) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, c *Cluster) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // some tests kill its server
	return conn
}

func query(t *testing.T, c *Cluster, statement string) {
	t.Helper()
	if _, err := connect(t, c).Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
