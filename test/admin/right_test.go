package admin_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// T-28: a right counts from the next request on, given or taken, whatever the token says.
func TestRightsCountAtOnce(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	helper := b.member(t, "helper@konec.com.au", "Tester")

	status := func() int {
		got, err := b.Client.GetAdministratorWithResponse(t.Context(), helper)
		if err != nil {
			t.Fatal(err)
		}

		return got.StatusCode()
	}

	if got := status(); got != http.StatusForbidden {
		t.Errorf("without a right: %d", got)
	}

	b.rights(t, "Tester", client.RightAuditRead)

	if got := status(); got != http.StatusOK {
		t.Errorf("with one: %d", got)
	}

	list, err := b.Client.ListAccountsWithResponse(t.Context(), nil, helper)
	if err != nil || list.StatusCode() != http.StatusForbidden || list.HTTPResponse.Header.Get("WWW-Authenticate") != `Bearer error="insufficient_scope"` {
		t.Errorf("another right's operation: %v %s", err, list.Body)
	}

	b.rights(t, "Tester")

	if got := status(); got != http.StatusForbidden {
		t.Errorf("after it was taken: %d", got)
	}
}

// rights gives a group exactly these.
func (b *bureau) rights(t *testing.T, group string, rights ...client.Right) {
	t.Helper()

	got := b.change(t, b.admin, group, rights...)
	if got.JSON200 == nil {
		t.Fatalf("change %s: %s", group, got.Body)
	}
}

func (b *bureau) change(t *testing.T, by client.RequestEditorFn, group string, rights ...client.Right) *client.ChangeGroupResult {
	t.Helper()

	groups, err := b.Client.ListGroupsWithResponse(t.Context(), b.admin)
	if err != nil || groups.JSON200 == nil {
		t.Fatalf("list groups: %v %s", err, groups.Body)
	}

	version := `"99"`

	for _, g := range groups.JSON200.Groups {
		if g.Name == group {
			version = etagOf(client.AdminAccount{Version: g.Version})
		}
	}

	if rights == nil {
		rights = []client.Right{}
	}

	got, err := b.Client.ChangeGroupWithResponse(t.Context(), group, &client.ChangeGroupParams{IfMatch: version},
		client.ChangeGroupRequest{Description: "changed", Rights: rights}, by)
	if err != nil {
		t.Fatal(err)
	}

	return got
}

// T-28, V-12: who has some rights gets no others, by no way: not by a group for themselves or a friend, not by what a group
// may do, and not by taking over somebody who has them.
func TestNobodyGivesMoreThanTheyHave(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	b.rights(t, "Tester", client.RightAccountsRead, client.RightAccountsWrite)
	b.rights(t, "Member", client.RightAccountsRead, client.RightGroupsWrite)

	helper := b.member(t, "helper@konec.com.au", "Tester")
	keeper := b.member(t, "keeper@konec.com.au", "Member")
	b.Account(t, world.Owner)

	self, friend, boss := b.look(t, "helper@konec.com.au"), b.look(t, world.Owner), b.look(t, world.Administrator)

	for name, got := range map[string]*client.SetAccountGroupResult{
		"a group with more for oneself":      b.assign(t, helper, self, "Admin"),
		"a group with others for oneself":    b.assign(t, helper, self, "Member"),
		"a group with more for a friend":     b.assign(t, helper, friend, "Admin"),
		"less for somebody who has more":     b.assign(t, helper, boss, "None"),
		"without the right to assign at all": b.assign(t, keeper, friend, "None"),
	} {
		if got.StatusCode() != http.StatusForbidden || codeOfError(got.Body) != "RIGHT_MISSING" {
			t.Errorf("%s: %d %s", name, got.StatusCode(), got.Body)
		}
	}

	if got := b.assign(t, helper, friend, "Tester"); got.StatusCode() != http.StatusOK {
		t.Errorf("a group with no more: %s", got.Body)
	}

	for name, got := range map[string]*client.ChangeGroupResult{
		"more for one's own group":         b.change(t, keeper, "Member", client.RightAccountsRead, client.RightGroupsWrite, client.RightAccountsWrite),
		"less for a group that has more":   b.change(t, keeper, "Admin", client.RightGroupsWrite),
		"without the right to change them": b.change(t, helper, "None", client.RightAccountsRead),
	} {
		if got.StatusCode() != http.StatusForbidden || codeOfError(got.Body) != "RIGHT_MISSING" {
			t.Errorf("%s: %d %s", name, got.StatusCode(), got.Body)
		}
	}

	for _, factor := range []client.ResetFactorParamsFactor{"password", "totp", "phone", "lark"} {
		got, err := b.Client.ResetFactorWithResponse(t.Context(), boss.ID, factor, &client.ResetFactorParams{IfMatch: etagOf(boss)}, helper)
		if err != nil || got.StatusCode() != http.StatusForbidden {
			t.Errorf("the administrator's %s: %v %s", factor, err, got.Body)
		}
	}

	ended, err := b.Client.EndAccountSessionsWithResponse(t.Context(), boss.ID, helper)
	if err != nil || ended.StatusCode() != http.StatusForbidden {
		t.Errorf("the administrator's sessions: %v %s", err, ended.Body)
	}

	unlocked, err := b.Client.UnlockAccountWithResponse(t.Context(), boss.ID, helper)
	if err != nil || unlocked.StatusCode() != http.StatusForbidden {
		t.Errorf("the administrator's waits: %v %s", err, unlocked.Body)
	}

	if after := b.look(t, world.Administrator); after.Version != boss.Version {
		t.Errorf("the administrator was %+v, and is %+v", boss, after)
	}
}

// The last administrator stays one, whichever way somebody tries, the operator's commands included; with a second one
// either may go.
func TestLastAdministratorStays(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	boss := b.look(t, world.Administrator)

	disable := func() int {
		got, err := b.Client.SetAccountStatusWithResponse(t.Context(), boss.ID,
			&client.SetAccountStatusParams{IfMatch: etagOf(boss)}, client.SetStatusRequest{Status: client.SetStatusRequestStatusDisabled}, b.admin)
		if err != nil {
			t.Fatal(err)
		}

		return got.StatusCode()
	}

	if got := disable(); got != http.StatusConflict {
		t.Errorf("disabled: %d", got)
	}

	if got := b.assign(t, b.admin, boss, "Member"); got.StatusCode() != http.StatusConflict {
		t.Errorf("demoted: %s", got.Body)
	}

	if got := b.change(t, b.admin, "Admin", client.RightAccountsRead, client.RightAccountsWrite); got.StatusCode() != http.StatusConflict {
		t.Errorf("the group without the right: %s", got.Body)
	}

	if err := b.SetStatus(t.Context(), world.Administrator, account.Disabled); err == nil {
		t.Error("disabled by the command")
	}

	if err := b.SetGroup(t.Context(), world.Administrator, "None"); err == nil {
		t.Error("demoted by the command")
	}

	// One who may not sign in does not count.
	b.member(t, "second@konec.com.au", world.GroupAdmin)

	if err := b.SetStatus(t.Context(), "second@konec.com.au", account.Disabled); err != nil {
		t.Fatal(err)
	}

	if got := disable(); got != http.StatusConflict {
		t.Errorf("disabled beside one who is: %d", got)
	}

	if err := b.SetStatus(t.Context(), "second@konec.com.au", account.Active); err != nil {
		t.Fatal(err)
	}

	if got := disable(); got != http.StatusOK {
		t.Errorf("disabled beside another: %d", got)
	}
}

// Of two administrators who remove each other at once one stays.
func TestTwoAdministratorsRemoveEachOther(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	second := b.member(t, "second@konec.com.au", world.GroupAdmin)
	b.Account(t, "third@konec.com.au")

	for range 10 {
		one, two := b.look(t, world.Administrator), b.look(t, "second@konec.com.au")

		var both sync.WaitGroup

		statuses := make([]int, 2)

		both.Go(func() { statuses[0] = b.assign(t, b.admin, two, "None").StatusCode() })
		both.Go(func() { statuses[1] = b.assign(t, second, one, "None").StatusCode() })
		both.Wait()

		var left int

		err := b.Pool.QueryRow(t.Context(), "SELECT count(*) FROM account WHERE member_group = 'Admin'").Scan(&left)
		if err != nil || left != 1 {
			t.Fatalf("%v: %d administrators are left (%v)", statuses, left, err)
		}

		for _, email := range []string{world.Administrator, "second@konec.com.au"} {
			if err := b.SetGroup(t.Context(), email, world.GroupAdmin); err != nil {
				t.Fatal(err)
			}
		}
	}
}
