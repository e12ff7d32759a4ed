package authorization_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// validCall is one valid call of an operation: right for own, and about something that belongs to own, so that only the
// credential decides.
type validCall struct {
	operation string
	object    string // what the call is about, if the operation has several kinds
	// prepare creates everything that the call needs and returns the call without a credential. named is the user in
	// the body of operations that need no session.
	prepare func(t *testing.T, m *world.Matrix, o world.Operation, own, other, named *world.Member) world.Call
	// costly calls compute a password hash if they are let through, so they are made with a few states only. Beside
	// each is a call that is refused before the hash, but after the credential was checked.
	costly bool
	// want is the response to own, and otherWant that to other, if it differs.
	want, otherWant string
	// visitorWant is the response to a visitor, if the operation does not require a session.
	visitorWant string
	// oldSignInWant is the response if own signed in long ago (contract, "sensitive changes").
	oldSignInWant string
}

func withoutBody(_ *testing.T, _ *world.Matrix, o world.Operation, _, _, _ *world.Member) world.Call {
	return o.Call("", nil)
}

func withPathParameter(name string, value func(own, other *world.Member) string) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return func(_ *testing.T, _ *world.Matrix, o world.Operation, own, other, _ *world.Member) world.Call {
		c := o.Call("", nil)
		c.Path = strings.ReplaceAll(c.Path, "{"+name+"}", value(own, other))

		return c
	}
}

// withBody returns a function that builds a call with a body.
func withBody(body func(t *testing.T, m *world.Matrix, own, named *world.Member) map[string]any) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return func(t *testing.T, m *world.Matrix, o world.Operation, own, _, named *world.Member) world.Call {
		t.Helper()

		return o.Call("", body(t, m, own, named))
	}
}

// withQueryString returns a function that builds a call with a query string.
func withQueryString(query func(m *world.Matrix, named *world.Member) url.Values) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return func(_ *testing.T, m *world.Matrix, o world.Operation, _, _, named *world.Member) world.Call {
		return o.Call(query(m, named).Encode(), nil)
	}
}

func optionCall(name string) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return withQueryString(func(*world.Matrix, *world.Member) url.Values { return url.Values{"type": {name}} })
}

// removingFactor returns a function that binds every removable factor and builds the call that removes one.
func removingFactor(key string) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return func(t *testing.T, m *world.Matrix, o world.Operation, own, _, _ *world.Member) world.Call {
		t.Helper()
		m.BindPhone(t, own)
		m.BindAuthenticator(t, own)
		m.BindLark(t, own)

		c := o.Call("", nil)
		c.Path = strings.ReplaceAll(c.Path, "{key}", key)

		return c
	}
}

func ownApp(own, _ *world.Member) string       { return own.AppSession }
func ownBrowserID(own, _ *world.Member) string { return own.BrowserSession }
func ownEnded(own, _ *world.Member) string     { return own.EndedSession }
func otherApp(_, other *world.Member) string   { return other.AppSession }
func otherBrowserID(_, other *world.Member) string {
	return other.BrowserSession
}
func ownDevice(own, _ *world.Member) string     { return own.Device }
func otherDevice(_, other *world.Member) string { return other.Device }
func unknownSession(_, _ *world.Member) string  { return strings.Repeat("A", 22) }

// confirmation is the body that confirms a session, with a code, which costs no hash.
func confirmation(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
	t.Helper()

	if own == nil {
		return map[string]any{"totp": "000000"}
	}

	return map[string]any{"totp": m.BindAuthenticator(t, own)}
}

// validCalls has at least one call of each operation.
var validCalls = []validCall{
	{operation: "login", object: "too early", want: "429 TOO_MANY_REQUESTS", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()
		m.DelayPassword(t, named)

		return map[string]any{"email": named.Email, "password": apptest.Password}
	})},
	{operation: "login", object: "right password", costly: true, want: "200", prepare: withBody(func(_ *testing.T, _ *world.Matrix, _, named *world.Member) map[string]any {
		return map[string]any{"email": named.Email, "password": apptest.Password}
	})},
	{operation: "refresh", want: "200", prepare: withBody(func(_ *testing.T, _ *world.Matrix, _, named *world.Member) map[string]any {
		return map[string]any{"refresh_token": named.RefreshToken}
	})},
	{operation: "logout", want: "204", prepare: withoutBody},
	{operation: "reauthenticate", want: "200", otherWant: world.CodeInvalid, prepare: withBody(confirmation)},
	{operation: "reauthenticateBrowser", want: "204", otherWant: world.CodeInvalid, prepare: withBody(confirmation)},
	{operation: "getMe", want: "200", prepare: withoutBody},
	{operation: "changeMe", want: "200", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"avatar": 7}
	})},
	{operation: "listSessions", want: "200", prepare: withoutBody},
	{operation: "endOtherSessions", want: "204", prepare: withoutBody},
	{operation: "endSession", object: "own, this one", want: "204", otherWant: "404 SESSION_NOT_FOUND", prepare: withPathParameter("id", ownApp)},
	{operation: "endSession", object: "own, the browser's", want: "204", otherWant: "404 SESSION_NOT_FOUND", prepare: withPathParameter("id", ownBrowserID)},
	{operation: "endSession", object: "own, ended", want: "404 SESSION_NOT_FOUND", prepare: withPathParameter("id", ownEnded)},
	{operation: "endSession", object: "another person's", want: "404 SESSION_NOT_FOUND", otherWant: "204", prepare: withPathParameter("id", otherApp)},
	{operation: "endSession", object: "unknown", want: "404 SESSION_NOT_FOUND", prepare: withPathParameter("id", unknownSession)},
	{operation: "listDevices", want: "200", prepare: withoutBody},
	{operation: "endDevice", object: "own", want: "204", otherWant: "404 DEVICE_NOT_FOUND", prepare: withPathParameter("id", ownDevice)},
	{operation: "endDevice", object: "another person's", want: "404 DEVICE_NOT_FOUND", otherWant: "204", prepare: withPathParameter("id", otherDevice)},
	{operation: "endDevice", object: "unknown", want: "404 DEVICE_NOT_FOUND", prepare: withPathParameter("id", unknownSession)},
	{operation: "listUserDevices", want: "200", prepare: withoutBody},
	{operation: "endUserDevice", object: "own", want: "204", otherWant: "404 DEVICE_NOT_FOUND", prepare: withPathParameter("id", ownDevice)},
	{operation: "endUserDevice", object: "another person's", want: "404 DEVICE_NOT_FOUND", otherWant: "204", prepare: withPathParameter("id", otherDevice)},
	{operation: "endUserDevice", object: "unknown", want: "404 DEVICE_NOT_FOUND", prepare: withPathParameter("id", unknownSession)},
	{operation: "sendRegistrationCode", want: "200", prepare: withBody(func(_ *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		return map[string]any{"email": m.NewAddress()}
	})},
	{operation: "register", object: "wrong code", want: world.CodeInvalid, prepare: withBody(func(_ *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		return map[string]any{"username": "New User", "email": m.NewAddress(), "password": apptest.Password, "verificationCode": "000000"}
	})},
	{operation: "register", object: "right code", costly: true, want: "201", prepare: withBody(func(t *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		t.Helper()

		address := m.NewAddress()

		return map[string]any{
			"username": "New User", "email": address, "password": apptest.Password, "verificationCode": m.IssueCode(t, code.Registration, address),
		}
	})},

	{operation: "load", want: "200", prepare: withoutBody},
	{operation: "verify", want: "204", prepare: withoutBody},
	{operation: "createRefreshCode", want: "200", prepare: withoutBody},
	{operation: "renewSession", object: "own session's code", want: "204", otherWant: "400 CODE_INVALID", prepare: withBody(func(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"code": m.RefreshCode(t, own.BrowserSession)}
	})},
	{operation: "renewSession", object: "another's session's code", want: "400 CODE_INVALID", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"code": m.RefreshCode(t, named.BrowserSession)}
	})},
	{operation: "signOut", want: "204", prepare: withoutBody},
	{operation: "getUser", want: "200", prepare: withoutBody},
	{operation: "listUserSessions", want: "200", prepare: withoutBody},
	{operation: "endOtherUserSessions", want: "204", prepare: withoutBody},
	{operation: "endUserSession", object: "own, this one", want: "204", otherWant: "404 SESSION_NOT_FOUND", prepare: withPathParameter("id", ownBrowserID)},
	{operation: "endUserSession", object: "own, the app's", want: "204", otherWant: "404 SESSION_NOT_FOUND", prepare: withPathParameter("id", ownApp)},
	{operation: "endUserSession", object: "own, ended", want: "404 SESSION_NOT_FOUND", prepare: withPathParameter("id", ownEnded)},
	{operation: "endUserSession", object: "another person's", want: "404 SESSION_NOT_FOUND", otherWant: "204", prepare: withPathParameter("id", otherBrowserID)},
	{operation: "endUserSession", object: "unknown", want: "404 SESSION_NOT_FOUND", prepare: withPathParameter("id", unknownSession)},
	{operation: "changeUser", object: "name", want: "204", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"key": "Name", "name": "Another Name"}
	})},
	{operation: "changeUser", object: "avatar", want: "204", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"key": "Avatar", "avatar": "pictures/1.png"}
	})},
	{operation: "changeUser", object: "email, the code", oldSignInWant: world.ReauthRequired, want: "204", otherWant: "400 CODE_INVALID", prepare: withBody(func(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
		t.Helper()

		address := m.NewAddress()

		return map[string]any{"key": "Email", "email": address, "code": m.IssueCode(t, code.Email, own.ID+" "+address)}
	})},
	{operation: "changeUser", object: "email, the request", oldSignInWant: world.ReauthRequired, want: "204", prepare: withBody(func(_ *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		return map[string]any{"key": "Email", "email": m.NewAddress()}
	})},
	{operation: "changePassword", object: "bad new password", want: "400 PASSWORD_REFUSED", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"old": apptest.Password, "password": "password123"}
	})},
	{operation: "changePassword", object: "right password", costly: true, want: "204", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"old": apptest.Password, "password": world.NewPassword}
	})},
	{operation: "sendPhoneCode", oldSignInWant: world.ReauthRequired, want: "204", prepare: withQueryString(func(m *world.Matrix, _ *world.Member) url.Values { return url.Values{"phone": {m.NewPhone()}} })},
	{operation: "bindPhone", oldSignInWant: world.ReauthRequired, want: "204", otherWant: "400 CODE_INVALID", prepare: withBody(func(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
		t.Helper()

		phone := m.NewPhone()

		return map[string]any{"phone": phone, "code": m.IssueCode(t, code.Phone, own.ID+" "+phone)}
	})},
	{operation: "createTOTP", oldSignInWant: world.ReauthRequired, want: "200", prepare: withoutBody},
	{operation: "bindTOTP", oldSignInWant: world.ReauthRequired, want: "200", otherWant: "400 CODE_INVALID", prepare: withBody(func(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
		t.Helper()

		address, codes := m.PendingAuthenticator(t, own)

		return map[string]any{"totp": address, "tss": codes[:2]}
	})},
	{operation: "getTOTPPicture", oldSignInWant: world.ReauthRequired, want: "200", otherWant: "400 TOTP_NOT_PENDING", prepare: func(t *testing.T, m *world.Matrix, o world.Operation, own, _, _ *world.Member) world.Call {
		t.Helper()
		m.PendingAuthenticator(t, own)

		return o.Call("", nil)
	}},
	{operation: "setSecondFactor", oldSignInWant: world.ReauthRequired, want: "204", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"enabled": false}
	})},
	{operation: "keepFactor", oldSignInWant: world.ReauthRequired, want: "204", otherWant: "400 NOT_SUSPENDED", prepare: func(t *testing.T, m *world.Matrix, o world.Operation, own, _, _ *world.Member) world.Call {
		t.Helper()
		m.BindPhone(t, own)
		m.Update(t, "UPDATE account SET phone_suspended_at = created_at WHERE id = $1", own.ID)

		c := o.Call("", nil)
		c.Path = strings.ReplaceAll(c.Path, "{factor}", "phone")

		return c
	}},
	{operation: "signInWithLark", want: "400 TICKET_INVALID", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"totp": "000000"}
	})},
	{operation: "createRecoveryCodes", oldSignInWant: world.ReauthRequired, want: "200", otherWant: "400 TOTP_NOT_BOUND", prepare: func(t *testing.T, m *world.Matrix, o world.Operation, own, _, _ *world.Member) world.Call {
		t.Helper()
		m.BindAuthenticator(t, own)

		return o.Call("", nil)
	}},
	{operation: "unbind", object: "phone", oldSignInWant: world.ReauthRequired, want: "204", prepare: removingFactor("phone")},
	{operation: "unbind", object: "totp", oldSignInWant: world.ReauthRequired, want: "204", prepare: removingFactor("totp")},
	{operation: "unbind", object: "lark", oldSignInWant: world.ReauthRequired, want: "204", prepare: removingFactor("lark")},

	{operation: "signIn", object: "too early", want: "400 TOO_MANY_REQUESTS", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()
		m.DelayPassword(t, named)

		return map[string]any{"email": named.Email, "password": apptest.Password}
	})},
	{operation: "signIn", object: "right password", costly: true, want: "204", prepare: withBody(func(_ *testing.T, _ *world.Matrix, _, named *world.Member) map[string]any {
		return map[string]any{"email": named.Email, "password": apptest.Password}
	})},
	{operation: "sendResetCode", want: "204", prepare: withQueryString(func(_ *world.Matrix, named *world.Member) url.Values { return url.Values{"email": {named.Email}} })},
	{operation: "resetPassword", object: "wrong code", want: world.CodeInvalid, prepare: withBody(func(_ *testing.T, _ *world.Matrix, _, named *world.Member) map[string]any {
		return map[string]any{"email": named.Email, "code": "000000", "password": world.NewPassword}
	})},
	{operation: "resetPassword", object: "right code", costly: true, want: "204", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"email": named.Email, "code": m.IssueCode(t, code.Reset, named.Email), "password": world.NewPassword}
	})},
	{operation: "sendSignInCode", want: "204", prepare: withQueryString(func(m *world.Matrix, _ *world.Member) url.Values { return url.Values{"phone": {m.NewPhone()}} })},
	{operation: "signInWithCode", want: "204", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		phone := m.BindPhone(t, named)

		return map[string]any{"phone": phone, "code": m.IssueCode(t, code.SignIn, phone)}
	})},
	{operation: "signInWithTOTP", want: "204", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"email": named.Email, "code": m.BindAuthenticator(t, named)}
	})},
	{operation: "showEmailConfirmation", want: "200", prepare: func(t *testing.T, m *world.Matrix, o world.Operation, _, _, named *world.Member) world.Call {
		t.Helper()

		return o.Call("token="+m.EmailLink(t, named), nil)
	}},
	{operation: "confirmEmail", object: "a living session's link", want: "303", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"token": m.EmailLink(t, named)}
	})},
	{operation: "confirmEmail", object: "an ended session's link", want: "303 CODE_INVALID", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()
		world.EndSessions(t, m.Seeder, named)

		return map[string]any{"token": m.EmailLink(t, named)}
	})},
	{operation: "showFirstRun", want: "200", prepare: withoutBody},
	{operation: "createFirstAdministrator", want: "303 CODE_INVALID", prepare: withBody(func(t *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		t.Helper()

		return map[string]any{
			"token": strings.Repeat("A", 44), "email": m.NewAddress(), "name": "New", "password": apptest.Password, "repeat": apptest.Password,
		}
	})},
	{operation: "showReset", want: "200", prepare: withQueryString(func(m *world.Matrix, named *world.Member) url.Values {
		return url.Values{"token": {strings.Repeat("A", 44)}}
	})},
	{operation: "resetWithLink", object: "a made-up link", want: "303 CODE_INVALID", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"token": strings.Repeat("A", 44), "password": world.NewPassword, "repeat": world.NewPassword}
	})},
	{operation: "resetWithLink", object: "the mail's link", costly: true, want: "303", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"token": m.MailLink(t, code.Reset, named.Email), "password": world.NewPassword, "repeat": world.NewPassword}
	})},
	{operation: "showSignUp", want: "200", prepare: withQueryString(func(m *world.Matrix, named *world.Member) url.Values {
		return url.Values{"token": {strings.Repeat("A", 44)}}
	})},
	{operation: "registerWithLink", object: "a made-up link", want: "303 CODE_INVALID", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"token": strings.Repeat("A", 44), "name": "New", "password": world.NewPassword, "repeat": world.NewPassword}
	})},
	{operation: "registerWithLink", object: "the mail's link", costly: true, want: "303", prepare: withBody(func(t *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"token": m.MailLink(t, code.Registration, m.NewAddress()), "name": "New", "password": world.NewPassword, "repeat": world.NewPassword}
	})},
	{operation: "getOptions", object: "collaboration", want: "200", prepare: optionCall("collaboration")},
	{operation: "getOptions", object: "generate-secret", want: "200", prepare: optionCall("generate-secret")},
	{operation: "getOptions", object: "upload", want: "200", prepare: optionCall("upload")},
	{operation: "authorizeLark", object: "to bind", oldSignInWant: "302 REAUTH_REQUIRED", want: "302", visitorWant: "302 UNAUTHENTICATED", prepare: larkJourney("bind")},
	{operation: "authorizeLark", object: "to sign in", want: "302", prepare: larkJourney("login")},
	{operation: "returnFromLark", object: "own journey to bind", oldSignInWant: "302 REAUTH_REQUIRED", want: "302", otherWant: "302 STATE_INVALID", visitorWant: "302 STATE_INVALID", prepare: world.LarkReturning(world.LarkBind)},
	{operation: "returnFromLark", object: "a journey to sign in", want: "302", prepare: world.LarkReturning(world.LarkLogin)},
	{operation: "returnFromLark", object: "no journey", want: "302 STATE_INVALID", prepare: withQueryString(func(*world.Matrix, *world.Member) url.Values {
		return url.Values{"state": {strings.Repeat("A", 55)}, "code": {"any"}}
	})},
}

func larkJourney(action string) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return withQueryString(func(*world.Matrix, *world.Member) url.Values {
		return url.Values{"state": {fmt.Sprintf(`{"action":%q,"locale":"zh-Hans"}`, action)}}
	})
}
