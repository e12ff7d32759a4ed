package app_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// desk is a gateway with somebody signed in, from which every operation can be called.
type desk struct {
	*apptest.Env

	tokens  client.Tokens
	browser *apptest.Browser // the owner has signed in
	visitor *apptest.Browser // nobody has
	office  client.Tokens    // of an administrator
	subject string           // the id of whom the administrator looks after
	fresh   atomic.Int64
}

const (
	owner         = "owner@konec.com.au"
	administrator = "administrator@konec.com.au"
)

func newDesk(tb testing.TB, change ...func(*config.Config)) *desk {
	tb.Helper()

	return deskOn(tb, apptest.New(tb, append([]func(*config.Config){larkAt(nowhere)}, change...)...))
}

func deskOn(tb testing.TB, env *apptest.Env) *desk {
	tb.Helper()
	env.Account(tb, owner)

	d := &desk{Env: env, tokens: env.SignIn(tb, owner), browser: env.SignedIn(tb, owner), visitor: env.Browser(tb)}
	d.visitor.Load(tb)

	env.Account(tb, administrator)

	if err := env.SetGroup(tb.Context(), administrator, groupAdmin); err != nil {
		tb.Fatal(err)
	}

	d.office = env.SignIn(tb, administrator)
	d.subject = env.Account(tb, "subject@konec.com.au").ID

	return d
}

// staySignedIn signs the owner in again where a call has ended a session: each sign-in costs a hash.
func (d *desk) staySignedIn(tb testing.TB) {
	tb.Helper()

	if status, _ := d.Me(tb, d.tokens.AccessToken); status != http.StatusOK {
		d.tokens = d.SignIn(tb, owner)
	}

	if got := (call{method: http.MethodGet, path: "/user"}).from(d.browser).to(tb, d.Server); got.status != http.StatusOK {
		d.browser = d.SignedIn(tb, owner)
	}
}

// values are a body for the operation that lacks nothing but, to register, the code of the mail.
func (d *desk) values(o operation) map[string]any {
	if o.RequestBody == nil {
		return nil
	}

	address := fmt.Sprintf("person.%d@konec.com.au", d.fresh.Add(1))

	switch o.OperationID {
	case "login", "signIn":
		return map[string]any{"email": owner, "password": apptest.Password}
	case "refresh":
		return map[string]any{"refresh_token": d.tokens.RefreshToken}
	case "sendRegistrationCode":
		return map[string]any{"email": address}
	case "register":
		return map[string]any{"username": "New User", "email": address, "password": apptest.Password, "verificationCode": "000000"}
	case "renewSession":
		return map[string]any{"code": strings.Repeat("A", 44)}
	case "signInWithCode", "bindPhone":
		return map[string]any{"phone": somePhone, "code": "000000"}
	case "signInWithTOTP":
		return map[string]any{"email": owner, "code": "000000"}
	case "changeUser":
		return map[string]any{"key": "Name", "name": "Another Name"}
	case "bindTOTP":
		return map[string]any{"tss": []string{"000000", "000000"}}
	case "changePassword":
		return map[string]any{"old": "not " + apptest.Password, "password": "another horse, another staple"}
	case "resetPassword":
		return map[string]any{"email": owner, "code": "000000", "password": "another horse, another staple"}
	case "createFirstAdministrator":
		return map[string]any{
			"token": strings.Repeat("A", 44), "email": address, "name": "New Person", "password": apptest.Password, "repeat": apptest.Password,
		}
	case "confirmEmail":
		return map[string]any{"token": d.linkToken()}
	}

	if o.admin() {
		return d.administered(o)
	}

	panic("no values for the operation " + o.OperationID + ": add its body to the list above, in desk_test.go")
}

// linkToken is one that the gateway takes for its own, of a session that nobody knows.
func (d *desk) linkToken() string {
	keys, err := keyring.Parse(d.Config.MasterKey)
	if err != nil {
		panic(err)
	}

	plain := strings.Repeat("A", 22) + " somebody@konec.com.au " + strings.Repeat("A", 22)

	return base64.RawURLEncoding.EncodeToString(keys.Seal([]byte(plain), "profile", "email link"))
}

// valuesWith are a body from which the operation reads the field: an optional one is there, and what must
// not stand beside it is not.
func (d *desk) valuesWith(o operation, field string) map[string]any {
	values := d.values(o)

	switch {
	case o.OperationID == "changeUser" && (field == "email" || field == "code"):
		values = map[string]any{"key": "email", "email": fmt.Sprintf("person.%d@konec.com.au", d.fresh.Add(1))}
	case o.OperationID == "changeUser" && field == "avatar":
		values = map[string]any{"key": "avatar"}
	case o.OperationID == "replayWebhook" && field == "cursor":
		values[field] = base64.RawURLEncoding.EncodeToString([]byte(`{"a":"2026-01-01T00:00:00Z","i":1}`))
	}

	if _, there := values[field]; !there {
		// The documented form of the second factor, of a code, of a picture and of a URL alike.
		values[field] = "123456"
	}

	return values
}

// query is what the operation needs in its query string.
func (d *desk) query(o operation) string {
	switch o.OperationID {
	case "sendResetCode":
		return url.Values{"email": {fmt.Sprintf("person.%d@konec.com.au", d.fresh.Add(1))}}.Encode()
	case "sendSignInCode", "sendPhoneCode":
		return url.Values{"phone": {d.phone()}}.Encode()
	case "getOptions":
		return "type=generate-secret"
	case "authorizeLark":
		return url.Values{"state": {`{"action":"bind","locale":"zh-Hans"}`}}.Encode()
	case "returnFromLark":
		return url.Values{"state": {"not ours"}, "code": {"any"}}.Encode()
	}

	return ""
}

// somePhone is one that nobody has bound.
const somePhone = "+8613800138000"

// phone is a fresh one.
func (d *desk) phone() string { return fmt.Sprintf("+86139%08d", d.fresh.Add(1)) }

// call is a good call of the operation.
func (d *desk) call(o operation) call {
	c := call{method: o.method, path: strings.NewReplacer("{id}", strings.Repeat("A", 22), "{key}", "phone").Replace(o.path), query: d.query(o)}

	if o.secured("bearer") {
		c = c.with("Authorization", "Bearer "+d.tokens.AccessToken)
	}

	if o.public() {
		c = c.from(d.browser)
	}

	if o.admin() {
		c = d.aimed(o, c.with("Authorization", "Bearer "+d.office.AccessToken))
	}

	if o.OperationID == "signIn" {
		c = c.from(d.visitor) // or it would end the session that the others need
	}

	if o.RequestBody != nil {
		c = c.with("Content-Type", o.media())
		c.body = o.encode(d.values(o))
	}

	return c
}

// code asks for a registration code, and reads it in the mail.
func (d *desk) code(tb testing.TB, address string) string {
	tb.Helper()

	sent, err := d.Client.SendRegistrationCodeWithResponse(tb.Context(), client.SendCodeRequest{Email: address})
	if err != nil || sent.JSON200 == nil {
		tb.Fatalf("send code to %s: %v %s", address, err, sent.Body)
	}

	return d.Mail(tb, address, 0).Code
}
