package migration_test

import (
	"context"
	"maps"
	neturl "net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/platform/migration"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// The databases of these tests are empty at first.
func TestMain(m *testing.M) {
	postgrestest.Main(m, func(context.Context, string) error { return nil })
}

// files are migrations, by name.
func files(sql map[string]string) fstest.MapFS {
	fs := fstest.MapFS{}
	for name, up := range sql {
		fs[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + up + "\n")}
	}

	return fs
}

var (
	first  = files(map[string]string{"00001_first.sql": "CREATE TABLE first (n int);"})
	both   = files(map[string]string{"00001_first.sql": "CREATE TABLE first (n int);", "00002_second.sql": "CREATE TABLE second (n int);"})
	gap    = files(map[string]string{"00001_first.sql": "CREATE TABLE first (n int);", "00003_third.sql": "CREATE TABLE third (n int);"})
	filled = files(map[string]string{
		"00001_first.sql": "CREATE TABLE first (n int);", "00002_second.sql": "CREATE TABLE second (n int);", "00003_third.sql": "CREATE TABLE third (n int);",
	})
	broken = files(map[string]string{"00001_first.sql": "CREATE TABLE first (n int);", "00002_second.sql": "CREATE TABLE first (n int);"})
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()

	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })

	return conn
}

func current(t *testing.T, url string) int64 {
	t.Helper()

	version, err := migration.Current(t.Context(), connect(t, url))
	if err != nil {
		t.Fatal(err)
	}

	return version
}

func TestUp(t *testing.T) {
	t.Parallel()

	t.Run("AppliesOnlyWhatIsNew", func(t *testing.T) {
		t.Parallel()

		url := postgrestest.New(t)

		done, err := migration.Up(t.Context(), url, first)
		if err != nil || !slices.Equal(done.Ours, []string{"00001_first.sql"}) || len(done.Queue) == 0 || done.Version != 1 {
			t.Errorf("on an empty database: %+v, %v", done, err)
		}

		done, err = migration.Up(t.Context(), url, both)
		if err != nil || !slices.Equal(done.Ours, []string{"00002_second.sql"}) || len(done.Queue) > 0 || done.Version != 2 {
			t.Errorf("on an older one: %+v, %v", done, err)
		}

		done, err = migration.Up(t.Context(), url, both)
		if err != nil || len(done.Ours) > 0 || len(done.Queue) > 0 || done.Version != 2 {
			t.Errorf("on a current one: %+v, %v", done, err)
		}
	})

	t.Run("RefusesAFileThatCameLate", func(t *testing.T) {
		t.Parallel()

		url := postgrestest.New(t)
		if _, err := migration.Up(t.Context(), url, gap); err != nil {
			t.Fatal(err)
		}

		if done, err := migration.Up(t.Context(), url, filled); err == nil {
			t.Errorf("version 2 was applied after 3: %+v", done)
		}
	})

	t.Run("LeavesNothingOfAFileThatFails", func(t *testing.T) {
		t.Parallel()

		url := postgrestest.New(t)

		if done, err := migration.Up(t.Context(), url, broken); err == nil || current(t, url) != 1 {
			t.Errorf("%+v, %v, at version %d", done, err, current(t, url))
		}
	})

	t.Run("IsDoneOnceByManyAtOnce", func(t *testing.T) {
		t.Parallel()

		url := postgrestest.New(t)
		applied := make(chan int, 8)

		var migrators sync.WaitGroup

		for range cap(applied) {
			migrators.Go(func() {
				done, err := migration.Up(t.Context(), url, both)
				if err != nil {
					t.Error(err)
				}

				applied <- len(done.Ours)
			})
		}

		migrators.Wait()
		close(applied)

		total := 0
		for n := range applied {
			total += n
		}

		if total != 2 || current(t, url) != 2 {
			t.Errorf("%d files were applied, to version %d", total, current(t, url))
		}
	})
}

func TestCurrentOfAnEmptyDatabaseIsZero(t *testing.T) {
	t.Parallel()

	if version := current(t, postgrestest.New(t)); version != 0 {
		t.Errorf("version %d", version)
	}
}

func TestCurrentReportsAFailure(t *testing.T) {
	t.Parallel()

	conn := connect(t, postgrestest.New(t))
	conn.Close(t.Context())

	if version, err := migration.Current(t.Context(), conn); err == nil {
		t.Errorf("version %d on a closed connection", version)
	}
}

// The test databases have an odd time zone: goose stores local times.
func TestAppliedAt(t *testing.T) {
	t.Parallel()

	url := postgrestest.New(t)
	began := time.Now()

	if _, err := migration.Up(t.Context(), url, first); err != nil {
		t.Fatal(err)
	}

	at, err := migration.AppliedAt(t.Context(), connect(t, url), 1)
	if err != nil || at.Before(began.Add(-time.Minute)) || at.After(time.Now().Add(time.Minute)) {
		t.Errorf("applied at %s, %v; it is %s", at, err, began)
	}

	if at, err := migration.AppliedAt(t.Context(), connect(t, url), 2); err == nil {
		t.Errorf("version 2 was applied at %s", at)
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()

	withText := maps.Clone(gap)
	withText["readme.md"] = &fstest.MapFile{}

	if version, err := migration.Newest(withText); err != nil || version != 3 {
		t.Errorf("version %d, %v", version, err)
	}

	for name, fs := range map[string]fstest.MapFS{
		"without a file": {}, "without a number": {"first.sql": &fstest.MapFile{}}, "of another kind": {"00001_first.txt": &fstest.MapFile{}},
	} {
		if version, err := migration.Newest(fs); err == nil || strings.Contains(err.Error(), "%!") {
			t.Errorf("%s: version %d, %v", name, version, err)
		}
	}
}

// IN-K17: an extension that is not installed, or that the role may not create, is refused with what to do about it.
func TestExtensionIsRefusedWithAHint(t *testing.T) {
	t.Parallel()

	const want = "CREATE EXTENSION pg_trgm. Then migrate again"

	if _, err := migration.Up(t.Context(), postgrestest.New(t), files(map[string]string{"00001_unknown.sql": "CREATE EXTENSION unknown_extension;"})); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("an unknown extension: %v", err)
	}

	url := postgrestest.New(t)
	owner := connect(t, url)
	role := "role_" + owner.Config().Database

	for _, statement := range []string{"CREATE ROLE " + role + " LOGIN", "GRANT ALL ON SCHEMA public TO " + role} {
		if _, err := owner.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}

	t.Cleanup(func() {
		for _, statement := range []string{"DROP OWNED BY " + role + " CASCADE", "DROP ROLE " + role} {
			if _, err := owner.Exec(context.WithoutCancel(t.Context()), statement); err != nil {
				t.Error(err)
			}
		}
	})

	as, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}

	as.User = neturl.User(role)
	trigrams := files(map[string]string{"00001_trigrams.sql": "CREATE EXTENSION IF NOT EXISTS pg_trgm;"})

	if _, err := migration.Up(t.Context(), as.String(), trigrams); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a role that may not create it: %v", err)
	}

	if _, err := owner.Exec(t.Context(), "CREATE EXTENSION pg_trgm"); err != nil {
		t.Fatal(err)
	}

	if _, err := migration.Up(t.Context(), as.String(), trigrams); err != nil {
		t.Errorf("after an administrator has created it: %v", err)
	}
}
