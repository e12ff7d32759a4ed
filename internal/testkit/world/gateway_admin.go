package world

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

// adminValues are bodies for the operations of administrators.
func (d *Gateway) adminValues(o Operation) map[string]any {
	switch o.OperationID {
	case "setAccountGroup":
		return map[string]any{"memberGroup": "Member"}
	case "createAccount":
		return map[string]any{"email": fmt.Sprintf("created.%d@konec.com.au", d.Fresh.Add(1)), "name": "New Person", "memberGroup": "Member"}
	case "sendCode":
		return map[string]any{"email": fmt.Sprintf("waiting.%d@konec.com.au", d.Fresh.Add(1)), "purpose": "reset"}
	case "setAccountStatus":
		return map[string]any{"status": "active"}
	case "assignGroup":
		return map[string]any{"memberGroup": "Member", "accounts": []any{map[string]any{"id": d.SubjectID, "version": d.VersionOf("account", "id", d.SubjectID)}}}
	case "createGroup":
		return map[string]any{"name": fmt.Sprintf("Group %d", d.Fresh.Add(1))}
	case "changeGroup":
		return map[string]any{"description": "Partners", "rights": []string{}, "requiresTotp": false}
	case "createWebhook":
		RetireWebhooks(d.Env, "created%")

		return map[string]any{"url": NobodyListens, "description": "created", "actions": []string{"nothing.happens"}}
	case "changeWebhook":
		return map[string]any{"url": NobodyListens, "description": "spare", "actions": []string{"nothing.happens"}, "enabled": true}
	case "replayWebhook":
		return map[string]any{"from": "2026-01-01T00:00:00.000Z"}
	}

	panic("no values for the operation " + o.OperationID + ": add its body to the list above")
}

// AdminCall is about the account that the administrator looks after, or a group of its own, in the version of now.
func (d *Gateway) AdminCall(o Operation, c Call) Call {
	group := "Member"
	if o.OperationID == "deleteGroup" {
		group = d.spareGroup()
	}

	var hook string
	if strings.Contains(o.Path, "{webhookId}") {
		hook = StandingWebhook(d.Env, "spare", true)
	}

	c.Path = strings.NewReplacer(
		"{accountId}", d.SubjectID, "{factor}", "phone", "{group}", group, "{webhookId}", hook, "{eventId}", "1").Replace(c.Path)

	if o.Needs("If-Match") {
		version := d.VersionOf("account", "id", d.SubjectID)
		if strings.Contains(o.Path, "{group}") {
			version = d.VersionOf("member_group", "name", group)
		} else if hook != "" {
			version = d.VersionOf("webhook", "id", hook)
		}

		c = c.With("If-Match", fmt.Sprintf(`"%d"`, version))
	}

	return c
}

// Needs says that the operation has a header of that name.
func (o Operation) Needs(header string) bool {
	return slices.ContainsFunc(o.Parameters, func(p *openapi3.ParameterRef) bool {
		return p.Value.In == openapi3.ParameterInHeader && p.Value.Name == header
	})
}

// VersionOf is zero where the database is away, or has no such table any more.
func (d *Gateway) VersionOf(table, key, value string) (version int) {
	err := d.Pool.QueryRow(context.Background(), "SELECT version FROM "+table+" WHERE "+key+" = $1", value).Scan(&version)
	if err != nil {
		return 0
	}

	return version
}

// spareGroup is one that nobody is in.
func (d *Gateway) spareGroup() string {
	name := fmt.Sprintf("Spare %d", d.Fresh.Add(1))
	_, _ = d.Pool.Exec(context.Background(), "INSERT INTO member_group (name, created_at, updated_at) VALUES ($1, now(), now())", name)

	return name
}

// NobodyListens is the address of a webhook that is there to be administered.
const NobodyListens = "https://127.0.0.1:9/hook"

// StandingWebhook answers one of that description, which is made where there is none, and wants what never happens. It has
// failed to get the first event.
func StandingWebhook(env *apptest.Env, description string, enabled bool) (id string) {
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
		id, NobodyListens, description, enabled, keys.Seal(standardwebhook.NewSecret(), "webhook", "secret", id))
	_, _ = env.Pool.Exec(ctx, `
		INSERT INTO webhook_delivery (webhook_id, event_id, state, attempts, last_error, created_at, queued_at, finished_at)
		VALUES ($1, 1, 'failed', 1, 'status 500', now(), now(), now())`, id)

	return id
}

// RetireWebhooks makes room for others.
func RetireWebhooks(env *apptest.Env, descriptions string) {
	_, _ = env.Pool.Exec(context.Background(),
		"UPDATE webhook SET deleted_at = now(), secret = NULL, enabled = false WHERE description LIKE $1 AND deleted_at IS NULL", descriptions)
}
