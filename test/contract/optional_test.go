package contract_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/geotest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// optionalCalls makes the calls that no other test of this package makes: those with a parameter or member that may be left
// out, and those whose response has a member that is there only sometimes.
type optionalCalls struct {
	*world.Gateway

	seeder             *world.Seeder
	admin, user, other *world.Member
}

// CON-D1, A1 row 21: every parameter and member of the document that may be left out is accepted, and every one of a response
// is sent when there is something to send. main_test.go looks for those that no test had.
func TestOptionalMembersAreUsed(t *testing.T) {
	t.Parallel()

	file := filepath.Join(t.TempDir(), "places.mmdb")
	geotest.Replace(t, file, geotest.File(t, geotest.Some()...))

	g := world.NewGateway(t, world.WithoutWaits, func(c *apptest.Settings) { c.GeoFile = file })
	g.Clock.Stop()

	s := world.NewSeeder(t, g.Env)
	members := s.Members(t, 2, account.GroupNone)
	o := optionalCalls{g, s, s.Members(t, 1, world.GroupAdmin)[0], members[0], members[1]}

	o.repeatable(t)
	o.optionalInput(t)
	o.rareOutput(t)
}

// send makes a call as a member of the operation's surface, which must succeed.
func (o optionalCalls) send(t *testing.T, from *world.Member, c world.Call) world.Reply {
	t.Helper()

	got := world.WithSession(o.seeder, c, from, nil).With("Authorization", "Bearer "+from.AccessToken).To(t, o.Server)
	if got.Status >= http.StatusBadRequest {
		t.Errorf("%s %s?%s %s: %s", c.Method, c.Path, c.Query, c.Body, got)
	}

	return got
}

func (o optionalCalls) post(t *testing.T, from *world.Member, id string, body map[string]any) world.Reply {
	t.Helper()

	c := world.OperationOf(t, id).Call("", body)
	c.Path = strings.NewReplacer("{accountId}", o.user.ID, "{webhookId}", world.EnsureWebhook(o.Env, "spare", true)).Replace(c.Path)

	if world.OperationOf(t, id).Needs("If-Match") {
		c = c.With("If-Match", fmt.Sprintf(`"%d"`, o.VersionOf("account", "id", o.user.ID)))
	}

	return o.send(t, from, c)
}

// repeatable calls each operation that takes an Idempotency-Key twice with the same key. The second time nothing happens,
// and the response is the same.
func (o optionalCalls) repeatable(t *testing.T) {
	t.Helper()

	for _, one := range world.Operations() {
		if !one.Needs("Idempotency-Key") {
			continue
		}

		c := o.Call(one).With("Idempotency-Key", "optional-"+one.OperationID)
		first, second := c.To(t, o.Server), c.To(t, o.Server)

		if first.Status >= http.StatusBadRequest || first.Status != second.Status || string(first.Body) != string(second.Body) {
			t.Errorf("%s with an Idempotency-Key: %s, and again: %s", one.OperationID, first, second)
		}
	}
}

// CON-D9: as the introduction says, the operations that do not list Idempotency-Key or If-Match ignore them, in any form.
func TestUnlistedHeadersAreIgnored(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.WithoutWaits)
	tried := 0

	for _, id := range []string{"endAccountSessions", "unlockAccount", "sendCode", "liftLimit", "listAccounts", "getMe", "load"} {
		o := world.OperationOf(t, id)
		if o.Needs("Idempotency-Key") || o.Needs("If-Match") {
			continue
		}

		tried++

		if got := g.Call(o).With("Idempotency-Key", "no key").With("If-Match", `"99", nonsense`).To(t, g.Server); got.Status >= http.StatusBadRequest {
			t.Errorf("%s: %s", id, got)
		}
	}

	if tried < 5 {
		t.Errorf("only %d operations tried", tried)
	}
}

// optionalInput sends what may be left out.
func (o optionalCalls) optionalInput(t *testing.T) {
	t.Helper()

	signIn := world.OperationOf(t, "login").Call("", map[string]any{"email": o.other.Email, "password": apptest.Password}).With("X-Device-Token", o.other.Device)
	o.send(t, o.other, signIn)
	o.send(t, o.user, world.OperationOf(t, "listDevices").Call("", nil).With("X-Device-Token", o.user.Device))

	address := o.seeder.NewAddress()
	o.post(t, o.user, "changeUser", map[string]any{"key": "Email", "email": address, "code": o.seeder.IssueCode(t, code.Email, o.user.ID+" "+address)})

	for _, id := range []string{"login", "signIn", "signInWithCode", "reauthenticate"} {
		o.withSecondFactor(t, id)
	}

	o.post(t, o.admin, "createAccount", map[string]any{
		"email": o.seeder.NewAddress(), "name": "New User", "memberGroup": "Member", "invite": true, "language": "en",
	})
	o.post(t, o.admin, "sendCode", map[string]any{"email": o.seeder.NewAddress(), "purpose": "reset", "language": "zh"})
	o.post(t, o.admin, "createGroup", map[string]any{
		"name": "Optional", "description": "All members", "rights": []string{"accounts.read"}, "requiresTotp": true,
	})
	o.post(t, o.admin, "setAccountGroup", map[string]any{"memberGroup": "Member", "reason": "本人申请"})
	o.post(t, o.admin, "setAccountStatus", map[string]any{"status": "active", "reason": "本人申请"})
	o.post(t, o.admin, "createWebhook", map[string]any{
		"url": world.UnreachableWebhook, "description": "optional", "actions": []string{"nothing.happens"}, "enabled": false,
	})

	position := base64.RawURLEncoding.EncodeToString([]byte(`{"a":"2026-01-01T00:00:00Z","i":1}`))
	o.post(t, o.admin, "replayWebhook", map[string]any{"from": "2026-01-01T00:00:00.000Z", "cursor": position})
}

// withSecondFactor signs in with a code of an authenticator app beside the first factor.
func (o optionalCalls) withSecondFactor(t *testing.T, id string) {
	t.Helper()

	one := o.seeder.Members(t, 1, account.GroupNone)[0]
	totp := o.seeder.BindAuthenticator(t, one)
	o.seeder.Update(t, "UPDATE account SET second_factor_since = now() WHERE id = $1", one.ID)

	body := map[string]any{"totp": totp, "password": apptest.Password}

	switch id {
	case "signInWithCode":
		phone := o.seeder.BindPhone(t, one)
		body = map[string]any{"totp": totp, "phone": phone, "code": o.seeder.IssueCode(t, code.SignIn, phone)}
	case "login", "signIn":
		body["email"] = one.Email
	}

	c := world.OperationOf(t, id).Call("", body)

	if id == "reauthenticate" {
		c = c.With("Authorization", "Bearer "+one.AccessToken)
	} else {
		c = world.WithoutSession(o.seeder, c, one, nil)
	}

	if got := c.To(t, o.Server); got.Status >= http.StatusBadRequest {
		t.Errorf("%s with a second factor: %s", id, got)
	}
}

// rareOutput makes the gateway send what it sends only sometimes.
func (o optionalCalls) rareOutput(t *testing.T) {
	t.Helper()

	o.seeder.Update(t, "INSERT INTO identity (provider, subject, account_id, profile, bound_at) VALUES ('lark', 'ou_optional', $1, $2, now())", o.user.ID,
		`{"open_id":"ou_optional","name":"张三","en_name":"Zhang San","avatar_url":"https://lark.test/a.png"}`)
	o.seeder.Update(t, "UPDATE session SET address = '203.0.113.7' WHERE account_id = $1", o.user.ID)
	o.seeder.DelayPassword(t, o.user)
	o.seeder.Update(t, "UPDATE failure SET ends_at = blocked_until + interval '1 day' WHERE person = $1", o.user.ID)

	for _, one := range []struct {
		from       *world.Member
		id, member string
	}{
		{o.user, "getUser", `"en_name"`},
		{o.user, "listSessions", `"city"`},
		{o.admin, "getTimeline", `"until"`},
		{o.admin, "listLimits", `"failures in a row"`},
	} {
		if got := o.post(t, one.from, one.id, nil); !strings.Contains(string(got.Body), one.member) {
			t.Errorf("%s: no %s in %s", one.id, one.member, got)
		}
	}

	stale := []any{map[string]any{"id": o.other.ID, "version": 99}}
	if got := o.post(t, o.admin, "assignGroup", map[string]any{"memberGroup": "Member", "accounts": stale}); !strings.Contains(string(got.Body), "VERSION_CONFLICT") {
		t.Errorf("assignGroup with a stale version: %s", got)
	}
}
