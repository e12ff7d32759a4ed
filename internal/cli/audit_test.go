package cli_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

func TestAuditVerify(t *testing.T) {
	t.Parallel()

	gateway := newProgram(t)
	gateway.run(t, "audit", "verify").succeeds(t, "0 events are sealed, 0 are not sealed yet\n")

	// Events are sealed by a running server only.
	gateway.run(t, "account", "create", "--email", "a@konec.test", "--name", "A").succeeds(t)
	gateway.run(t, "audit", "verify").succeeds(t, "0 events are sealed, 1 are not sealed yet\n")

	serving := gateway.with("PUBLIC_URL", "https://gateway.test").serve(t)
	serving.ready(t)
	apptest.Eventually(t, "it is sealed", func() bool {
		return strings.Contains(gateway.run(t, "audit", "verify").out, "1 events are sealed, 0 are not sealed yet\nfrom ")
	})

	head := regexp.MustCompile(`(?m)^head (1:[0-9a-f]{64})$`).FindStringSubmatch(gateway.run(t, "audit", "verify").out)
	if head == nil {
		t.Fatal("no head")
	}

	gateway.run(t, "audit", "verify", "--head", head[1]).succeeds(t, "head "+head[1])
	gateway.run(t, "audit", "verify", "--head", "1").fails(t, "--head: a head is of the form SEQ:HASH")

	further := gateway.run(t, "audit", "verify", "--head", "2"+head[1][1:])
	further.fails(t, "the audit log does not match its hash chain: faults 1")

	if !strings.Contains(further.out, "FAULT: link 2, which was kept, is missing: the chain ends with 1") {
		t.Errorf("printed %s", further.out)
	}

	conn, err := pgx.Connect(t.Context(), gateway["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))

	if _, err := conn.Exec(t.Context(), "ALTER TABLE audit_event DISABLE TRIGGER ALL; UPDATE audit_event SET account_id = NULL"); err != nil {
		t.Fatal(err)
	}

	changed := gateway.run(t, "audit", "verify")
	changed.fails(t, "the audit log does not match its hash chain: faults 1")

	if !strings.Contains(changed.out, "FAULT: event 1 was changed, of which link 1 tells\n") {
		t.Errorf("printed %s", changed.out)
	}

	gateway.with("MASTER_KEY", keyring.Generate()).run(t, "audit", "verify").fails(t, "faults 3")
	gateway.with("MASTER_KEY", "").run(t, "audit", "verify").fails(t, "MASTER_KEY: required")
}

// The audit log names each command as an operator types it.
func TestRecordedCommandIsTheOneThatRan(t *testing.T) {
	t.Parallel()

	gateway := newProgram(t)

	conn, err := pgx.Connect(t.Context(), gateway["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))

	for _, command := range []struct {
		path string
		args []string
	}{
		{"account create", []string{"--email", "a@konec.test", "--name", "A"}},
		{"account set-group", []string{"a@konec.test", "Member"}},
		{"account disable", []string{"a@konec.test"}},
		{"account enable", []string{"a@konec.test"}},
		{"account export", nil},
		{"account import", []string{exported(t, 1, bcryptOf(t, "x"))}},
		{"key rotate", nil},
	} {
		gateway.run(t, append(strings.Fields(command.path), command.args...)...).succeeds(t)

		var action, agent string

		newest := "SELECT action, user_agent FROM audit_event ORDER BY id DESC LIMIT 1"
		if err := conn.QueryRow(t.Context(), newest).Scan(&action, &agent); err != nil {
			t.Fatal(err)
		}

		if agent != "toolkit-gateway "+command.path {
			t.Errorf("%s: %s is recorded as %q", command.path, action, agent)
		}
	}
}

func TestMigrateGrantsServerRole(t *testing.T) {
	t.Parallel()

	gateway := newProgram(t)
	gateway.run(t, "migrate", "--server-role", "no_such_role").fails(t, `there is no role "no_such_role"; CREATE ROLE "no_such_role" LOGIN`)

	conn, err := pgx.Connect(t.Context(), gateway["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))

	role := "Server of " + conn.Config().Database // a name that has to be quoted
	for _, statement := range []string{"CREATE ROLE", "", "DROP OWNED BY", "DROP ROLE"} {
		if statement == "" {
			gateway.run(t, "migrate", "--server-role", role).succeeds(t, role+" can serve, and cannot change the audit log\n")

			continue
		}

		if _, err := conn.Exec(t.Context(), statement+" "+pgx.Identifier{role}.Sanitize()); err != nil {
			t.Fatal(err)
		}
	}
}
