package migration_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/platform/migration"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// migrated returns a database at version 2, and a new role with the options. Roles belong to the whole server: the name
// is random.
func migrated(t *testing.T, options string) (address, role string) {
	t.Helper()

	address = postgrestest.New(t)
	if _, err := migration.Up(t.Context(), address, both); err != nil {
		t.Fatal(err)
	}

	role = "Server " + randomid.New() // needs quoting
	quoted := pgx.Identifier{role}.Sanitize()
	owner := connect(t, address)

	if _, err := owner.Exec(t.Context(), "CREATE ROLE "+quoted+" LOGIN PASSWORD 'server' "+options); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		if _, err := owner.Exec(context.WithoutCancel(t.Context()), "DROP OWNED BY "+quoted+"; DROP ROLE "+quoted); err != nil {
			t.Error(err)
		}
	})

	return address, role
}

// as returns the database's address for the role.
func as(t *testing.T, address, role string) string {
	t.Helper()

	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}

	u.User = url.UserPassword(role, "server")

	return u.String()
}

func TestGrantedRoleServesAndNothingMore(t *testing.T) {
	t.Parallel()

	address, role := migrated(t, "")
	if err := migration.Grant(t.Context(), address, role, []string{"second"}); err != nil {
		t.Fatal(err)
	}

	server := connect(t, as(t, address, role))

	for statement, allowed := range map[string]bool{
		"INSERT INTO first VALUES (1)": true, "UPDATE first SET n = 2": true, "DELETE FROM first": true, "SELECT FROM first": true,
		"INSERT INTO second VALUES (1)": true, "UPDATE second SET n = 2": false, "DELETE FROM second": false, "TRUNCATE second": false,
		"SELECT FROM goose_db_version": true, "DELETE FROM goose_db_version": false,
		"CREATE TABLE third (n int)": false, "ALTER TABLE first ADD m int": false, "DROP TABLE first": false,
	} {
		if _, err := server.Exec(t.Context(), statement); (err == nil) != allowed {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func TestGrantTakesWhatIsMore(t *testing.T) {
	t.Parallel()

	address, role := migrated(t, "")
	owner, quoted := connect(t, address), pgx.Identifier{role}.Sanitize()

	if _, err := owner.Exec(t.Context(), "GRANT ALL ON second TO "+quoted+"; GRANT CREATE ON SCHEMA public TO "+quoted); err != nil {
		t.Fatal(err)
	}

	if err := migration.Grant(t.Context(), address, role, []string{"second"}); err != nil {
		t.Fatal(err)
	}

	server := connect(t, as(t, address, role))

	for _, statement := range []string{"DELETE FROM second", "CREATE TABLE third (n int)"} {
		if _, err := server.Exec(t.Context(), statement); err == nil {
			t.Errorf("%s is still allowed", statement)
		}
	}
}

func TestGrantRefuses(t *testing.T) {
	t.Parallel()

	t.Run("AnUnknownRole", func(t *testing.T) {
		t.Parallel()

		address, _ := migrated(t, "")

		if err := migration.Grant(t.Context(), address, "no such role", nil); err == nil || !strings.Contains(err.Error(), `CREATE ROLE "no such role"`) {
			t.Errorf("got %v", err)
		}
	})

	for name, one := range map[string]struct{ options, reason string }{
		"ASuperuser": {"SUPERUSER", "could change second"}, "AMakerOfRoles": {"CREATEROLE", "may create roles"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			address, role := migrated(t, one.options)

			if err := migration.Grant(t.Context(), address, role, []string{"second"}); err == nil || !strings.Contains(err.Error(), one.reason) {
				t.Errorf("got %v, want %s", err, one.reason)
			}

			// It is unchanged.
			var granted int

			err := connect(t, address).QueryRow(t.Context(),
				"SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = $1", role).Scan(&granted)
			if err != nil || granted > 0 {
				t.Errorf("%d rights were granted, %v", granted, err)
			}
		})
	}
}
