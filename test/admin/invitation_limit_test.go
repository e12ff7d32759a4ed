package admin_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// SEC-S27: one administrator sends a limited number of invitations and codes to others in an hour, both counted together.
// Another administrator has an allowance of their own, and accounts without an invitation are not counted.
func TestMailsOfAnAdministratorAreLimited(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t, func(c *apptest.Settings) { c.AdminSends = 3 })
	g.Clock.Stop()

	colleague := g.member(t, "colleague@konec.com.au", world.GroupAdmin)
	number := 0

	create := func(who client.RequestEditorFn, invite bool) *http.Response {
		number++

		got, err := g.Client.CreateAccountWithResponse(t.Context(), nil, client.CreateAccountRequest{
			Email: fmt.Sprintf("guest%d@konec.com.au", number), Name: "Guest", MemberGroup: "Member", Invite: &invite,
		}, who)
		if err != nil {
			t.Fatal(err)
		}

		return got.HTTPResponse
	}

	send := func(email string) *http.Response {
		got, err := g.Client.SendCodeWithResponse(t.Context(), client.SendCodeAgainRequest{Email: email, Purpose: "reset"}, g.admin)
		if err != nil {
			t.Fatal(err)
		}

		return got.HTTPResponse
	}

	for range 2 {
		if got := create(g.admin, true); got.StatusCode != http.StatusCreated {
			t.Fatalf("within the limit: %s", got.Status)
		}
	}

	if got := send("guest1@konec.com.au"); got.StatusCode != http.StatusNoContent {
		t.Fatalf("within the limit: %s", got.Status)
	}

	for what, got := range map[string]*http.Response{"an invitation": create(g.admin, true), "a code": send("guest2@konec.com.au")} {
		if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "3600" {
			t.Errorf("%s beyond the limit: %s, Retry-After %q", what, got.Status, got.Header.Get("Retry-After"))
		}
	}

	if n := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM account WHERE email = 'guest3@konec.com.au'"); n != 0 {
		t.Error("an account was created without its invitation")
	}

	if n := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM audit_event WHERE action = 'limit.reached' AND detail::text LIKE '%administrator send%'"); n != 1 {
		t.Errorf("%d events", n)
	}

	if got := create(g.admin, false); got.StatusCode != http.StatusCreated {
		t.Errorf("without an invitation: %s", got.Status)
	}

	if got := create(colleague, true); got.StatusCode != http.StatusCreated {
		t.Errorf("another administrator: %s", got.Status)
	}

	g.Clock.Advance(time.Hour)
	g.admin = apptest.Bearer(g.SignIn(t, world.Administrator).AccessToken)

	if got := create(g.admin, true); got.StatusCode != http.StatusCreated {
		t.Errorf("an hour later: %s", got.Status)
	}
}
