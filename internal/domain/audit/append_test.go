package audit_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/migration"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/sql/migrations"
)

// A superuser is refused, in replica mode too.
func TestAppendOnly(t *testing.T) {
	t.Parallel()

	e := sealed(t)

	for _, table := range audit.AppendOnly() {
		for _, statement := range []string{"UPDATE " + table + " SET at = at", "DELETE FROM " + table, "DELETE FROM " + table + " WHERE false", "TRUNCATE " + table} {
			if table == "audit_link" {
				statement = strings.ReplaceAll(statement, "SET at = at", "SET seq = seq")
			}

			for _, mode := range []string{"origin", "replica"} {
				_, err := e.pool.Exec(t.Context(), "DO $$ BEGIN SET LOCAL session_replication_role = "+mode+"; "+statement+"; END $$")
				if err == nil || !strings.Contains(err.Error(), table+" is refused: it is append-only (SQLSTATE 42501)") {
					t.Errorf("%s (%s): %v", statement, mode, err)
				}
			}
		}
	}

	e.expectSound(t, 9)
}

// Events from before the chain existed are sealed too.
func TestOldEventsAreQueued(t *testing.T) {
	t.Parallel()

	before := fstest.MapFS{}

	names, err := fs.Glob(migrations.FS, "0000[1-7]_*.sql")
	if err != nil || len(names) != 7 {
		t.Fatal(names, err)
	}

	for _, name := range names {
		text, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			t.Fatal(err)
		}

		before[name] = &fstest.MapFile{Data: text}
	}

	e := setupOn(t, emptyDatabase(t))

	if _, err := migration.Up(t.Context(), e.url, before); err != nil {
		t.Fatal(err)
	}

	e.exec(t, "INSERT INTO audit_event (at, action, subject, user_agent, request_id) SELECT now() - interval '1 day', 'a', '', '', '' FROM generate_series(1, 3)")

	if _, err := migration.Up(t.Context(), e.url, migrations.FS); err != nil {
		t.Fatal(err)
	}

	e.record(t, 1)
	e.seal(t)
	e.expectSound(t, 4)
}

// emptyDatabase returns a database without migrations.
func emptyDatabase(t *testing.T) string {
	t.Helper()

	beside := postgrestest.New(t)

	conn, err := pgx.Connect(t.Context(), beside)
	if err != nil {
		t.Fatal(err)
	}

	name := conn.Config().Database
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name+"_empty"); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		defer conn.Close(ctx)

		if _, err := conn.Exec(ctx, "DROP DATABASE "+name+"_empty WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})

	return strings.Replace(beside, "/"+name, "/"+name+"_empty", 1)
}
