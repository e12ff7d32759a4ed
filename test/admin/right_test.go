package admin_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// T-28: a right that is given or removed applies from the next request on, whatever the access token says.
func TestRightsApplyAtOnce(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	assistant := g.member(t, "helper@konec.com.au", "Tester")

	status := func() int {
		got, err := g.Client.GetAdministratorWithResponse(t.Context(), assistant)
		if err != nil {
			t.Fatal(err)
		}

		return got.StatusCode()
	}

	if got := status(); got != http.StatusForbidden {
		t.Errorf("without a right: %d", got)
	}

	g.rights(t, "Tester", client.RightAuditRead)

	if got := status(); got != http.StatusOK {
		t.Errorf("with one: %d", got)
	}

	list, err := g.Client.ListAccountsWithResponse(t.Context(), nil, assistant)
	if err != nil || list.StatusCode() != http.StatusForbidden || list.HTTPResponse.Header.Get("WWW-Authenticate") != `Bearer error="insufficient_scope"` {
		t.Errorf("another right's operation: %v %s", err, list.Body)
	}

	g.rights(t, "Tester")

	if got := status(); got != http.StatusForbidden {
		t.Errorf("after the right was removed: %d", got)
	}
}

// rights gives a group exactly these rights.
func (g *adminGateway) rights(t *testing.T, group string, rights ...client.Right) {
	t.Helper()

	got := g.change(t, g.admin, group, rights...)
	if got.JSON200 == nil {
		t.Fatalf("change %s: %s", group, got.Body)
	}
}

func (g *adminGateway) change(t *testing.T, by client.RequestEditorFn, group string, rights ...client.Right) *client.ChangeGroupResult {
	t.Helper()

	groups, err := g.Client.ListGroupsWithResponse(t.Context(), g.admin)
	if err != nil || groups.JSON200 == nil {
		t.Fatalf("list groups: %v %s", err, groups.Body)
	}

	version := `"99"`

	for _, existing := range groups.JSON200.Groups {
		if existing.Name == group {
			version = etagOf(client.AdminAccount{Version: existing.Version})
		}
	}

	if rights == nil {
		rights = []client.Right{}
	}

	got, err := g.Client.ChangeGroupWithResponse(t.Context(), group, &client.ChangeGroupParams{IfMatch: version},
		client.ChangeGroupRequest{Description: "changed", Rights: rights}, by)
	if err != nil {
		t.Fatal(err)
	}

	return got
}

// T-28, V-12: an administrator with some rights cannot get others: not through a group for themselves or a friend, not
// by changing a group's rights, and not by taking over an account that has them.
func TestAdministratorsNeverExceedTheirRights(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.rights(t, "Tester", client.RightAccountsRead, client.RightAccountsWrite)
	g.rights(t, "Member", client.RightAccountsRead, client.RightGroupsWrite)

	assistant := g.member(t, "helper@konec.com.au", "Tester")
	groupKeeper := g.member(t, "keeper@konec.com.au", "Member")
	g.Account(t, world.Owner)

	self, friend, administrator := g.account(t, "helper@konec.com.au"), g.account(t, world.Owner), g.account(t, world.Administrator)

	for name, got := range map[string]*client.SetAccountGroupResult{
		"a group with more for oneself":      g.assign(t, assistant, self, "Admin"),
		"a group with others for oneself":    g.assign(t, assistant, self, "Member"),
		"a group with more for a friend":     g.assign(t, assistant, friend, "Admin"),
		"less for a user who has more":       g.assign(t, assistant, administrator, "None"),
		"without the right to assign at all": g.assign(t, groupKeeper, friend, "None"),
	} {
		if got.StatusCode() != http.StatusForbidden || codeOfError(got.Body) != "RIGHT_MISSING" {
			t.Errorf("%s: %d %s", name, got.StatusCode(), got.Body)
		}
	}

	if got := g.assign(t, assistant, friend, "Tester"); got.StatusCode() != http.StatusOK {
		t.Errorf("a group without more rights: %s", got.Body)
	}

	for name, got := range map[string]*client.ChangeGroupResult{
		"more for one's own group":         g.change(t, groupKeeper, "Member", client.RightAccountsRead, client.RightGroupsWrite, client.RightAccountsWrite),
		"less for a group that has more":   g.change(t, groupKeeper, "Admin", client.RightGroupsWrite),
		"without the right to change them": g.change(t, assistant, "None", client.RightAccountsRead),
	} {
		if got.StatusCode() != http.StatusForbidden || codeOfError(got.Body) != "RIGHT_MISSING" {
			t.Errorf("%s: %d %s", name, got.StatusCode(), got.Body)
		}
	}

	for _, factor := range []client.ResetFactorParamsFactor{"password", "totp", "phone", "lark"} {
		got, err := g.Client.ResetFactorWithResponse(t.Context(), administrator.ID, factor, &client.ResetFactorParams{IfMatch: etagOf(administrator)}, assistant)
		if err != nil || got.StatusCode() != http.StatusForbidden {
			t.Errorf("the administrator's %s: %v %s", factor, err, got.Body)
		}
	}

	ended, err := g.Client.EndAccountSessionsWithResponse(t.Context(), administrator.ID, assistant)
	if err != nil || ended.StatusCode() != http.StatusForbidden {
		t.Errorf("the administrator's sessions: %v %s", err, ended.Body)
	}

	unlocked, err := g.Client.UnlockAccountWithResponse(t.Context(), administrator.ID, assistant)
	if err != nil || unlocked.StatusCode() != http.StatusForbidden {
		t.Errorf("the administrator's waits: %v %s", err, unlocked.Body)
	}

	if after := g.account(t, world.Administrator); after.Version != administrator.Version {
		t.Errorf("the administrator was %+v, and is %+v", administrator, after)
	}
}

// The last administrator cannot be removed by any operation or operator's command. If there is a second one, either can
// be.
func TestLastAdministratorStays(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	administrator := g.account(t, world.Administrator)

	disable := func() int {
		got, err := g.Client.SetAccountStatusWithResponse(t.Context(), administrator.ID,
			&client.SetAccountStatusParams{IfMatch: etagOf(administrator)}, client.SetStatusRequest{Status: client.SetStatusRequestStatusDisabled}, g.admin)
		if err != nil {
			t.Fatal(err)
		}

		return got.StatusCode()
	}

	if got := disable(); got != http.StatusConflict {
		t.Errorf("disabled: %d", got)
	}

	if got := g.assign(t, g.admin, administrator, "Member"); got.StatusCode() != http.StatusConflict {
		t.Errorf("demoted: %s", got.Body)
	}

	if got := g.change(t, g.admin, "Admin", client.RightAccountsRead, client.RightAccountsWrite); got.StatusCode() != http.StatusConflict {
		t.Errorf("the group without the right: %s", got.Body)
	}

	// An administrator who cannot sign in does not count.
	g.member(t, "second@konec.com.au", world.GroupAdmin)

	if err := g.SetStatus(t.Context(), "second@konec.com.au", account.Disabled); err != nil {
		t.Fatal(err)
	}

	if got := disable(); got != http.StatusConflict {
		t.Errorf("disabled beside a disabled administrator: %d", got)
	}

	if err := g.SetStatus(t.Context(), "second@konec.com.au", account.Active); err != nil {
		t.Fatal(err)
	}

	if got := disable(); got != http.StatusOK {
		t.Errorf("disabled beside another: %d", got)
	}
}

// If two administrators remove each other at once, one remains.
func TestTwoAdministratorsRemoveEachOther(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	second := g.member(t, "second@konec.com.au", world.GroupAdmin)
	g.Account(t, "third@konec.com.au")

	for range 10 {
		one, two := g.account(t, world.Administrator), g.account(t, "second@konec.com.au")

		var both sync.WaitGroup

		statuses := make([]int, 2)

		both.Go(func() { statuses[0] = g.assign(t, g.admin, two, "None").StatusCode() })
		both.Go(func() { statuses[1] = g.assign(t, second, one, "None").StatusCode() })
		both.Wait()

		var left int

		err := g.Pool.QueryRow(t.Context(), "SELECT count(*) FROM account WHERE member_group = 'Admin'").Scan(&left)
		if err != nil || left != 1 {
			t.Fatalf("%v: %d administrators are left (%v)", statuses, left, err)
		}

		for _, email := range []string{world.Administrator, "second@konec.com.au"} {
			if err := g.SetGroup(t.Context(), email, world.GroupAdmin); err != nil {
				t.Fatal(err)
			}
		}
	}
}
