package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
	"github.com/konec/toolkit-gateway/internal/platform/standardwebhook"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// administered are bodies for the operations of administrators.
func (d *desk) administered(o operation) map[string]any {
	switch o.OperationID {
	case "setAccountGroup":
		return map[string]any{"memberGroup": "Member"}
	case "createAccount":
		return map[string]any{"email": fmt.Sprintf("created.%d@konec.com.au", d.fresh.Add(1)), "name": "New Person", "memberGroup": "Member"}
	case "sendCode":
		return map[string]any{"email": fmt.Sprintf("waiting.%d@konec.com.au", d.fresh.Add(1)), "purpose": "reset"}
	case "setAccountStatus":
		return map[string]any{"status": "active"}
	case "assignGroup":
		return map[string]any{"memberGroup": "Member", "accounts": []any{map[string]any{"id": d.subject, "version": d.versionOf("account", "id", d.subject)}}}
	case "createGroup":
		return map[string]any{"name": fmt.Sprintf("Group %d", d.fresh.Add(1))}
	case "changeGroup":
		return map[string]any{"description": "Partners", "rights": []string{}, "requiresTotp": false}
	case "createWebhook":
		retireWebhooks(d.Env, "created%")

		return map[string]any{"url": nobodyListens, "description": "created", "actions": []string{"nothing.happens"}}
	case "changeWebhook":
		return map[string]any{"url": nobodyListens, "description": "spare", "actions": []string{"nothing.happens"}, "enabled": true}
	case "replayWebhook":
		return map[string]any{"from": "2026-01-01T00:00:00.000Z"}
	}

	panic("no values for the operation " + o.OperationID + ": add its body to the list above")
}

// aimed is about the account that the administrator looks after, or a group of its own, in the version of now.
func (d *desk) aimed(o operation, c call) call {
	group := "Member"
	if o.OperationID == "deleteGroup" {
		group = d.spareGroup()
	}

	var hook string
	if strings.Contains(o.path, "{webhookId}") {
		hook = standingWebhook(d.Env, "spare", true)
	}

	c.path = strings.NewReplacer(
		"{accountId}", d.subject, "{factor}", "phone", "{group}", group, "{webhookId}", hook, "{eventId}", "1").Replace(c.path)

	if o.needs("If-Match") {
		version := d.versionOf("account", "id", d.subject)
		if strings.Contains(o.path, "{group}") {
			version = d.versionOf("member_group", "name", group)
		} else if hook != "" {
			version = d.versionOf("webhook", "id", hook)
		}

		c = c.with("If-Match", fmt.Sprintf(`"%d"`, version))
	}

	return c
}

// needs says that the operation has a header of that name.
func (o operation) needs(header string) bool {
	return slices.ContainsFunc(o.Parameters, func(p *openapi3.ParameterRef) bool {
		return p.Value.In == openapi3.ParameterInHeader && p.Value.Name == header
	})
}

// versionOf is zero where the database is away, or has no such table any more.
func (d *desk) versionOf(table, key, value string) (version int) {
	err := d.Pool.QueryRow(context.Background(), "SELECT version FROM "+table+" WHERE "+key+" = $1", value).Scan(&version)
	if err != nil {
		return 0
	}

	return version
}

// spareGroup is one that nobody is in.
func (d *desk) spareGroup() string {
	name := fmt.Sprintf("Spare %d", d.fresh.Add(1))
	_, _ = d.Pool.Exec(context.Background(), "INSERT INTO member_group (name, created_at, updated_at) VALUES ($1, now(), now())", name)

	return name
}

// nobodyListens is the address of a webhook that is there to be administered.
const nobodyListens = "https://127.0.0.1:9/hook"

// standingWebhook answers one of that description, which is made where there is none, and wants what never happens. It has
// failed to get the first event.
func standingWebhook(env *apptest.Env, description string, enabled bool) (id string) {
	ctx := context.Background()

	err := env.Pool.QueryRow(ctx, "SELECT id FROM webhook WHERE description = $1 AND deleted_at IS NULL", description).Scan(&id)
	if err == nil {
		return id
	}

	keys, err := keyring.Parse(env.Config.MasterKey)
	if err != nil {
		panic(err)
	}

	id = randomid.New()

	// Both fail where the database is away.
	_, _ = env.Pool.Exec(ctx, `
		INSERT INTO webhook (id, url, description, actions, enabled, secret, created_at, updated_at)
		VALUES ($1, $2, $3, '{nothing.happens}', $4, $5, now(), now())`,
		id, nobodyListens, description, enabled, keys.Seal(standardwebhook.NewSecret(), "webhook", "secret", id))
	_, _ = env.Pool.Exec(ctx, `
		INSERT INTO webhook_delivery (webhook_id, event_id, state, attempts, last_error, created_at, queued_at, finished_at)
		VALUES ($1, 1, 'failed', 1, 'status 500', now(), now(), now())`, id)

	return id
}

// retireWebhooks makes room for others.
func retireWebhooks(env *apptest.Env, descriptions string) {
	_, _ = env.Pool.Exec(context.Background(),
		"UPDATE webhook SET deleted_at = now(), secret = NULL, enabled = false WHERE description LIKE $1 AND deleted_at IS NULL", descriptions)
}
