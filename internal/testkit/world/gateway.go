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

// Gateway is a gateway with a signed-in owner, a visitor and an administrator. It builds a valid call of every operation.
type Gateway struct {
	*apptest.Env

	OwnerTokens  client.Tokens
	OwnerBrowser *apptest.Browser // signed in as the owner
	Visitor      *apptest.Browser // not signed in
	AdminTokens  client.Tokens    // of the administrator
	SubjectID    string           // the account that calls of administrators are about
	Sequence     atomic.Int64     // numbers for values that must be unique
}

// The accounts of every Gateway, and the group of administrators.
const (
	Owner         = "owner@konec.com.au"
	Administrator = "administrator@konec.com.au"
	GroupAdmin    = "Admin"
)

// NewGateway starts a gateway. Lark is configured but unreachable.
func NewGateway(tb testing.TB, change ...func(*apptest.Settings)) *Gateway {
	tb.Helper()

	return GatewayOn(tb, apptest.New(tb, append([]func(*apptest.Settings){WithLark(UnreachableLark), withOutdatedApp}, change...)...))
}

// GatewayOn creates the accounts of a Gateway on a gateway that runs already.
func GatewayOn(tb testing.TB, env *apptest.Env) *Gateway {
	tb.Helper()
	env.Account(tb, Owner)

	g := &Gateway{Env: env, OwnerTokens: env.SignIn(tb, Owner), OwnerBrowser: env.SignedIn(tb, Owner), Visitor: env.Browser(tb)}
	g.Visitor.Load(tb)

	env.Account(tb, Administrator)

	if err := env.SetGroup(tb.Context(), Administrator, GroupAdmin); err != nil {
		tb.Fatal(err)
	}

	g.AdminTokens = env.SignIn(tb, Administrator)
	g.SubjectID = env.Account(tb, "subject@konec.com.au").ID

	return g
}

// KeepSignedIn signs the owner in again if a call has ended a session, or deleted the account. It signs in only then, because
// each sign-in costs a password hash.
func (g *Gateway) KeepSignedIn(tb testing.TB) {
	tb.Helper()

	if status, _ := g.Me(tb, g.OwnerTokens.AccessToken); status != http.StatusOK {
		g.Exec(tb, "UPDATE account SET status = 'active', deleted_at = NULL WHERE email = $1 AND status = 'deleted'", Owner)

		g.OwnerTokens = g.SignIn(tb, Owner)
	}

	if got := (Call{Method: http.MethodGet, Path: "/user"}).FromBrowser(g.OwnerBrowser).To(tb, g.Server); got.Status != http.StatusOK {
		g.OwnerBrowser = g.SignedIn(tb, Owner)
	}
}

// Values returns a valid body for the operation, or nil if it has none. Codes in it have the right form but the wrong value.
func (g *Gateway) Values(o Operation) map[string]any {
	if o.RequestBody == nil {
		return nil
	}

	address := fmt.Sprintf("person.%d@konec.com.au", g.Sequence.Add(1))

	switch o.OperationID {
	case "login", "signIn":
		return map[string]any{"email": Owner, "password": apptest.Password}
	case "refresh":
		return map[string]any{"refresh_token": g.OwnerTokens.RefreshToken}
	case "sendRegistrationCode", "sendForgottenPasswordCode", "sendMyEmailCode", "sendLoginMail", "sendSignInMail":
		return map[string]any{"email": address}
	case "register":
		return map[string]any{"username": "New User", "email": address, "password": apptest.Password, "verificationCode": "000000"}
	case "renewSession":
		return map[string]any{"code": strings.Repeat("A", 44)}
	case "sendLoginSMS", "sendMyPhoneCode":
		return map[string]any{"phone": g.NewPhone()}
	case "changeMyEmail":
		return map[string]any{"email": address, "code": "000000"}
	case "signInWithCode", "loginWithSMS", "bindPhone", "bindMyPhone":
		return map[string]any{"phone": FreePhone, "code": "000000"}
	case "setLanguage":
		return map[string]any{"language": "zh"}
	case "loginWithLark", "bindMyLark":
		return map[string]any{"code": SealedGrant(g.Env, "ou_unknown"), "code_verifier": GrantVerifier}
	case "labelSession", "labelDevice", "labelUserSession", "labelUserDevice":
		return map[string]any{"label": "Study"}
	case "loginWithMail", "signInWithMail":
		return map[string]any{"email": address, "code": "000000"}
	case "signInWithTOTP", "loginWithTOTP":
		return map[string]any{"email": Owner, "code": "000000"}
	case "changeMe":
		return map[string]any{"username": "Another Name", "avatar": 7, "picture": "pictures/1.png", "language": "zh"}
	case "changeUser":
		return map[string]any{"key": "Name", "name": "Another Name"}
	case "bindMyTOTP":
		return map[string]any{"codes": []string{"000000", "000000"}}
	case "bindTOTP":
		return map[string]any{"tss": []string{"000000", "000000"}}
	case "changePassword", "changeMyPassword":
		return map[string]any{"old": "not " + apptest.Password, "password": NewPassword}
	case "resetPassword", "resetForgottenPassword":
		return map[string]any{"email": Owner, "code": "000000", "password": NewPassword}
	case "createFirstAdministrator":
		return map[string]any{
			"token": strings.Repeat("A", 44), "email": address, "name": "New Person", "password": apptest.Password, "repeat": apptest.Password,
		}
	case "reauthenticate", "reauthenticateBrowser":
		return map[string]any{"password": "not " + apptest.Password}
	case "setSecondFactor", "setMySecondFactor":
		return map[string]any{"enabled": false}
	case "signInWithLark":
		return map[string]any{"totp": "000000"}
	case "confirmEmail":
		return map[string]any{"token": g.LinkToken()}
	case "resetWithLink":
		return map[string]any{"token": strings.Repeat("A", 44), "password": NewPassword, "repeat": NewPassword}
	case "registerWithLink":
		return map[string]any{"token": strings.Repeat("A", 44), "name": "New Person", "password": NewPassword, "repeat": NewPassword}
	}

	if o.IsAdmin() {
		return g.adminValues(o)
	}

	panic("no body for the operation " + o.OperationID + ": add it to the list above, in gateway.go")
}

// LinkToken returns the token of an email link that the gateway accepts as its own. Its session does not exist.
func (g *Gateway) LinkToken() string {
	keys, err := keyring.Parse(g.Config.MasterKey)
	if err != nil {
		panic(err)
	}

	plain := strings.Repeat("A", 22) + " user@konec.com.au " + strings.Repeat("A", 22)

	return base64.RawURLEncoding.EncodeToString(keys.Seal([]byte(plain), "profile", "email link"))
}

// ValuesWith returns a body that contains the field, even an optional one, and no field that excludes it.
func (g *Gateway) ValuesWith(o Operation, field string) map[string]any {
	values := g.Values(o)

	switch {
	case o.OperationID == "changeUser" && (field == "email" || field == "code"):
		values = map[string]any{"key": "email", "email": fmt.Sprintf("person.%d@konec.com.au", g.Sequence.Add(1))}
	case o.OperationID == "changeUser" && field == "avatar":
		values = map[string]any{"key": "avatar"}
	case o.OperationID == "replayWebhook" && field == "cursor":
		values[field] = base64.RawURLEncoding.EncodeToString([]byte(`{"a":"2026-01-01T00:00:00Z","i":1}`))
	}

	if _, there := values[field]; !there {
		// The documented forms of a second factor, a code, a picture and a URL all accept this.
		values[field] = "123456"
	}

	return values
}

// Query returns a valid query string for the operation.
func (g *Gateway) Query(o Operation) string {
	switch o.OperationID {
	case "sendResetCode":
		return url.Values{"email": {fmt.Sprintf("person.%d@konec.com.au", g.Sequence.Add(1))}}.Encode()
	case "sendSignInCode", "sendPhoneCode":
		return url.Values{"phone": {g.NewPhone()}}.Encode()
	case "getOptions":
		return "type=generate-secret"
	case "authorizeLark":
		return url.Values{"state": {`{"action":"bind","locale":"zh-Hans"}`}}.Encode()
	case "authorizeLarkForApp":
		return AuthorizeAppQuery(AppRedirect, "any")
	case "returnFromLark":
		return url.Values{"state": {"not ours"}, "code": {"any"}}.Encode()
	}

	return ""
}

// FreePhone is a phone number that no account has bound.
const FreePhone = "+8613800138000"

// FreeAddress returns an address that no account has and no test has used.
func (g *Gateway) FreeAddress() string {
	return fmt.Sprintf("person.%d@konec.com.au", g.Sequence.Add(1))
}

// NewPhone returns a phone number that no account has bound and no test has used.
func (g *Gateway) NewPhone() string { return fmt.Sprintf("+86139%08d", g.Sequence.Add(1)) }

// Call returns a valid call of the operation, with the credential that it requires.
func (g *Gateway) Call(o Operation) Call {
	c := Call{Method: o.Method, Path: strings.NewReplacer("{id}", strings.Repeat("A", 22), "{key}", "phone", "{factor}", "phone").Replace(o.Path), Query: g.Query(o)}

	if o.RequiresScheme("bearer") {
		c = c.With("Authorization", "Bearer "+g.OwnerTokens.AccessToken)
	}

	if o.IsPublic() {
		c = c.FromBrowser(g.OwnerBrowser)
	}

	if o.IsAdmin() {
		c = g.AdminCall(o, c.With("Authorization", "Bearer "+g.AdminTokens.AccessToken))
	}

	if o.OperationID == "signIn" {
		c = c.FromBrowser(g.Visitor) // the owner's browser would lose the session that other calls need
	}

	if o.RequestBody != nil {
		c = c.With("Content-Type", o.Media())
		c.Body = o.Encode(g.Values(o))
	}

	return c
}

// RegistrationCode requests a registration code and returns the one that the mail holds.
func (g *Gateway) RegistrationCode(tb testing.TB, address string) string {
	tb.Helper()

	sent, err := g.Client.SendRegistrationCodeWithResponse(tb.Context(), client.SendCodeRequest{Email: address})
	if err != nil || sent.JSON200 == nil {
		tb.Fatalf("send code to %s: %v %s", address, err, sent.Body)
	}

	return g.Mail(tb, address, 0).Code
}
