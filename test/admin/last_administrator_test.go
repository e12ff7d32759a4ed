package admin_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// administratorCall returns an administrator's change in the current version of what it changes.
func administratorCall(g *world.Gateway, browser *apptest.Browser, method, path, table, key, value string, body any) world.Call {
	c := world.JSONCall(method, path, body).FromBrowser(browser)

	return c.With("If-Match", fmt.Sprintf(`"%d"`, g.VersionOf(table, key, value)))
}

// SEC-S4a, contract: an administrator is someone who can sign in, with both factors where two are
// asked for. No change of a requirement, a factor, a group or a status leaves none. What was wrong before may be changed.
func TestAdministratorWhoCanSignInStays(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	g.RemoveAdministrators(t)
	g.Exec(t, "UPDATE member_group SET rights = '{accounts.read,accounts.write,accounts.delete,groups.write,audit.read,webhooks.write}' WHERE name = 'Admin'")

	address, browser := g.NewUser(t)
	id := g.AccountID(t, address)
	g.Exec(t, "UPDATE account SET member_group = 'Admin' WHERE id = $1", id)

	requirement := func(required bool, rights ...string) world.Call {
		if rights == nil {
			rights = []string{"accounts.read", "accounts.write", "accounts.delete", "groups.write", "audit.read", "webhooks.write"}
		}

		return administratorCall(g, browser, http.MethodPut, "/api/admin/groups/Admin", "member_group", "name", "Admin",
			map[string]any{"description": "", "rights": rights, "requiresTotp": required})
	}
	reset := func(factor string) world.Call {
		return administratorCall(g, browser, http.MethodDelete, "/api/admin/accounts/"+id+"/factors/"+factor, "account", "id", id, nil)
	}

	expect := func(what string, c world.Call, want string) {
		t.Helper()

		if got := c.To(t, g.Server); got.Problem.Code != want || (want == "LAST_ADMINISTRATOR") != (got.Status == http.StatusConflict) {
			t.Errorf("%s: %s, want %q", what, got, want)
		}
	}

	const last = "LAST_ADMINISTRATOR"

	expect("two factors, without an authenticator", requirement(true), last)
	expect("without one of the two rights", requirement(false, "accounts.read", "groups.write"), last)
	expect("the last password", reset("password"), last)

	g.BindAuthenticator(t, browser)
	expect("two factors, with an authenticator", requirement(true), "")

	// The session was opened with one factor, and has no rights until it is confirmed.
	expect("with one factor", requirement(false), "TWO_FACTORS_REQUIRED")
	g.Exec(t, "UPDATE session SET amr = '{pwd,otp,mfa}' WHERE account_id = $1", id)
	expect("the last authenticator", reset("totp"), last)

	// Another whose authenticator a reset has suspended does not count beside them.
	suspended, theirs := g.NewUser(t)
	g.BindAuthenticator(t, theirs)
	g.Exec(t, "DELETE FROM recovery_code WHERE account_id = $1", g.AccountID(t, suspended))
	g.Exec(t, "UPDATE totp SET suspended_at = now() WHERE account_id = $1", g.AccountID(t, suspended))
	g.Exec(t, "UPDATE account SET member_group = 'Admin' WHERE email = $1", suspended)
	expect("the last authenticator, beside a suspended one", reset("totp"), last)
	g.Exec(t, "UPDATE account SET member_group = 'None' WHERE email = $1", suspended)

	// A suspended authenticator does not count, a recovery code does.
	g.Exec(t, "UPDATE totp SET suspended_at = now()")
	expect("the phone, beside recovery codes", reset("phone"), "")
	expect("the password, beside recovery codes", reset("password"), last)

	// Without any administrator left, which only resets, undos and operators bring about, changes are not refused for that.
	g.Exec(t, "DELETE FROM recovery_code")
	expect("what was lost before", requirement(false), "")

	// One who cannot sign in does not count beside another.
	other, _ := g.NewUser(t)
	g.Exec(t, "UPDATE account SET member_group = 'Admin', password_hash = NULL WHERE email = $1", other)
	expect("beside one without a password", reset("password"), last)
	g.Exec(t, "UPDATE account SET password_hash = (SELECT password_hash FROM account WHERE id = $1), second_factor_since = now() WHERE email = $2", id, other)
	expect("beside one without the second factor that they chose", reset("password"), last)
	g.Exec(t, "UPDATE account SET second_factor_since = NULL WHERE email = $1", other)
	expect("beside one who can sign in", reset("password"), "")
}
