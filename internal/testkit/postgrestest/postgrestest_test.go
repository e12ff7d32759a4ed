package postgrestest_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) {
	postgrestest.Main(m, func(ctx context.Context, url string) error {
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "CREATE TABLE thing (name text PRIMARY KEY)")
		return errors.Join(err, conn.Close(ctx))
	})
}

func TestNew(t *testing.T) {
	t.Parallel()

	t.Run("ManyAtOnceAreSeparate", func(t *testing.T) {
		t.Parallel()

		// Goroutines, because parallel tests are limited by the number of processors.
		var all sync.WaitGroup
		var urls [16]string
		var errs [16]error
		for i := range urls {
			all.Go(func() {
				urls[i] = postgrestest.New(t)
				errs[i] = insert(t, urls[i])
			})
		}
		all.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			t.Error(err)
		}
		slices.Sort(urls[:])
		if len(slices.Compact(urls[:])) != len(errs) {
			t.Error("two tests got the same database")
		}
	})

	t.Run("ServersTimeZoneIsOdd", func(t *testing.T) {
		t.Parallel()

		var zone string
		if err := connect(t, postgrestest.New(t)).QueryRow(t.Context(), "SHOW timezone").Scan(&zone); err != nil {
			t.Fatal(err)
		}
		if zone != "Asia/Kathmandu" {
			t.Fatalf("got %s", zone)
		}
	})

	t.Run("DatabaseIsDroppedAfterwardsUnderOpenConnections", func(t *testing.T) {
		t.Parallel()

		var url string
		t.Run("Passing", func(t *testing.T) {
			url = postgrestest.New(t)
			conn, err := pgx.Connect(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.Ping(t.Context()); err != nil { // the connection stays open
				t.Fatal(err)
			}
		})
		if _, err := pgx.Connect(t.Context(), url); err == nil || !strings.Contains(err.Error(), "3D000") {
			t.Fatalf("got %v, want 3D000, no such database", err)
		}
	})
}

func TestNewCluster(t *testing.T) {
	t.Parallel()

	t.Run("IsMigratedAndKeepsItsDataThroughKill", func(t *testing.T) {
		t.Parallel()

		cluster, url := postgrestest.NewCluster(t, true)
		if err := insert(t, url); err != nil {
			t.Fatal(err)
		}
		if err := cluster.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := cluster.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := connect(t, url).QueryRow(t.Context(), "SELECT count(*) FROM thing").Scan(&n); err != nil || n != 1 {
			t.Fatalf("%d rows, %v", n, err)
		}
	})

	t.Run("IsNotTheOneOfTheOthers", func(t *testing.T) {
		t.Parallel()

		_, private := postgrestest.NewCluster(t, false)
		if shared := postgrestest.New(t); host(t, private) == host(t, shared) {
			t.Fatalf("%s and %s are on one server", private, shared)
		}
	})
}

// How the package behaves around failures is seen from outside: this program runs again, with one of the tests below,
// which do nothing in an ordinary run.
func TestFailure(t *testing.T) {
	t.Parallel()

	t.Run("KeepsTheDatabaseAndSaysHowToOpenIt", func(t *testing.T) {
		t.Parallel()

		tmp := shortDir(t)
		out, err := again(t, tmp, "TestChildFails", "TMPDIR="+tmp)
		if err == nil {
			t.Fatalf("it passed:\n%s", out)
		}
		for _, want := range []string{"kept this test's database: postgres://", "postgres -D " + tmp, "psql 'postgres://"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
		if kept := folders(t, tmp); len(kept) != 1 {
			t.Fatalf("folders %v, want one", kept)
		}
		// A later run does not touch the kept folder, and removes what a killed run has left.
		killed := filepath.Join(tmp, fmt.Sprintf("postgrestest-%d-1", deadProcess(t)))
		if err := os.Mkdir(killed, 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := again(t, tmp, "TestChildPasses", "TMPDIR="+tmp); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if left := folders(t, tmp); len(left) != 1 || left[0] == killed {
			t.Fatalf("folders %v, want the kept one only", left)
		}
	})

	t.Run("TestWithoutADatabaseFails", func(t *testing.T) {
		t.Parallel()

		tmp := shortDir(t)
		out, err := again(t, tmp, "TestChildPasses", "TMPDIR="+tmp, "PG_BIN=/nowhere")
		if err == nil || !strings.Contains(out, "no database for this test: PG_BIN=/nowhere") || !strings.Contains(out, "TEST_DATABASE_URL") {
			t.Fatalf("%v\n%s", err, out)
		}
	})

	t.Run("ServerOfTheEnvironmentIsUsedAndLeftClean", func(t *testing.T) {
		t.Parallel()

		_, url := postgrestest.NewCluster(t, false)
		databases := func() (names []string) {
			rows, _ := connect(t, url).Query(t.Context(), "SELECT datname FROM pg_database ORDER BY datname")
			names, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			return names
		}
		before := databases()
		tmp := shortDir(t)
		out, err := again(t, tmp, "TestChildPasses", "TMPDIR="+tmp, "PG_BIN=/nowhere", "TEST_DATABASE_URL="+url)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if after := databases(); strings.Join(before, " ") != strings.Join(after, " ") {
			t.Fatalf("databases %v, before %v", after, before)
		}
	})
}

const childEnv = "POSTGRESTEST_CHILD"

func TestChildFails(t *testing.T) {
	t.Parallel()

	if os.Getenv(childEnv) == "" {
		return
	}
	t.Error("by the printed command:", insert(t, postgrestest.New(t)))
}

func TestChildPasses(t *testing.T) {
	t.Parallel()

	if os.Getenv(childEnv) == "" {
		return
	}
	if err := insert(t, postgrestest.New(t)); err != nil {
		t.Fatal(err)
	}
}

func again(t *testing.T, dir, test string, env ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+test+"$")
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "TEST_DATABASE_URL=", childEnv+"=1"), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func folders(t *testing.T, tmp string) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(tmp, "postgrestest-*"))
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// deadProcess returns the id of a process that has ended.
func deadProcess(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// shortDir returns a folder whose path is short enough for a socket, and to which the server's user has access.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pgt-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // its server may have stopped
	return conn
}

func insert(t *testing.T, url string) error {
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(t.Context(), "INSERT INTO thing VALUES ('one')")
	return errors.Join(err, conn.Close(t.Context()))
}

func host(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("host")
}
