package authorization_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// privilegedMembers are members that a body could try to set, under their names in responses, in tables and on other
// servers.
var privilegedMembers = map[string]any{
	"memberGroup": "Admin", "member_group": "Admin", "MemberGroup": "Admin", "membergroup": "Admin", "group": "Admin", "groups": []string{"Admin"},
	"role": "admin", "roles": []string{"admin"}, "isAdmin": true, "is_admin": true, "admin": true, "superuser": true,
	"permissions": []string{"*"}, "scope": "*", "claims": map[string]any{"memberGroup": "Admin"}, "requires_totp": false,
	"status": "active", "Status": true, "active": true, "enabled": true, "disabled": false, "locked": false,
	"_id": strings.Repeat("0", 24), "id": strings.Repeat("0", 24), "ID": 1, "accountId": strings.Repeat("0", 24), "account_id": "x", "sub": "x", "user": map[string]any{},
	"__v": 7, "version": 7, "verified": true, "emailVerified": true, "email_verified": true, "isEmailVerified": true, "phoneVerified": true, "phone_verified": true,
	"password_hash": "x", "passwordHash": "x", "hash": "x", "salt": "x", "picture": "x", "lark": map[string]any{"open_id": "ou_x"}, "identity": "x",
	"sessions": 0, "sign_in_count": 0, "session": "x", "session_id": "x", "authenticated_at": "2099-01-01T00:00:00.000Z", "history": nil,
	"createdAt": "2001-01-01T00:00:00.000Z", "created_at": "x", "create_time": "x", "updatedAt": "x", "updated_at": "x", "update_time": "x",
	"attempts": 0, "expires_at": "2099-01-01T00:00:00.000Z", "purpose": "reset", "confirm": true, "force": true, "skip": true,
	"$set": map[string]any{"memberGroup": "Admin"}, "__proto__": map[string]any{"memberGroup": "Admin"}, "constructor": "x", "email.verified": true, "": "x",
}

// V-12, R-I3, T-28: a body sets only the members that the document has, no matter who sends it. A body with any other member
// is refused and has no effect.
func TestUndocumentedMembersAreRefused(t *testing.T) {
	t.Parallel()

	m := world.NewMatrix(t)
	tried := 0

	for _, one := range slices.Concat(validCalls, appCalls) {
		for _, o := range world.Operations() {
			if o.OperationID != one.operation || o.RequestBody == nil {
				continue
			}

			people := m.Members(t, 3, account.GroupNone)
			c := one.prepare(t, m, o, people[0], people[1], people[2])
			before := m.AllState(t)

			for name, value := range privilegedMembers {
				if slices.Contains(o.Fields(), name) {
					continue
				}

				got := withBothCredentials(m, people[0], withMember(t, o, c, name, value)).To(t, m.Server)
				if got.Status != http.StatusBadRequest || got.Problem.Code != "INVALID_REQUEST" || !slices.Contains(got.Fields(), "/"+name) {
					t.Errorf("%s %s with %q: %s", one.operation, one.object, name, got)
				}

				tried++
			}

			// The same for another case of a documented member, which some decoders accept.
			for _, name := range o.Fields() {
				if upperCase := strings.ToUpper(name); upperCase != name {
					if got := withBothCredentials(m, people[0], withMember(t, o, c, upperCase, "x")).To(t, m.Server); got.Problem.Code != "INVALID_REQUEST" {
						t.Errorf("%s %s with %q: %s", one.operation, one.object, upperCase, got)
					}
				}
			}

			if m.AllState(t) != before {
				t.Errorf("%s %s: the call had an effect", one.operation, one.object)
			}

			// Without the extra member the body is valid.
			if got := world.StatusAndCode(withBothCredentials(m, people[0], c).To(t, m.Server)); got != one.want {
				t.Errorf("%s %s without the extra member: %s, want %s", one.operation, one.object, got, one.want)
			}
		}
	}

	if tried < 800 {
		t.Errorf("%d tried", tried)
	}
}

// withBothCredentials returns the call with both of a member's credentials: each operation reads its own.
func withBothCredentials(m *world.Matrix, member *world.Member, c world.Call) world.Call {
	return m.AsMember(member, c).With("Authorization", "Bearer "+member.AccessToken)
}

// withMember returns the call with a member added to its body.
func withMember(t *testing.T, o world.Operation, c world.Call, name string, value any) world.Call {
	t.Helper()

	if o.Media() != "application/json" {
		c.Body += "&" + o.Encode(map[string]any{name: value})

		return c
	}

	more, err := json.Marshal(map[string]any{name: value})
	if err != nil {
		t.Fatal(err)
	}

	c.Body = strings.TrimSuffix(strings.TrimSpace(c.Body), "}") + "," + strings.TrimPrefix(string(more), "{")

	return c
}

// W-13, V-12, T-28: PATCH /user changes only the three members that the document has. An empty address is invalid, a
// new address counts only once it is proved, and until then the response does not reveal whether it is taken.
func TestProfileAcceptsProvedAddressesOnly(t *testing.T) {
	t.Parallel()

	m := world.NewMatrix(t)
	people := m.Members(t, 2, account.GroupNone)
	own, other := people[0], people[1]
	fresh := m.NewAddress()
	before := m.AllState(t)

	ask := func(values map[string]any) string {
		return world.StatusAndCode(m.AsMember(own, m.Call(t, "changeUser", values)).To(t, m.Server))
	}

	for _, key := range []string{
		"memberGroup", "Status", "status", "_id", "id", "__v", "phone", "Phone", "totp", "lark", "password", "EMAIL", "e-mail", "Email ", "", "email.verified", "$set",
	} {
		if got := ask(map[string]any{"key": key, "name": "x"}); got != "400 INVALID_REQUEST" {
			t.Errorf("key %q: %s", key, got)
		}
	}

	for _, values := range []map[string]any{
		{"key": "Email"}, {"key": "Email", "email": ""}, {"key": "Email", "email": nil}, {"key": "email", "email": " "}, {"key": "Email", "email": "no address"},
		{"key": "Email", "name": "x"}, {"key": "Email", "email": fresh, "name": "x"}, {"key": "Name", "email": fresh}, {"key": "Avatar", "email": fresh},
		{"key": "Email", "email": fresh, "code": ""}, {"key": "Email", "email": []string{fresh}}, {"email": fresh},
	} {
		if got := ask(values); got != "400 INVALID_REQUEST" {
			t.Errorf("%v: %s", values, got)
		}
	}

	// A request for an address changes nothing, and its response is the same if another account has the address.
	for _, address := range []string{fresh, other.Email} {
		if got := ask(map[string]any{"key": "Email", "email": address}); got != "204" {
			t.Errorf("a request for %s: %s", address, got)
		}

		if got := ask(map[string]any{"key": "Email", "email": address, "code": "000000"}); got != world.CodeInvalid {
			t.Errorf("a wrong code for %s: %s", address, got)
		}
	}

	if m.AllState(t) != before {
		t.Error("an unproved address is in use")
	}

	// A user who has proved control of the address learns that it is taken, and its owner keeps it.
	taken := m.IssueCode(t, code.Email, own.ID+" "+other.Email)
	if got := ask(map[string]any{"key": "Email", "email": other.Email, "code": taken}); got != "400 EMAIL_TAKEN" || m.AllState(t) != before {
		t.Errorf("another's address, proved: %s", got)
	}

	right := m.IssueCode(t, code.Email, own.ID+" "+fresh)
	if got := ask(map[string]any{"key": "Email", "email": fresh, "code": right}); got != "204" || m.AllState(t) == before {
		t.Errorf("a fresh address, proved: %s", got)
	}
}
