package contract_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// adminScenarios are the scenarios of the administrators' surface: those of each operation's traits, and its own.
var adminScenarios = slices.Concat(
	scenariosOf("getAdministrator", "200", reads),
	scenariosOf("listAccounts", "200", reads),
	scenariosOf("createAccount", "201", fresh|writes|takesBody|takesKey),
	scenariosOf("assignGroup", "200", fresh|writes|takesBody|takesKey),
	scenariosOf("getAccount", "200", reads|namesAccount),
	scenariosOf("deleteAccount", "200", fresh|writes|takesKey|namesAccount|matches),
	scenariosOf("setAccountGroup", "200", fresh|writes|takesBody|takesKey|namesAccount|matches),
	scenariosOf("setAccountStatus", "200", writes|takesBody|takesKey|namesAccount|matches),
	scenariosOf("listAccountSessions", "200", reads|namesAccount),
	scenariosOf("endAccountSessions", "204", writes|namesAccount),
	scenariosOf("endAccountSession", "204", writes|namesAccount, anotherPersonsSession),
	scenariosOf("resetFactor", "200", fresh|writes|takesKey|namesAccount|matches),
	scenariosOf("unlockAccount", "204", writes|namesAccount),
	scenariosOf("getTimeline", "200", reads|namesAccount),
	scenariosOf("exportAccount", "200", fresh|writes|namesAccount),
	scenariosOf("sendCode", "204", writes|takesBody),
	scenariosOf("listGroups", "200", reads),
	scenariosOf("createGroup", "201", fresh|writes|takesBody|takesKey),
	scenariosOf("changeGroup", "200", fresh|writes|takesBody|takesKey|namesGroup|matches),
	scenariosOf("deleteGroup", "204", fresh|writes|namesGroup|matches),
	scenariosOf("listAuditEvents", "200", reads),
	scenariosOf("listDeliveries", "200", reads),
	scenariosOf("getStatistics", "200", reads),
	scenariosOf("listLimits", "200", reads),
	scenariosOf("liftLimit", "204", fresh|writes|takesBody),
	scenariosOf("listWebhooks", "200", reads),
	scenariosOf("createWebhook", "201", fresh|writes|takesBody|takesKey),
	scenariosOf("changeWebhook", "200", fresh|writes|takesBody|takesKey|namesWebhook|matches),
	scenariosOf("deleteWebhook", "204", fresh|writes|namesWebhook|matches),
	scenariosOf("rotateWebhookSecret", "200", fresh|writes|takesKey|namesWebhook|matches),
	scenariosOf("replayWebhook", "200", writes|takesBody|takesKey|namesWebhook),
	scenariosOf("listWebhookDeliveries", "200", reads|namesWebhook),
	scenariosOf("replayWebhookDelivery", "200", writes|takesKey|namesWebhook),
	[]scenario{
		{"createWebhook", "409", "WEBHOOK_LIMIT", healthy, webhookOverLimit},
		{"replayWebhook", "409", "WEBHOOK_DISABLED", healthy, disabledWebhook},
		{"replayWebhookDelivery", "409", "WEBHOOK_DISABLED", healthy, disabledWebhook},
		{"replayWebhookDelivery", "404", "WEBHOOK_DELIVERY_NOT_FOUND", healthy, unknownEvent},
		{"setAccountGroup", "409", "LAST_ADMINISTRATOR", healthy, changeLastAdministrator},
		{"setAccountStatus", "409", "LAST_ADMINISTRATOR", healthy, changeLastAdministrator},
		{"deleteAccount", "409", "LAST_ADMINISTRATOR", healthy, changeLastAdministrator},
		{"resetFactor", "409", "LAST_ADMINISTRATOR", healthy, resetLastAdministrator},
		{"createAccount", "409", "EMAIL_TAKEN", healthy, takenAddress},
		{"sendCode", "400", "EMAIL_NOT_ALLOWED", healthy, codeToDisallowedDomain},
		{"sendCode", "429", "TOO_MANY_REQUESTS", healthy, sentTwice},
		{"changeGroup", "409", "LAST_ADMINISTRATOR", healthy, changeLastAdministratorGroup},
		{"createAccount", "429", "TOO_MANY_REQUESTS", healthy, invitationBeyondTheLimit},
		{"changeGroup", "409", "GROUP_FOR_NEW_ACCOUNTS", healthy, changeGroupOfNewAccounts},
		{"createGroup", "409", "GROUP_TAKEN", healthy, takenGroupName},
		{"deleteGroup", "409", "GROUP_IN_USE", healthy, groupInUse},
		{"endAccountSession", "404", "SESSION_NOT_FOUND", healthy, validCall},
		{"liftLimit", "404", "LIMIT_NOT_FOUND", healthy, unknownLimit},
	},
)

// trait is something that several operations of administrators have in common.
type trait int

const (
	reads trait = 1 << iota
	writes
	takesBody
	takesKey
	namesAccount
	namesGroup
	namesWebhook
	matches
	fresh // asks for a sign-in at most 60 minutes old
)

func scenariosOf(operation, status string, k trait, success ...func(testing.TB, *world.Gateway, world.Operation) world.Call) []scenario {
	done := validCall
	if len(success) > 0 {
		done = success[0]
	}

	rows := []scenario{
		{operation, status, "", healthy, done},
		{operation, "400", "INVALID_REQUEST", healthy, unknownParameter},
		{operation, "401", "UNAUTHENTICATED", healthy, withoutToken},
		{operation, "401", "TOKEN_INVALID", healthy, forgedToken},
		{operation, "403", "RIGHT_MISSING", healthy, withoutRight},
		{operation, "403", "TWO_FACTORS_REQUIRED", healthy, withOneFactor},
		{operation, "406", "NOT_ACCEPTABLE", healthy, acceptsHTML},
		{operation, "500", "INTERNAL", withoutTables, validCall},
		{operation, "503", "UNAVAILABLE", withoutDatabase, validCall},
	}

	for _, one := range []struct {
		of   trait
		rows []scenario
	}{
		{writes, []scenario{{operation, "403", "XSRF_INVALID", healthy, byCookie}, {operation, "403", "CROSS_SITE", healthy, byCookieCrossSite}}},
		{takesBody, []scenario{{operation, "413", "BODY_TOO_LARGE", healthy, oversizedBody}, {operation, "415", "UNSUPPORTED_MEDIA_TYPE", healthy, plainText}}},
		{takesKey, []scenario{{operation, "422", "IDEMPOTENCY_KEY_REUSED", healthy, usedKey}}},
		{namesAccount, []scenario{{operation, "404", "ACCOUNT_NOT_FOUND", healthy, unknownAccount}}},
		{namesGroup, []scenario{{operation, "404", "GROUP_NOT_FOUND", healthy, unknownGroup}}},
		{namesWebhook, []scenario{{operation, "404", "WEBHOOK_NOT_FOUND", healthy, unknownWebhook}}},
		{fresh, []scenario{{operation, "400", "REAUTH_REQUIRED", healthy, afterOldAdminSignIn}}},
		{matches, []scenario{{operation, "412", "VERSION_CONFLICT", healthy, staleVersion}}},
	} {
		if k&one.of != 0 {
			rows = append(rows, one.rows...)
		}
	}

	return rows
}

func unknownLimit(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return withValues(g, o, map[string]any{"limit": "no such limit"})
}

func withoutRight(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).With("Authorization", "Bearer "+g.OwnerTokens.AccessToken)
}

// otherAdministrators are the access tokens of administrators of whom the session lacks something, by gateway and by what it
// lacks. None of them has a password: they do not count as administrators of the gateway.
var otherAdministrators sync.Map

func anotherAdministrator(tb testing.TB, g *world.Gateway, lacking string) world.Call {
	tb.Helper()

	type key struct {
		gateway *world.Gateway
		lacking string
	}

	token, known := otherAdministrators.Load(key{g, lacking})
	if !known {
		address, _ := g.NewUser(tb)
		token = g.SignIn(tb, address).AccessToken

		g.Exec(tb, "UPDATE account SET member_group = 'Admin', password_hash = NULL WHERE email = $1", address)
		g.Exec(tb, lacking, g.AccountID(tb, address))
		otherAdministrators.Store(key{g, lacking}, token)
	}

	return world.Call{}.With("Authorization", "Bearer "+token.(string))
}

func withOneFactor(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	other := anotherAdministrator(tb, g, "UPDATE account SET second_factor_since = now() WHERE id = $1")

	return g.Call(o).With("Authorization", other.Header.Get("Authorization"))
}

func afterOldAdminSignIn(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	other := anotherAdministrator(tb, g, "UPDATE session SET authenticated_at = authenticated_at - interval '61 minutes' WHERE account_id = $1")

	return g.Call(o).With("Authorization", other.Header.Get("Authorization"))
}

// byCookie returns the call from an administrator's browser without the XSRF header.
func byCookie(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).Without("Authorization").FromBrowser(g.SignedIn(tb, world.Administrator)).Without("X-XSRF-TOKEN")
}

func byCookieCrossSite(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).Without("Authorization").FromBrowser(g.SignedIn(tb, world.Administrator)).With("Sec-Fetch-Site", "cross-site")
}

// usedKey returns the call with an idempotency key that another request has used.
func usedKey(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	key := fmt.Sprintf("used-key-%d", g.Sequence.Add(1))

	first := g.Call(world.OperationByID("createGroup"))
	if o.OperationID == "createGroup" {
		first = g.Call(world.OperationByID("setAccountStatus"))
	}

	first.With("Idempotency-Key", key).To(tb, g.Server)

	return g.Call(o).With("Idempotency-Key", key)
}

func unknownAccount(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.Path = strings.ReplaceAll(c.Path, g.SubjectID, strings.Repeat("0", 24))

	return c
}

func unknownGroup(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.Path = strings.ReplaceAll(o.Path, "{group}", "Unknown")

	return c
}

func staleVersion(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.Call(o).With("If-Match", `"99999"`)
}

// changeLastAdministrator returns a call with which the last administrator would remove themselves.
func changeLastAdministrator(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	if o.OperationID == "setAccountStatus" {
		c = withValues(g, o, map[string]any{"status": "disabled"})
	}

	id := g.AccountID(tb, world.Administrator)
	c.Path = strings.ReplaceAll(c.Path, g.SubjectID, id)

	return c.With("If-Match", fmt.Sprintf(`"%d"`, g.VersionOf("account", "id", id)))
}

// resetLastAdministrator returns a call that would remove the password of the only administrator.
func resetLastAdministrator(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := changeLastAdministrator(tb, g, o)
	c.Path = strings.ReplaceAll(c.Path, "/phone", "/password")

	return c
}

// changeLastAdministratorGroup returns a call that would remove the right from the only group that has it.
func changeLastAdministratorGroup(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.Path = strings.ReplaceAll(o.Path, "{group}", world.GroupAdmin)

	return c.With("If-Match", fmt.Sprintf(`"%d"`, g.VersionOf("member_group", "name", world.GroupAdmin)))
}

func invitationBeyondTheLimit(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	tb.Helper()
	g.Exec(tb, `INSERT INTO throttle (key, count, ends_at) SELECT 'administrator send/hour ' || id, 1000000, now() + interval '1 hour' FROM account
		ON CONFLICT (key) DO UPDATE SET count = 1000000`)

	return g.Call(o)
}

func changeGroupOfNewAccounts(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := withValues(g, o, map[string]any{"description": "", "rights": []string{"audit.read"}, "requiresTotp": false})
	c.Path = strings.ReplaceAll(o.Path, "{group}", "None")

	return c.With("If-Match", fmt.Sprintf(`"%d"`, g.VersionOf("member_group", "name", "None")))
}

func takenGroupName(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return withValues(g, o, map[string]any{"name": world.GroupAdmin})
}

func groupInUse(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.Path = strings.ReplaceAll(o.Path, "{group}", world.GroupAdmin)

	return c.With("If-Match", fmt.Sprintf(`"%d"`, g.VersionOf("member_group", "name", world.GroupAdmin)))
}

// anotherPersonsSession returns a call that ends a session opened for it.
func anotherPersonsSession(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	tokens := g.SignIn(tb, "subject@konec.com.au")

	list, err := g.Client.ListSessionsWithResponse(tb.Context(), apptest.Bearer(tokens.AccessToken))
	if err != nil || list.JSON200 == nil {
		tb.Fatalf("list sessions: %v %s", err, list.Body)
	}

	c := g.Call(o)

	for _, one := range list.JSON200.Sessions {
		if one.Current {
			c.Path = strings.ReplaceAll(c.Path, strings.Repeat("A", 22), one.ID)
		}
	}

	return c
}

func takenAddress(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return withValues(g, o, map[string]any{"email": world.Owner})
}

func codeToDisallowedDomain(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return withValues(g, o, map[string]any{"email": "somebody@example.com", "purpose": "registration"})
}

func unknownWebhook(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.Path = strings.NewReplacer("{webhookId}", strings.Repeat("0", 22), "{eventId}", "1").Replace(o.Path)

	return c
}

func disabledWebhook(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.Path = strings.NewReplacer("{webhookId}", world.EnsureWebhook(g.Env, "disabled", false), "{eventId}", "1").Replace(o.Path)

	return c
}

func webhookOverLimit(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	for i := range webhook.Most {
		world.EnsureWebhook(g.Env, fmt.Sprintf("created %d", i), true)
	}

	return c
}

func unknownEvent(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.Path = strings.NewReplacer("{webhookId}", world.EnsureWebhook(g.Env, "spare", true), "{eventId}", "999999999").Replace(o.Path)

	return c
}
