package cli_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// SEC-S4a: an operator finds the way back when a group asks its administrators for a factor that none of them has. The
// refusal to administrators is tested in test/signin.
func TestOperatorBringsTheAdministrationBack(t *testing.T) {
	t.Parallel()

	gateway := newProgram(t)
	env := apptest.On(t, gateway["DATABASE_URL"])
	gateway = gateway.with("MASTER_KEY", env.Config.MasterKey)
	owner := env.Account(t, world.Owner)

	signIn := func(want int) {
		t.Helper()

		if got := world.LoginCall(owner.Email, apptest.Password).To(t, env.Server); got.Status != want {
			t.Errorf("sign-in: %s, want %d", got, want)
		}
	}

	gateway.run(t, "account", "set-group", owner.Email, "Admin").succeeds(t, "in group Admin")
	gateway.run(t, "group", "list").succeeds(t, "Admin: one factor, accounts.read", "None: one factor, no rights")
	gateway.run(t, "group", "set", "Admin", "--requires-totp").warns(t, "no one can sign in and administer any more")
	gateway.run(t, "group").succeeds(t, "Admin: two factors")
	signIn(http.StatusUnauthorized)
	gateway.run(t, "group", "set", "Admin", "--no-requires-totp").succeeds(t, "Admin: one factor")
	signIn(http.StatusOK)

	gateway.run(t, "group", "set", "Tester", "--rights", "accounts.read, audit.read").succeeds(t, "Tester: one factor, accounts.read audit.read")
	gateway.run(t, "group", "set", "Tester", "--rights", "").succeeds(t, "Tester: one factor, no rights")
	gateway.run(t, "group", "set", "Tester", "--rights", "accounts.red").fails(t, `--rights: "accounts.red" is not a right; the rights are accounts.read`)
	gateway.run(t, "group", "set", "None", "--rights", "accounts.read").fails(t, "None")
	gateway.run(t, "group", "set", "Tester").fails(t, "nothing to change: give --rights")
	gateway.run(t, "group", "set", "Testers", "--requires-totp").fails(t, "no such member group; the groups are Admin, Member, None, Tester")

	gateway.run(t, "account", "reset-factor", owner.Email, "totp").succeeds(t, owner.Email+" has no totp")
	gateway.run(t, "account", "reset-factor", owner.Email, "password").warns(t, "no one can sign in and administer any more")
	signIn(http.StatusUnauthorized)
	gateway.run(t, "account", "reset-factor", owner.Email, "fingerprint").fails(t, "password")
}
