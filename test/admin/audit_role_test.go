package admin_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// serverRole creates a role in the cluster. It returns the role's name, the database's URL as that role, and the
// owner's pool.
func serverRole(t *testing.T, options string) (name, asRole string, owner *pgxpool.Pool) {
	t.Helper()

	asOwner := postgrestest.New(t)

	owner, err := pgxpool.New(t.Context(), asOwner)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(owner.Close)

	name = "server_" + owner.Config().ConnConfig.Database
	if _, err := owner.Exec(t.Context(), "CREATE ROLE "+name+" LOGIN PASSWORD 'server' "+options); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		for _, statement := range []string{"DROP OWNED BY " + name, "DROP ROLE " + name} {
			if _, err := owner.Exec(context.WithoutCancel(t.Context()), statement); err != nil {
				t.Error(err)
			}
		}
	})

	u, err := url.Parse(asOwner)
	if err != nil {
		t.Fatal(err)
	}

	u.User = url.UserPassword(name, "server")

	return name, u.String(), owner
}

// The server needs no more than what its role is granted. That role can neither change the audit log nor remove what
// protects it.
func TestServerRole(t *testing.T) {
	t.Parallel()

	role, asRole, owner := serverRole(t, "")

	for range 2 { // the second time changes nothing
		if err := app.GrantServer(t.Context(), owner.Config().ConnString(), role); err != nil {
			t.Fatal(err)
		}
	}

	env := apptest.On(t, asRole)

	if got := world.QueryValue[string](t, env.Pool, "SELECT current_user::text"); got != role {
		t.Fatalf("served as %s", got)
	}

	useGateway(t, env)

	apptest.Eventually(t, "all events are sealed", func() bool {
		return world.QueryValue[int](t, env.Pool, "SELECT count(*) FROM audit_link") >= 4 && world.QueryValue[int](t, env.Pool, "SELECT count(*) FROM audit_unsealed") == 0
	})

	verdict, err := env.App.Chain.Verify(t.Context(), audit.Head{}, func(string, int64, int64) {})
	if err != nil || verdict.FaultCount > 0 || verdict.Sealed < 4 {
		t.Errorf("%v %+v", err, verdict)
	}

	for _, table := range audit.AppendOnly() {
		for _, statement := range []string{
			"UPDATE " + table + " SET seq = 0", "DELETE FROM " + table, "TRUNCATE " + table, "DROP TABLE " + table,
			"DROP TRIGGER " + table + "_append_only ON " + table, "ALTER TABLE " + table + " DISABLE TRIGGER ALL",
			"ALTER TABLE " + table + " ADD COLUMN more text", "CREATE TRIGGER mine BEFORE INSERT ON " + table + " EXECUTE FUNCTION audit_append_only()",
			"CREATE RULE mine AS ON INSERT TO " + table + " DO INSTEAD NOTHING",
		} {
			if table == "audit_event" {
				statement = strings.Replace(statement, "seq = 0", "subject = ''", 1)
			}

			expectDenied(t, env.Pool, statement)
		}
	}

	for _, statement := range []string{
		"CREATE TABLE mine ()", "CREATE SCHEMA mine", "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "DROP FUNCTION audit_append_only() CASCADE",
		"CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
		"SET session_replication_role = replica", "DELETE FROM goose_db_version", "TRUNCATE account CASCADE", "SELECT setval('river_job_id_seq', 1)",
	} {
		expectDenied(t, env.Pool, statement)
	}
}

// expectDenied checks that the database denies the role a statement.
func expectDenied(t *testing.T, pool *pgxpool.Pool, statement string) {
	t.Helper()

	_, err := pool.Exec(t.Context(), statement)
	if err == nil || !strings.Contains(err.Error(), "(SQLSTATE 42501)") || strings.Contains(err.Error(), "append-only") {
		t.Errorf("%s: %v, want permission denied", statement, err)
	}
}

// useGateway calls the most used operations of a gateway.
func useGateway(t *testing.T, env *apptest.Env) {
	t.Helper()

	ctx := t.Context()

	sent, err := env.Client.SendRegistrationCodeWithResponse(ctx, client.SendCodeRequest{Email: world.PersonEmail})
	if err != nil || sent.JSON200 == nil {
		t.Fatalf("send code: %v %s", err, sent.Body)
	}

	registered, err := env.Client.RegisterWithResponse(ctx, client.RegisterRequest{
		Username: "Person", Email: world.PersonEmail, Password: apptest.Password, VerificationCode: env.Mail(t, world.PersonEmail, 0).Code,
	})
	if err != nil || registered.JSON201 == nil {
		t.Fatalf("register: %v %s", err, registered.Body)
	}

	tokens := env.SignIn(t, world.PersonEmail)

	_, renewed := env.Refresh(t, tokens.RefreshToken)
	if renewed == nil {
		t.Fatal("no refresh")
	}

	if status, _ := env.Me(t, renewed.AccessToken); status != http.StatusOK {
		t.Errorf("me: %d", status)
	}

	browser := env.SignedIn(t, world.PersonEmail)
	if status := browser.Verify(t); status != http.StatusOK && status != http.StatusNoContent {
		t.Errorf("verify: %d", status)
	}

	if response, err := env.Client.LogoutWithResponse(ctx, apptest.Bearer(renewed.AccessToken)); err != nil || response.StatusCode() != http.StatusNoContent {
		t.Errorf("logout: %v %s", err, response.Status())
	}

	// The worker's background jobs run at every start.
	apptest.Eventually(t, "the chores are done", func() bool {
		return world.QueryValue[int](t, env.Pool, "SELECT count(*) FROM river_job WHERE kind IN ('cleaning', 'key_rotation') AND state = 'completed'") == 2
	})

	if log := env.Log.String(); strings.Contains(log, "permission denied") {
		t.Errorf("something was denied: %s", log)
	}
}

// A role that could change the audit log in spite of the grants is refused and granted nothing.
func TestServerRoleIsHarmless(t *testing.T) {
	t.Parallel()

	for options, says := range map[string]string{
		"SUPERUSER": "could change audit_checkpoint, audit_event, audit_link", "CREATEROLE": "may create roles", "IN ROLE pg_write_all_data": "could change audit_checkpoint",
	} {
		t.Run(strings.ReplaceAll(options, " ", ""), func(t *testing.T) {
			t.Parallel()

			role, _, owner := serverRole(t, options)
			if err := app.GrantServer(t.Context(), owner.Config().ConnString(), role); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, want %q", err, says)
			}

			if n := world.QueryValue[int](t, owner, "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = $1", role); n > 0 {
				t.Errorf("%d grants", n)
			}
		})
	}

	t.Run("MemberOfTheOwner", func(t *testing.T) {
		t.Parallel()

		role, _, owner := serverRole(t, "NOINHERIT")
		if _, err := owner.Exec(t.Context(), "GRANT "+pgx.Identifier{owner.Config().ConnConfig.User}.Sanitize()+" TO "+role); err != nil {
			t.Fatal(err)
		}

		if err := app.GrantServer(t.Context(), owner.Config().ConnString(), role); err == nil || !strings.Contains(err.Error(), "a member of the role that owns them") {
			t.Errorf("got %v", err)
		}
	})

	t.Run("WhatWasTooMuchIsTaken", func(t *testing.T) {
		t.Parallel()

		role, _, owner := serverRole(t, "")
		if _, err := owner.Exec(t.Context(), "GRANT ALL ON ALL TABLES IN SCHEMA public TO "+role+"; GRANT CREATE ON SCHEMA public TO "+role); err != nil {
			t.Fatal(err)
		}

		if err := app.GrantServer(t.Context(), owner.Config().ConnString(), role); err != nil {
			t.Fatal(err)
		}

		const query = `SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = $1
			AND (privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE') OR table_name = ANY($2) AND privilege_type NOT IN ('SELECT', 'INSERT'))`
		if n := world.QueryValue[int](t, owner, query, role, audit.AppendOnly()); n > 0 {
			t.Errorf("%d grants too many", n)
		}
	})
}

// A server whose role owns the tables logs a warning in release mode.
func TestServerThatOwnsTheTablesWarns(t *testing.T) {
	t.Parallel()

	release := func(c *apptest.Settings) { c.Mode = config.Release }

	const warning = "could rewrite the audit log"

	owns := apptest.New(t, release)
	apptest.Eventually(t, "it is warned of", func() bool { return strings.Contains(owns.Log.String(), warning) })

	role, asRole, owner := serverRole(t, "")
	if err := app.GrantServer(t.Context(), owner.Config().ConnString(), role); err != nil {
		t.Fatal(err)
	}

	served := apptest.On(t, asRole, release)
	served.Account(t, world.PersonEmail)

	// Sealing begins after the start, with all its warnings, is over.
	apptest.Eventually(t, "sealing has begun", func() bool { return world.QueryValue[int](t, served.Pool, "SELECT count(*) FROM audit_link") == 1 })

	if strings.Contains(served.Log.String(), warning) {
		t.Error("there is a warning about a role without the ownership")
	}
}
