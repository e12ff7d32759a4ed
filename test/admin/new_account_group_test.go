package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// SEC-S21: everyone who registers is in the group None. It can be given neither rights, which they all would have, nor a
// required factor, which would shut them out; its description can be changed.
func TestGroupOfNewAccountsStaysPlain(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)

	for name, wanted := range map[string]client.ChangeGroupRequest{
		"a right":      {Rights: []client.Right{client.RightAccountsRead}},
		"every right":  {Rights: []client.Right{client.RightAccountsRead, client.RightAccountsWrite, client.RightAccountsDelete, client.RightGroupsWrite, client.RightAuditRead}},
		"a factor":     {Rights: []client.Right{}, RequiresTotp: true},
		"both of them": {Rights: []client.Right{client.RightAuditRead}, RequiresTotp: true},
	} {
		got, err := g.Client.ChangeGroupWithResponse(t.Context(), "None", &client.ChangeGroupParams{IfMatch: `"0"`}, wanted, g.admin)
		if err != nil || got.StatusCode() != http.StatusConflict || !strings.Contains(string(got.Body), `"GROUP_FOR_NEW_ACCOUNTS"`) {
			t.Errorf("%s: %v %s", name, err, got.Body)
		}
	}

	got, err := g.Client.ChangeGroupWithResponse(t.Context(), "None", &client.ChangeGroupParams{IfMatch: `"0"`},
		client.ChangeGroupRequest{Description: "they wait", Rights: []client.Right{}}, g.admin)
	if err != nil || got.JSON200 == nil {
		t.Errorf("a description: %v %s", err, got.Body)
	}

	if world.QueryValue[string](t, g.Pool, "SELECT rights::text || requires_totp FROM member_group WHERE name = 'None'") != "{}false" {
		t.Error("the group None was changed")
	}

	// The database refuses it too.
	for _, change := range []string{"rights = '{audit.read}'", "requires_totp = true"} {
		_, err := g.Pool.Exec(t.Context(), fmt.Sprintf("UPDATE member_group SET %s WHERE name = 'None'", change))
		if err == nil || !strings.Contains(err.Error(), "member_group_none_is_plain") {
			t.Errorf("%s: %v", change, err)
		}
	}
}
