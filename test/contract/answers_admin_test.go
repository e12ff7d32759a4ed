package contract_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// adminAnswers are those of the administrators' surface. What every operation of a duty answers is added to what is
// an operation's own.
var adminAnswers = slices.Concat(
	administering("getAdministrator", "200", reads),
	administering("listAccounts", "200", reads),
	administering("createAccount", "201", writes|takesBody|takesKey),
	administering("assignGroup", "200", writes|takesBody|takesKey),
	administering("getAccount", "200", reads|namesAccount),
	administering("deleteAccount", "200", writes|takesKey|namesAccount|matches),
	administering("setAccountGroup", "200", writes|takesBody|takesKey|namesAccount|matches),
	administering("setAccountStatus", "200", writes|takesBody|takesKey|namesAccount|matches),
	administering("listAccountSessions", "200", reads|namesAccount),
	administering("endAccountSessions", "204", writes|namesAccount),
	administering("endAccountSession", "204", writes|namesAccount, anotherPersonsSession),
	administering("resetFactor", "200", writes|takesKey|namesAccount|matches),
	administering("unlockAccount", "204", writes|namesAccount),
	administering("getTimeline", "200", reads|namesAccount),
	administering("exportAccount", "200", reads|namesAccount),
	administering("sendCode", "204", writes|takesBody),
	administering("listGroups", "200", reads),
	administering("createGroup", "201", writes|takesBody|takesKey),
	administering("changeGroup", "200", writes|takesBody|takesKey|namesGroup|matches),
	administering("deleteGroup", "204", writes|namesGroup|matches),
	administering("listAuditEvents", "200", reads),
	administering("listDeliveries", "200", reads),
	administering("getStatistics", "200", reads),
	administering("listWebhooks", "200", reads),
	administering("createWebhook", "201", writes|takesBody|takesKey),
	administering("changeWebhook", "200", writes|takesBody|takesKey|namesWebhook|matches),
	administering("deleteWebhook", "204", writes|namesWebhook|matches),
	administering("rotateWebhookSecret", "200", writes|takesKey|namesWebhook|matches),
	administering("replayWebhook", "200", writes|takesBody|takesKey|namesWebhook),
	administering("listWebhookDeliveries", "200", reads|namesWebhook),
	administering("replayWebhookDelivery", "200", writes|takesKey|namesWebhook),
	[]scenario{
		{"createWebhook", "409", "WEBHOOK_LIMIT", open, manyWebhooks},
		{"replayWebhook", "409", "WEBHOOK_DISABLED", open, disabledWebhook},
		{"replayWebhookDelivery", "409", "WEBHOOK_DISABLED", open, disabledWebhook},
		{"replayWebhookDelivery", "404", "WEBHOOK_DELIVERY_NOT_FOUND", open, noEvent},
		{"setAccountGroup", "409", "LAST_ADMINISTRATOR", open, onTheLast},
		{"setAccountStatus", "409", "LAST_ADMINISTRATOR", open, onTheLast},
		{"deleteAccount", "409", "LAST_ADMINISTRATOR", open, onTheLast},
		{"createAccount", "409", "EMAIL_TAKEN", open, ownersAddress},
		{"sendCode", "400", "EMAIL_NOT_ALLOWED", open, codeElsewhere},
		{"sendCode", "429", "TOO_MANY_REQUESTS", open, twice},
		{"changeGroup", "409", "LAST_ADMINISTRATOR", open, ofTheLast},
		{"createGroup", "409", "GROUP_TAKEN", open, sameGroup},
		{"deleteGroup", "409", "GROUP_IN_USE", open, usedGroup},
		{"endAccountSession", "404", "SESSION_NOT_FOUND", open, good},
	},
)

// duty says what operations of administrators have in common.
type duty int

const (
	reads duty = 1 << iota
	writes
	takesBody
	takesKey
	namesAccount
	namesGroup
	namesWebhook
	matches
)

func administering(operation, status string, k duty, success ...func(testing.TB, *world.Gateway, world.Operation) world.Call) []scenario {
	done := good
	if len(success) > 0 {
		done = success[0]
	}

	rows := []scenario{
		{operation, status, "", open, done},
		{operation, "400", "INVALID_REQUEST", open, unknownParameter},
		{operation, "401", "UNAUTHENTICATED", open, withoutToken},
		{operation, "401", "TOKEN_INVALID", open, forgedToken},
		{operation, "403", "RIGHT_MISSING", open, withoutRight},
		{operation, "406", "NOT_ACCEPTABLE", open, acceptsHTML},
		{operation, "500", "INTERNAL", broken, good},
		{operation, "503", "UNAVAILABLE", offline, good},
	}

	for _, one := range []struct {
		of   duty
		rows []scenario
	}{
		{writes, []scenario{{operation, "403", "XSRF_INVALID", open, byCookie}, {operation, "403", "CROSS_SITE", open, byCookieFromElsewhere}}},
		{takesBody, []scenario{{operation, "413", "BODY_TOO_LARGE", open, tooMuch}, {operation, "415", "UNSUPPORTED_MEDIA_TYPE", open, plainText}}},
		{takesKey, []scenario{{operation, "422", "IDEMPOTENCY_KEY_REUSED", open, usedKey}}},
		{namesAccount, []scenario{{operation, "404", "ACCOUNT_NOT_FOUND", open, nobodysAccount}}},
		{namesGroup, []scenario{{operation, "404", "GROUP_NOT_FOUND", open, nobodysGroup}}},
		{namesWebhook, []scenario{{operation, "404", "WEBHOOK_NOT_FOUND", open, nobodysWebhook}}},
		{matches, []scenario{{operation, "412", "VERSION_CONFLICT", open, outdated}}},
	} {
		if k&one.of != 0 {
			rows = append(rows, one.rows...)
		}
	}

	return rows
}

func withoutRight(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).With("Authorization", "Bearer "+d.OwnerTokens.AccessToken)
}

// byCookie is an administrator's browser without the XSRF header.
func byCookie(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).Without("Authorization").FromBrowser(d.SignedIn(tb, world.Administrator)).Without("X-XSRF-TOKEN")
}

func byCookieFromElsewhere(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).Without("Authorization").FromBrowser(d.SignedIn(tb, world.Administrator)).With("Sec-Fetch-Site", "cross-site")
}

// usedKey comes with a key that another request has used.
func usedKey(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	key := fmt.Sprintf("used-key-%d", d.Fresh.Add(1))

	first := d.Call(world.OperationByID("createGroup"))
	if o.OperationID == "createGroup" {
		first = d.Call(world.OperationByID("setAccountStatus"))
	}

	first.With("Idempotency-Key", key).To(tb, d.Server)

	return d.Call(o).With("Idempotency-Key", key)
}

func nobodysAccount(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	c.Path = strings.ReplaceAll(c.Path, d.SubjectID, strings.Repeat("0", 24))

	return c
}

func nobodysGroup(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	c.Path = strings.ReplaceAll(o.Path, "{group}", "Nobody")

	return c
}

func outdated(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).With("If-Match", `"99999"`)
}

// onTheLast takes the last administrator away, who asks for it.
func onTheLast(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	if o.OperationID == "setAccountStatus" {
		c = changed(d, o, map[string]any{"status": "disabled"})
	}

	id := d.AccountID(tb, world.Administrator)
	c.Path = strings.ReplaceAll(c.Path, d.SubjectID, id)

	return c.With("If-Match", fmt.Sprintf(`"%d"`, d.VersionOf("account", "id", id)))
}

// ofTheLast takes the right from the only group that has it.
func ofTheLast(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	c.Path = strings.ReplaceAll(o.Path, "{group}", world.GroupAdmin)

	return c.With("If-Match", fmt.Sprintf(`"%d"`, d.VersionOf("member_group", "name", world.GroupAdmin)))
}

func sameGroup(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return changed(d, o, map[string]any{"name": world.GroupAdmin})
}

func usedGroup(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	c.Path = strings.ReplaceAll(o.Path, "{group}", world.GroupAdmin)

	return c.With("If-Match", fmt.Sprintf(`"%d"`, d.VersionOf("member_group", "name", world.GroupAdmin)))
}

// anotherPersonsSession is one that the account has for this one call to end.
func anotherPersonsSession(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	tokens := d.SignIn(tb, "subject@konec.com.au")

	list, err := d.Client.ListSessionsWithResponse(tb.Context(), apptest.Bearer(tokens.AccessToken))
	if err != nil || list.JSON200 == nil {
		tb.Fatalf("list sessions: %v %s", err, list.Body)
	}

	c := d.Call(o)

	for _, one := range list.JSON200.Sessions {
		if one.Current {
			c.Path = strings.ReplaceAll(c.Path, strings.Repeat("A", 22), one.ID)
		}
	}

	return c
}

func ownersAddress(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return changed(d, o, map[string]any{"email": world.Owner})
}

func codeElsewhere(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return changed(d, o, map[string]any{"email": "somebody@example.com", "purpose": "registration"})
}

func nobodysWebhook(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	c.Path = strings.NewReplacer("{webhookId}", strings.Repeat("0", 22), "{eventId}", "1").Replace(o.Path)

	return c
}

func disabledWebhook(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	c.Path = strings.NewReplacer("{webhookId}", world.StandingWebhook(d.Env, "disabled", false), "{eventId}", "1").Replace(o.Path)

	return c
}

func manyWebhooks(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	for i := range webhook.Most {
		world.StandingWebhook(d.Env, fmt.Sprintf("created %d", i), true)
	}

	return c
}

func noEvent(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	c.Path = strings.NewReplacer("{webhookId}", world.StandingWebhook(d.Env, "spare", true), "{eventId}", "999999999").Replace(o.Path)

	return c
}
