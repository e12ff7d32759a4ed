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

// adminValues returns a valid body for an operation of administrators.
func (g *Gateway) adminValues(o Operation) map[string]any {
	switch o.OperationID {
	case "setAccountGroup":
		return map[string]any{"memberGroup": "Member"}
	case "createAccount":
		return map[string]any{"email": fmt.Sprintf("created.%d@konec.com.au", g.Sequence.Add(1)), "name": "New Person", "memberGroup": "Member"}
	case "sendCode":
		return map[string]any{"email": fmt.Sprintf("waiting.%d@konec.com.au", g.Sequence.Add(1)), "purpose": "reset"}
	case "setAccountStatus":
		return map[string]any{"status": "active"}
	case "assignGroup":
		return map[string]any{"memberGroup": "Member", "accounts": []any{map[string]any{"id": g.SubjectID, "version": g.VersionOf("account", "id", g.SubjectID)}}}
	case "createGroup":
		return map[string]any{"name": fmt.Sprintf("Group %d", g.Sequence.Add(1))}
	case "changeGroup":
		return map[string]any{"description": "Partners", "rights": []string{}, "requiresTotp": false}
	case "createWebhook":
		RetireWebhooks(g.Env, "created%")

		return map[string]any{"url": UnreachableWebhook, "description": "created", "actions": []string{"nothing.happens"}}
	case "changeWebhook":
		return map[string]any{"url": UnreachableWebhook, "description": "spare", "actions": []string{"nothing.happens"}, "enabled": true}
	case "liftLimit":
		return map[string]any{"limit": "failures in a row", "subject": "password " + g.SubjectID}
	case "replayWebhook":
		return map[string]any{"from": "2026-01-01T00:00:00.000Z"}
	}

	panic("no body for the operation " + o.OperationID + ": add it to the list above, in admin.go")
}

// AdminCall completes a call of administrators: its path names the subject, or a group or webhook made for the call, and
// If-Match names the current version.
func (g *Gateway) AdminCall(o Operation, c Call) Call {
	group := "Member"
	if o.OperationID == "deleteGroup" {
		group = g.spareGroup()
	}

	var hook string
	if strings.Contains(o.Path, "{webhookId}") {
		hook = EnsureWebhook(g.Env, "spare", true)
	}

	c.Path = strings.NewReplacer(
		"{accountId}", g.SubjectID, "{factor}", "phone", "{group}", group, "{webhookId}", hook, "{eventId}", "1").Replace(c.Path)

	if o.Needs("If-Match") {
		version := g.VersionOf("account", "id", g.SubjectID)
		if strings.Contains(o.Path, "{group}") {
			version = g.VersionOf("member_group", "name", group)
		} else if hook != "" {
			version = g.VersionOf("webhook", "id", hook)
		}

		c = c.With("If-Match", fmt.Sprintf(`"%d"`, version))
	}

	return c
}

// Needs reports whether the operation has a header parameter of this name.
func (o Operation) Needs(header string) bool {
	return slices.ContainsFunc(o.Parameters, func(p *openapi3.ParameterRef) bool {
		return p.Value.In == openapi3.ParameterInHeader && p.Value.Name == header
	})
}

// VersionOf returns the version of a row, or zero if the database is unreachable or has no such table: some tests break it.
func (g *Gateway) VersionOf(table, key, value string) (version int) {
	err := g.Pool.QueryRow(context.Background(), "SELECT version FROM "+table+" WHERE "+key+" = $1", value).Scan(&version)
	if err != nil {
		return 0
	}

	return version
}

// spareGroup creates a member group without members and returns its name.
func (g *Gateway) spareGroup() string {
	name := fmt.Sprintf("Spare %d", g.Sequence.Add(1))
	_, _ = g.Pool.Exec(context.Background(), "INSERT INTO member_group (name, created_at, updated_at) VALUES ($1, now(), now())", name)

	return name
}

// UnreachableWebhook is the URL of webhooks that are administered and never called.
const UnreachableWebhook = "https://127.0.0.1:9/hook"

// EnsureWebhook returns the id of the webhook with this description. If there is none, it creates one, which subscribes to
// an event that never happens and has one failed delivery.
func EnsureWebhook(env *apptest.Env, description string, enabled bool) (id string) {
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

	// Both fail if the database is unreachable, which some tests want.
	_, _ = env.Pool.Exec(ctx, `
		INSERT INTO webhook (id, url, description, actions, enabled, secret, created_at, updated_at)
		VALUES ($1, $2, $3, '{nothing.happens}', $4, $5, now(), now())`,
		id, UnreachableWebhook, description, enabled, keys.Seal(standardwebhook.NewSecret(), "webhook", "secret", id))
	_, _ = env.Pool.Exec(ctx, `
		INSERT INTO webhook_delivery (webhook_id, event_id, state, attempts, last_error, created_at, queued_at, finished_at)
		VALUES ($1, 1, 'failed', 1, 'status 500', now(), now(), now())`, id)

	return id
}

// RetireWebhooks deletes the webhooks whose descriptions match the pattern, so that their number stays below the limit.
func RetireWebhooks(env *apptest.Env, descriptions string) {
	_, _ = env.Pool.Exec(context.Background(),
		"UPDATE webhook SET deleted_at = now(), secret = NULL, enabled = false WHERE description LIKE $1 AND deleted_at IS NULL", descriptions)
}
