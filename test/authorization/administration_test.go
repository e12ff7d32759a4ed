package authorization_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// aboutNamed returns a function that builds a valid call about another user's account, or about an unused group, in the
// current version.
func aboutNamed(given map[string]any) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return func(t *testing.T, m *world.Matrix, o world.Operation, _, _, named *world.Member) world.Call {
		t.Helper()

		body, name := given, fmt.Sprintf("Group %d", m.Sequence.Add(1))
		if strings.Contains(o.Path, "{group}") {
			m.Update(t, "INSERT INTO member_group (name, created_at, updated_at) VALUES ($1, now(), now())", name)
		}

		if o.OperationID == "assignGroup" {
			body = map[string]any{"memberGroup": "Member", "accounts": []any{map[string]any{"id": named.ID, "version": 0}}}
		}

		if o.OperationID == "createAccount" || o.OperationID == "sendCode" {
			body = maps.Clone(body)
			body["email"] = m.NewAddress()
		}

		if o.OperationID == "liftLimit" {
			body = map[string]any{"limit": "failures in a row", "subject": "password " + named.ID}
		}

		if o.OperationID == "createGroup" {
			body = map[string]any{"name": name}
		}

		var hook string
		if strings.Contains(o.Path, "webhooks") {
			world.RetireWebhooks(m.Env, o.OperationID) // deletes the webhook of the previous call, to stay below the limit
		}

		if strings.Contains(o.Path, "{webhookId}") {
			hook = world.EnsureWebhook(m.Env, o.OperationID, true)
		}

		c := o.Call("", body)
		c.Path = strings.NewReplacer("{webhookId}", hook, "{eventId}", "1",
			"{accountId}", named.ID, "{id}", named.AppSession, "{factor}", "phone", "{group}", name).Replace(c.Path)

		if o.Needs("If-Match") {
			c = c.With("If-Match", `"0"`)
		}

		return c
	}
}

// adminCalls are the valid calls of administrators. Every caller is another user than the account is about: an
// administrator may administer all accounts, and others none.
var adminCalls = []validCall{
	{operation: "getAdministrator", want: "200", prepare: aboutNamed(nil)},
	{operation: "listAccounts", want: "200", prepare: aboutNamed(nil)},
	{operation: "createAccount", oldSignInWant: world.ReauthRequired, want: "201", prepare: aboutNamed(map[string]any{"name": "New", "memberGroup": "Member"})},
	{operation: "deleteAccount", oldSignInWant: world.ReauthRequired, want: "200", prepare: aboutNamed(nil)},
	{operation: "exportAccount", oldSignInWant: world.ReauthRequired, want: "200", prepare: aboutNamed(nil)},
	{operation: "sendCode", want: "204", prepare: aboutNamed(map[string]any{"purpose": "reset"})},
	{operation: "assignGroup", oldSignInWant: world.ReauthRequired, want: "200", prepare: aboutNamed(nil)},
	{operation: "getAccount", want: "200", prepare: aboutNamed(nil)},
	{operation: "setAccountGroup", oldSignInWant: world.ReauthRequired, want: "200", prepare: aboutNamed(map[string]any{"memberGroup": "Member"})},
	{operation: "setAccountStatus", want: "200", prepare: aboutNamed(map[string]any{"status": "disabled"})},
	{operation: "listAccountSessions", want: "200", prepare: aboutNamed(nil)},
	{operation: "endAccountSessions", want: "204", prepare: aboutNamed(nil)},
	{operation: "endAccountSession", want: "204", prepare: aboutNamed(nil)},
	{operation: "resetFactor", oldSignInWant: world.ReauthRequired, want: "200", prepare: aboutNamed(nil)},
	{operation: "unlockAccount", want: "204", prepare: aboutNamed(nil)},
	{operation: "listLimits", want: "200", prepare: aboutNamed(nil)},
	{operation: "liftLimit", oldSignInWant: world.ReauthRequired, want: "204", prepare: aboutNamed(nil)},
	{operation: "getTimeline", want: "200", prepare: aboutNamed(nil)},
	{operation: "listGroups", want: "200", prepare: aboutNamed(nil)},
	{operation: "createGroup", oldSignInWant: world.ReauthRequired, want: "201", prepare: aboutNamed(nil)},
	{operation: "changeGroup", oldSignInWant: world.ReauthRequired, want: "200", prepare: aboutNamed(map[string]any{"description": "", "rights": []string{}, "requiresTotp": false})},
	{operation: "deleteGroup", oldSignInWant: world.ReauthRequired, want: "204", prepare: aboutNamed(nil)},
	{operation: "listAuditEvents", want: "200", prepare: aboutNamed(nil)},
	{operation: "listDeliveries", want: "200", prepare: aboutNamed(nil)},
	{operation: "getStatistics", want: "200", prepare: aboutNamed(nil)},
	{operation: "listWebhooks", want: "200", prepare: aboutNamed(nil)},
	{operation: "createWebhook", oldSignInWant: world.ReauthRequired, want: "201", prepare: aboutNamed(map[string]any{
		"url": world.UnreachableWebhook, "description": "createWebhook", "actions": []string{"nothing.happens"},
	})},
	{operation: "changeWebhook", oldSignInWant: world.ReauthRequired, want: "200", prepare: aboutNamed(map[string]any{
		"url": world.UnreachableWebhook, "description": "changeWebhook", "actions": []string{"nothing.happens"}, "enabled": false,
	})},
	{operation: "deleteWebhook", oldSignInWant: world.ReauthRequired, want: "204", prepare: aboutNamed(nil)},
	{operation: "rotateWebhookSecret", oldSignInWant: world.ReauthRequired, want: "200", prepare: aboutNamed(nil)},
	{operation: "replayWebhook", want: "200", prepare: aboutNamed(map[string]any{"from": "2026-01-01T00:00:00.000Z"})},
	{operation: "listWebhookDeliveries", want: "200", prepare: aboutNamed(nil)},
	{operation: "replayWebhookDelivery", want: "200", prepare: aboutNamed(nil)},
}
