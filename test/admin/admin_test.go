package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// adminGateway is a gateway with a signed-in administrator.
type adminGateway struct {
	*apptest.Env

	admin client.RequestEditorFn
}

func newAdminGateway(t *testing.T, change ...func(*apptest.Settings)) *adminGateway {
	t.Helper()

	g := &adminGateway{Env: apptest.New(t, change...)}
	g.admin = g.member(t, world.Administrator, world.GroupAdmin)

	return g
}

// member creates an account in a group, signs it in and returns its credential.
func (g *adminGateway) member(t *testing.T, email, group string) client.RequestEditorFn {
	t.Helper()
	g.Account(t, email)

	if err := g.SetGroup(t.Context(), email, group); err != nil {
		t.Fatal(err)
	}

	return apptest.Bearer(g.SignIn(t, email).AccessToken)
}

// account returns an account as an administrator sees it.
func (g *adminGateway) account(t *testing.T, email string) client.AdminAccount {
	t.Helper()

	list, err := g.Client.ListAccountsWithResponse(t.Context(), &client.ListAccountsParams{Email: &email}, g.admin)
	if err != nil || list.JSON200 == nil || len(list.JSON200.Accounts) != 1 {
		t.Fatalf("find %s: %v %s", email, err, list.Body)
	}

	found, err := g.Client.GetAccountWithResponse(t.Context(), list.JSON200.Accounts[0].ID, g.admin)
	if err != nil || found.JSON200 == nil {
		t.Fatalf("get %s: %v %s", email, err, found.Body)
	}

	return found.JSON200.Account
}

func etagOf(a client.AdminAccount) string { return fmt.Sprintf("%q", fmt.Sprint(a.Version)) }

// assign puts an account into a group and returns the response.
func (g *adminGateway) assign(t *testing.T, by client.RequestEditorFn, a client.AdminAccount, group string) *client.SetAccountGroupResult {
	t.Helper()

	got, err := g.Client.SetAccountGroupWithResponse(t.Context(), a.ID,
		&client.SetAccountGroupParams{IfMatch: etagOf(a)}, client.SetGroupRequest{MemberGroup: group}, by)
	if err != nil {
		t.Fatal(err)
	}

	return got
}

// codeOfError returns the code in the body of an error.
func codeOfError(body []byte) string {
	_, after, _ := strings.Cut(string(body), `"code":"`)
	code, _, _ := strings.Cut(after, `"`)

	return code
}

// "用户注册成功，等待管理员分配成员组": an administrator lists the accounts that wait for approval, oldest first, and assigns a group.
// The group applies from the user's next request on, whatever their access token says, and the next token contains it.
func TestApproval(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)

	for i := range 3 {
		g.Account(t, fmt.Sprintf("waiting.%d@konec.com.au", i))
		g.Clock.Advance(2_000_000_000)
	}

	tokens := g.SignIn(t, "waiting.0@konec.com.au")

	none, active, oldest := "None", client.ListAccountsParamsStatus("active"), client.ListAccountsParamsOrder("oldest")

	queue, err := g.Client.ListAccountsWithResponse(t.Context(), &client.ListAccountsParams{Group: &none, Status: &active, Order: &oldest}, g.admin)
	if err != nil || queue.JSON200 == nil || len(queue.JSON200.Accounts) != 3 {
		t.Fatalf("queue: %v %s", err, queue.Body)
	}

	for i, waiting := range queue.JSON200.Accounts {
		if waiting.Email != fmt.Sprintf("waiting.%d@konec.com.au", i) {
			t.Errorf("place %d in the queue: %s", i, waiting.Email)
		}
	}

	approved := g.assign(t, g.admin, queue.JSON200.Accounts[0], "Member")
	if approved.JSON200 == nil || approved.JSON200.Account.MemberGroup != "Member" || approved.JSON200.Account.Version != 1 ||
		approved.HTTPResponse.Header.Get("ETag") != `"1"` {
		t.Fatalf("approve: %s", approved.Body)
	}

	if _, me := g.Me(t, tokens.AccessToken); me == nil || me.User.MemberGroup != "Member" {
		t.Errorf("the next request returned %+v", me)
	}

	_, renewed := g.Refresh(t, tokens.RefreshToken)
	if renewed == nil || !strings.Contains(world.PayloadOf(t, renewed.AccessToken), `"memberGroup":"Member"`) {
		t.Errorf("the next token is %+v", renewed)
	}

	// Another administrator was faster: a change of an outdated version is refused.
	if again := g.assign(t, g.admin, queue.JSON200.Accounts[0], "Tester"); again.StatusCode() != http.StatusPreconditionFailed {
		t.Errorf("with an outdated version: %s", again.Body)
	}
}

// Each account of a bulk approval is checked by itself.
func TestApprovalOfMany(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	people := make([]client.AccountVersion, 0, 5)

	for i := range 3 {
		a := g.Account(t, fmt.Sprintf("waiting.%d@konec.com.au", i))
		people = append(people, client.AccountVersion{ID: a.ID})
	}

	people[1].Version = 7
	people = append(people, client.AccountVersion{ID: strings.Repeat("0", 24)}, client.AccountVersion{ID: g.account(t, world.Administrator).ID, Version: 1})

	got, err := g.Client.AssignGroupWithResponse(t.Context(), nil, client.AssignGroupRequest{MemberGroup: "Member", Accounts: people}, g.admin)
	if err != nil || got.JSON200 == nil {
		t.Fatalf("assign: %v %s", err, got.Body)
	}

	for i, want := range []string{"", "VERSION_CONFLICT", "", "ACCOUNT_NOT_FOUND", "LAST_ADMINISTRATOR"} {
		result := got.JSON200.Results[i]
		if result.ID != people[i].ID || result.Changed != (want == "") || want != "" && (result.Code == nil || string(*result.Code) != want) {
			t.Errorf("result %d: %+v, want %q", i+1, result, want)
		}
	}

	for email, want := range map[string]string{
		"waiting.0@konec.com.au": "Member", "waiting.1@konec.com.au": "None", "waiting.2@konec.com.au": "Member", world.Administrator: "Admin",
	} {
		if got := g.account(t, email).MemberGroup; got != want {
			t.Errorf("%s is in %s, want %s", email, got, want)
		}
	}
}

// A change under one idempotency key happens once and gets the same response again. Another request cannot use the key,
// nor can another administrator.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)
	before := g.account(t, world.Owner)
	key := "4b2a7e7c-6a8f-4c0f-9a51-0c6d1d1f3b52"

	set := func(by client.RequestEditorFn, group string) *client.SetAccountGroupResult {
		got, err := g.Client.SetAccountGroupWithResponse(t.Context(), before.ID,
			&client.SetAccountGroupParams{IfMatch: etagOf(before), IdempotencyKey: &key}, client.SetGroupRequest{MemberGroup: group}, by)
		if err != nil {
			t.Fatal(err)
		}

		return got
	}

	first, second := set(g.admin, "Tester"), set(g.admin, "Tester")
	if first.StatusCode() != http.StatusOK || string(first.Body) != string(second.Body) || second.StatusCode() != http.StatusOK {
		t.Errorf("first %s, second %s", first.Body, second.Body)
	}

	if got := set(g.admin, "Member"); got.StatusCode() != http.StatusUnprocessableEntity {
		t.Errorf("another request: %s", got.Body)
	}

	if got := set(g.member(t, "second@konec.com.au", world.GroupAdmin), "Tester"); got.StatusCode() != http.StatusPreconditionFailed {
		t.Errorf("another administrator: %s", got.Body)
	}

	var events int

	err := g.Pool.QueryRow(t.Context(), "SELECT count(*) FROM audit_event WHERE action = 'account.group_set' AND account_id = $1", before.ID).Scan(&events)
	if err != nil || events != 1 {
		t.Errorf("%d events (%v)", events, err)
	}
}
