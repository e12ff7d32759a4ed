package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
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

func administering(operation, status string, k duty, success ...func(testing.TB, *desk, operation) call) []scenario {
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

func withoutRight(_ testing.TB, d *desk, o operation) call {
	return d.call(o).with("Authorization", "Bearer "+d.tokens.AccessToken)
}

// byCookie is an administrator's browser without the XSRF header.
func byCookie(tb testing.TB, d *desk, o operation) call {
	return d.call(o).without("Authorization").from(d.SignedIn(tb, administrator)).without("X-XSRF-TOKEN")
}

func byCookieFromElsewhere(tb testing.TB, d *desk, o operation) call {
	return d.call(o).without("Authorization").from(d.SignedIn(tb, administrator)).with("Sec-Fetch-Site", "cross-site")
}

// usedKey comes with a key that another request has used.
func usedKey(tb testing.TB, d *desk, o operation) call {
	key := fmt.Sprintf("used-key-%d", d.fresh.Add(1))

	first := d.call(operationNamed("createGroup"))
	if o.OperationID == "createGroup" {
		first = d.call(operationNamed("setAccountStatus"))
	}

	first.with("Idempotency-Key", key).to(tb, d.Server)

	return d.call(o).with("Idempotency-Key", key)
}

func operationNamed(id string) operation {
	all := operations()

	return all[slices.IndexFunc(all, func(o operation) bool { return o.OperationID == id })]
}

func nobodysAccount(_ testing.TB, d *desk, o operation) call {
	c := d.call(o)
	c.path = strings.ReplaceAll(c.path, d.subject, strings.Repeat("0", 24))

	return c
}

func nobodysGroup(_ testing.TB, d *desk, o operation) call {
	c := d.call(o)
	c.path = strings.ReplaceAll(o.path, "{group}", "Nobody")

	return c
}

func outdated(_ testing.TB, d *desk, o operation) call { return d.call(o).with("If-Match", `"99999"`) }

// onTheLast takes the last administrator away, who asks for it.
func onTheLast(tb testing.TB, d *desk, o operation) call {
	c := d.call(o)
	if o.OperationID == "setAccountStatus" {
		c = d.changed(o, map[string]any{"status": "disabled"})
	}

	id := d.idOf(tb, administrator)
	c.path = strings.ReplaceAll(c.path, d.subject, id)

	return c.with("If-Match", fmt.Sprintf(`"%d"`, d.versionOf("account", "id", id)))
}

// ofTheLast takes the right from the only group that has it.
func ofTheLast(_ testing.TB, d *desk, o operation) call {
	c := d.call(o)
	c.path = strings.ReplaceAll(o.path, "{group}", groupAdmin)

	return c.with("If-Match", fmt.Sprintf(`"%d"`, d.versionOf("member_group", "name", groupAdmin)))
}

func sameGroup(_ testing.TB, d *desk, o operation) call {
	return d.changed(o, map[string]any{"name": groupAdmin})
}

func usedGroup(_ testing.TB, d *desk, o operation) call {
	c := d.call(o)
	c.path = strings.ReplaceAll(o.path, "{group}", groupAdmin)

	return c.with("If-Match", fmt.Sprintf(`"%d"`, d.versionOf("member_group", "name", groupAdmin)))
}

// anotherPersonsSession is one that the account has for this one call to end.
func anotherPersonsSession(tb testing.TB, d *desk, o operation) call {
	tokens := d.SignIn(tb, "subject@konec.com.au")

	list, err := d.Client.ListSessionsWithResponse(tb.Context(), apptest.Bearer(tokens.AccessToken))
	if err != nil || list.JSON200 == nil {
		tb.Fatalf("list sessions: %v %s", err, list.Body)
	}

	c := d.call(o)

	for _, one := range list.JSON200.Sessions {
		if one.Current {
			c.path = strings.ReplaceAll(c.path, strings.Repeat("A", 22), one.ID)
		}
	}

	return c
}

func ownersAddress(_ testing.TB, d *desk, o operation) call {
	return d.changed(o, map[string]any{"email": owner})
}

func codeElsewhere(_ testing.TB, d *desk, o operation) call {
	return d.changed(o, map[string]any{"email": "somebody@example.com", "purpose": "registration"})
}

func nobodysWebhook(_ testing.TB, d *desk, o operation) call {
	c := d.call(o)
	c.path = strings.NewReplacer("{webhookId}", strings.Repeat("0", 22), "{eventId}", "1").Replace(o.path)

	return c
}

func disabledWebhook(_ testing.TB, d *desk, o operation) call {
	c := d.call(o)
	c.path = strings.NewReplacer("{webhookId}", standingWebhook(d.Env, "disabled", false), "{eventId}", "1").Replace(o.path)

	return c
}

func manyWebhooks(_ testing.TB, d *desk, o operation) call {
	c := d.call(o)
	for i := range webhook.Most {
		standingWebhook(d.Env, fmt.Sprintf("created %d", i), true)
	}

	return c
}

func noEvent(_ testing.TB, d *desk, o operation) call {
	c := d.call(o)
	c.path = strings.NewReplacer("{webhookId}", standingWebhook(d.Env, "spare", true), "{eventId}", "999999999").Replace(o.path)

	return c
}
