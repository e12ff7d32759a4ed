package world

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

const GroupAdmin = "Admin"

// Gateway is a gateway with somebody signed in, from which every operation can be called.
type Gateway struct {
	*apptest.Env

	OwnerTokens  client.Tokens
	OwnerBrowser *apptest.Browser // the owner has signed in
	Visitor      *apptest.Browser // nobody has
	AdminTokens  client.Tokens    // of an administrator
	SubjectID    string           // the id of whom the administrator looks after
	Fresh        atomic.Int64
}

const (
	Owner         = "owner@konec.com.au"
	Administrator = "administrator@konec.com.au"
)

func NewGateway(tb testing.TB, change ...func(*apptest.Settings)) *Gateway {
	tb.Helper()

	return GatewayOn(tb, apptest.New(tb, append([]func(*apptest.Settings){WithLark(UnreachableLark)}, change...)...))
}

func GatewayOn(tb testing.TB, env *apptest.Env) *Gateway {
	tb.Helper()
	env.Account(tb, Owner)

	d := &Gateway{Env: env, OwnerTokens: env.SignIn(tb, Owner), OwnerBrowser: env.SignedIn(tb, Owner), Visitor: env.Browser(tb)}
	d.Visitor.Load(tb)

	env.Account(tb, Administrator)

	if err := env.SetGroup(tb.Context(), Administrator, GroupAdmin); err != nil {
		tb.Fatal(err)
	}

	d.AdminTokens = env.SignIn(tb, Administrator)
	d.SubjectID = env.Account(tb, "subject@konec.com.au").ID

	return d
}

// KeepSignedIn signs the owner in again where a call has ended a session: each sign-in costs a hash.
func (d *Gateway) KeepSignedIn(tb testing.TB) {
	tb.Helper()

	if status, _ := d.Me(tb, d.OwnerTokens.AccessToken); status != http.StatusOK {
		d.OwnerTokens = d.SignIn(tb, Owner)
	}

	if got := (Call{Method: http.MethodGet, Path: "/user"}).FromBrowser(d.OwnerBrowser).To(tb, d.Server); got.Status != http.StatusOK {
		d.OwnerBrowser = d.SignedIn(tb, Owner)
	}
}

// Values are a body for the operation that lacks nothing but, to register, the code of the mail.
func (d *Gateway) Values(o Operation) map[string]any {
	if o.RequestBody == nil {
		return nil
	}

	address := fmt.Sprintf("person.%d@konec.com.au", d.Fresh.Add(1))

	switch o.OperationID {
	case "login", "signIn":
		return map[string]any{"email": Owner, "password": apptest.Password}
	case "refresh":
		return map[string]any{"refresh_token": d.OwnerTokens.RefreshToken}
	case "sendRegistrationCode":
		return map[string]any{"email": address}
	case "register":
		return map[string]any{"username": "New User", "email": address, "password": apptest.Password, "verificationCode": "000000"}
	case "renewSession":
		return map[string]any{"code": strings.Repeat("A", 44)}
	case "signInWithCode", "bindPhone":
		return map[string]any{"phone": FreePhone, "code": "000000"}
	case "signInWithTOTP":
		return map[string]any{"email": Owner, "code": "000000"}
	case "changeUser":
		return map[string]any{"key": "Name", "name": "Another Name"}
	case "bindTOTP":
		return map[string]any{"tss": []string{"000000", "000000"}}
	case "changePassword":
		return map[string]any{"old": "not " + apptest.Password, "password": "another horse, another staple"}
	case "resetPassword":
		return map[string]any{"email": Owner, "code": "000000", "password": "another horse, another staple"}
	case "createFirstAdministrator":
		return map[string]any{
			"token": strings.Repeat("A", 44), "email": address, "name": "New Person", "password": apptest.Password, "repeat": apptest.Password,
		}
	case "confirmEmail":
		return map[string]any{"token": d.LinkToken()}
	}

	if o.IsAdmin() {
		return d.adminValues(o)
	}

	panic("no values for the operation " + o.OperationID + ": add its body to the list above, in gateway.go")
}

// LinkToken is one that the gateway takes for its own, of a session that nobody knows.
func (d *Gateway) LinkToken() string {
	keys, err := keyring.Parse(d.Config.MasterKey)
	if err != nil {
		panic(err)
	}

	plain := strings.Repeat("A", 22) + " somebody@konec.com.au " + strings.Repeat("A", 22)

	return base64.RawURLEncoding.EncodeToString(keys.Seal([]byte(plain), "profile", "email link"))
}

// ValuesWith are a body from which the operation reads the field: an optional one is there, and what must
// not stand beside it is not.
func (d *Gateway) ValuesWith(o Operation, field string) map[string]any {
	values := d.Values(o)

	switch {
	case o.OperationID == "changeUser" && (field == "email" || field == "code"):
		values = map[string]any{"key": "email", "email": fmt.Sprintf("person.%d@konec.com.au", d.Fresh.Add(1))}
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

// Query is what the operation needs in its query string.
func (d *Gateway) Query(o Operation) string {
	switch o.OperationID {
	case "sendResetCode":
		return url.Values{"email": {fmt.Sprintf("person.%d@konec.com.au", d.Fresh.Add(1))}}.Encode()
	case "sendSignInCode", "sendPhoneCode":
		return url.Values{"phone": {d.NewPhone()}}.Encode()
	case "getOptions":
		return "type=generate-secret"
	case "authorizeLark":
		return url.Values{"state": {`{"action":"bind","locale":"zh-Hans"}`}}.Encode()
	case "returnFromLark":
		return url.Values{"state": {"not ours"}, "code": {"any"}}.Encode()
	}

	return ""
}

// FreePhone is one that nobody has bound.
const FreePhone = "+8613800138000"

// NewPhone is a fresh one.
func (d *Gateway) NewPhone() string { return fmt.Sprintf("+86139%08d", d.Fresh.Add(1)) }

// Call is a good call of the operation.
func (d *Gateway) Call(o Operation) Call {
	c := Call{Method: o.Method, Path: strings.NewReplacer("{id}", strings.Repeat("A", 22), "{key}", "phone").Replace(o.Path), Query: d.Query(o)}

	if o.RequiresScheme("bearer") {
		c = c.With("Authorization", "Bearer "+d.OwnerTokens.AccessToken)
	}

	if o.IsPublic() {
		c = c.FromBrowser(d.OwnerBrowser)
	}

	if o.IsAdmin() {
		c = d.AdminCall(o, c.With("Authorization", "Bearer "+d.AdminTokens.AccessToken))
	}

	if o.OperationID == "signIn" {
		c = c.FromBrowser(d.Visitor) // or it would end the session that the others need
	}

	if o.RequestBody != nil {
		c = c.With("Content-Type", o.Media())
		c.Body = o.Encode(d.Values(o))
	}

	return c
}

// RegistrationCode asks for a registration code, and reads it in the mail.
func (d *Gateway) RegistrationCode(tb testing.TB, address string) string {
	tb.Helper()

	sent, err := d.Client.SendRegistrationCodeWithResponse(tb.Context(), client.SendCodeRequest{Email: address})
	if err != nil || sent.JSON200 == nil {
		tb.Fatalf("send code to %s: %v %s", address, err, sent.Body)
	}

	return d.Mail(tb, address, 0).Code
}
