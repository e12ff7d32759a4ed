package cli_test

import (
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/konec/toolkit-gateway/internal/platform/migration"
	"github.com/konec/toolkit-gateway/sql/migrations"
)

// upTo returns the migrations before one, as an earlier release has them.
func upTo(t *testing.T, before string) fstest.MapFS {
	t.Helper()

	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		t.Fatal(err)
	}

	old := fstest.MapFS{}

	for _, name := range names {
		text, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			t.Fatal(err)
		}

		if name < before {
			old[name] = &fstest.MapFile{Data: text}
		}
	}

	return old
}

// REL-D5: any number of migrators may start at once, as the init containers of a deployment do. Each of them succeeds,
// also where indexes are built beside the traffic (00007).
func TestMigratorsAtOnceAllSucceed(t *testing.T) {
	t.Parallel()

	for name, before := range map[string]string{"OnAnEmptyDatabase": "", "OnAnOldSchema": "00006"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			gateway := newProgram(t)
			gateway = gateway.with("DATABASE_URL", emptyDatabase(t, gateway["DATABASE_URL"]))

			if before != "" {
				done, err := migration.Up(t.Context(), gateway["DATABASE_URL"], upTo(t, before))
				if err != nil || done.Version != 5 {
					t.Fatalf("%+v, %v", done, err)
				}
			}

			var (
				migrators sync.WaitGroup
				results   [4]result
			)

			for i := range results {
				migrators.Go(func() { results[i] = gateway.run(t, "migrate") })
			}

			migrators.Wait()

			applied := 0

			for _, one := range results {
				one.succeeds(t, "the database is at version")
				applied += strings.Count(one.out, "applied 00007_")
			}

			if applied != 1 {
				t.Errorf("00007 was applied %d times", applied)
			}
		})
	}
}
