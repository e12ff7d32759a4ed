package cli_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

// SEC-S3: an operator sees what is left of the budgets over all accounts, and lifts one. An account's waits are lifted by
// its address.
func TestLimitsCommands(t *testing.T) {
	t.Parallel()

	gateway := newProgram(t)
	gateway.run(t, "limits").succeeds(t, "failed-codes/reset         0      3333   -\n")

	conn, err := pgx.Connect(t.Context(), gateway["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))

	_, err = conn.Exec(t.Context(), `INSERT INTO throttle (key, count, ends_at) VALUES
		('failed-codes/reset ', 3333, now() + interval '1 hour'), ('failed-codes/reset/network 2001:db8::/48', 50, now() + interval '1 hour'),
		('failed-codes/sign-in ', 7, now() + interval '1 hour')`)
	if err != nil {
		t.Fatal(err)
	}

	gateway.run(t, "limits").succeeds(t, "failed-codes/reset         3333   3333   20")
	gateway.run(t, "limits", "lift", "failed-codes").fails(t, `there is no such budget; the budgets are "send mail/day"`)
	gateway.run(t, "limits", "lift", "failed-codes/reset").succeeds(t, `nothing is spent of "failed-codes/reset"`)
	gateway.run(t, "limits").succeeds(t, "failed-codes/reset         0      3333   -\n")

	var left, events int
	if err := conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM throttle), (SELECT count(*) FROM audit_event WHERE action = 'sign_in.wait_lifted')`).
		Scan(&left, &events); err != nil || left != 1 || events != 1 {
		t.Errorf("%d counts are left, %d events, %v", left, events, err)
	}

	gateway.run(t, "account", "create", "--email", "a@konec.test", "--name", "A").succeeds(t)
	gateway.run(t, "account", "unlock", "a@konec.test").succeeds(t, "a@konec.test need not wait")
	gateway.run(t, "account", "unlock", "nobody@konec.test").fails(t, "no account")
}
