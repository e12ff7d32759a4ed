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

// aim is one good call of an operation: good for own, and about something of own's, so that nothing but the
// credential is judged.
type aim struct {
	operation string
	object    string // what it is about, where an operation has several
	// ready makes everything there that the call needs, and the call, without a credential. named is who
	// is named in the body where nobody has to be signed in.
	ready func(t *testing.T, m *world.Matrix, o world.Operation, own, other, named *world.Member) world.Call
	// costly ones compute a hash of a password where they are let through: beside each is one that is refused
	// before that, and by then was let through as well.
	costly bool
	// want is the answer to own, another the answer to other: the same where it is empty.
	want, another string
	// stranger is the answer where nobody is signed in, of an operation that does not ask for it.
	stranger string
	// late is the answer where own signed in long ago (contract, "sensitive changes").
	late string
}

func plain(_ *testing.T, _ *world.Matrix, o world.Operation, _, _, _ *world.Member) world.Call {
	return o.Call("", nil)
}

func about(name string, value func(own, other *world.Member) string) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return func(_ *testing.T, _ *world.Matrix, o world.Operation, own, other, _ *world.Member) world.Call {
		c := o.Call("", nil)
		c.Path = strings.ReplaceAll(c.Path, "{"+name+"}", value(own, other))

		return c
	}
}

// saying is a body, made for this call.
func saying(body func(t *testing.T, m *world.Matrix, own, named *world.Member) map[string]any) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return func(t *testing.T, m *world.Matrix, o world.Operation, own, _, named *world.Member) world.Call {
		t.Helper()

		return o.Call("", body(t, m, own, named))
	}
}

// asks is a query string, made for this call.
func asks(query func(m *world.Matrix, named *world.Member) url.Values) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return func(_ *testing.T, m *world.Matrix, o world.Operation, _, _, named *world.Member) world.Call {
		return o.Call(query(m, named).Encode(), nil)
	}
}

func option(name string) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return asks(func(*world.Matrix, *world.Member) url.Values { return url.Values{"type": {name}} })
}

// unbound has everything that can be taken away.
func unbound(key string) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
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
func nobodys(_, _ *world.Member) string { return strings.Repeat("A", 22) }

// aims are at least one of each operation.
var aims = []aim{
	{operation: "login", object: "too early", want: "429 TOO_MANY_REQUESTS", ready: saying(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()
		m.DelayPassword(t, named)

		return map[string]any{"email": named.Email, "password": apptest.Password}
	})},
	{operation: "login", object: "right password", costly: true, want: "200", ready: saying(func(_ *testing.T, _ *world.Matrix, _, named *world.Member) map[string]any {
		return map[string]any{"email": named.Email, "password": apptest.Password}
	})},
	{operation: "refresh", want: "200", ready: saying(func(_ *testing.T, _ *world.Matrix, _, named *world.Member) map[string]any {
		return map[string]any{"refresh_token": named.RefreshToken}
	})},
	{operation: "logout", want: "204", ready: plain},
	{operation: "getMe", want: "200", ready: plain},
	{operation: "listSessions", want: "200", ready: plain},
	{operation: "endOtherSessions", want: "204", ready: plain},
	{operation: "endSession", object: "own, this one", want: "204", another: "404 SESSION_NOT_FOUND", ready: about("id", ownApp)},
	{operation: "endSession", object: "own, the browser's", want: "204", another: "404 SESSION_NOT_FOUND", ready: about("id", ownBrowserID)},
	{operation: "endSession", object: "own, ended", want: "404 SESSION_NOT_FOUND", ready: about("id", ownEnded)},
	{operation: "endSession", object: "another person's", want: "404 SESSION_NOT_FOUND", another: "204", ready: about("id", otherApp)},
	{operation: "endSession", object: "nobody's", want: "404 SESSION_NOT_FOUND", ready: about("id", nobodys)},
	{operation: "sendRegistrationCode", want: "200", ready: saying(func(_ *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		return map[string]any{"email": m.NewAddress()}
	})},
	{operation: "register", object: "wrong code", want: world.CodeInvalid, ready: saying(func(_ *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		return map[string]any{"username": "New User", "email": m.NewAddress(), "password": apptest.Password, "verificationCode": "000000"}
	})},
	{operation: "register", object: "right code", costly: true, want: "201", ready: saying(func(t *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		t.Helper()

		address := m.NewAddress()

		return map[string]any{
			"username": "New User", "email": address, "password": apptest.Password, "verificationCode": m.IssueCode(t, code.Registration, address),
		}
	})},

	{operation: "load", want: "200", ready: plain},
	{operation: "verify", want: "204", ready: plain},
	{operation: "createRefreshCode", want: "200", ready: plain},
	{operation: "renewSession", object: "own session's code", want: "204", another: "400 CODE_INVALID", ready: saying(func(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"code": m.RefreshCode(t, own.BrowserSession)}
	})},
	{operation: "renewSession", object: "another's session's code", want: "400 CODE_INVALID", ready: saying(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"code": m.RefreshCode(t, named.BrowserSession)}
	})},
	{operation: "signOut", want: "204", ready: plain},
	{operation: "getUser", want: "200", ready: plain},
	{operation: "listUserSessions", want: "200", ready: plain},
	{operation: "endOtherUserSessions", want: "204", ready: plain},
	{operation: "endUserSession", object: "own, this one", want: "204", another: "404 SESSION_NOT_FOUND", ready: about("id", ownBrowserID)},
	{operation: "endUserSession", object: "own, the app's", want: "204", another: "404 SESSION_NOT_FOUND", ready: about("id", ownApp)},
	{operation: "endUserSession", object: "own, ended", want: "404 SESSION_NOT_FOUND", ready: about("id", ownEnded)},
	{operation: "endUserSession", object: "another person's", want: "404 SESSION_NOT_FOUND", another: "204", ready: about("id", otherBrowserID)},
	{operation: "endUserSession", object: "nobody's", want: "404 SESSION_NOT_FOUND", ready: about("id", nobodys)},
	{operation: "changeUser", object: "name", want: "204", ready: saying(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"key": "Name", "name": "Another Name"}
	})},
	{operation: "changeUser", object: "avatar", want: "204", ready: saying(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"key": "Avatar", "avatar": "pictures/1.png"}
	})},
	{operation: "changeUser", object: "email, the code", late: world.ReauthRequired, want: "204", another: "400 CODE_INVALID", ready: saying(func(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
		t.Helper()

		address := m.NewAddress()

		return map[string]any{"key": "Email", "email": address, "code": m.IssueCode(t, code.Email, own.ID+" "+address)}
	})},
	{operation: "changeUser", object: "email, the request", late: world.ReauthRequired, want: "204", ready: saying(func(_ *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		return map[string]any{"key": "Email", "email": m.NewAddress()}
	})},
	{operation: "changePassword", object: "bad new password", want: "400 PASSWORD_REFUSED", ready: saying(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"old": apptest.Password, "password": "password123"}
	})},
	{operation: "changePassword", object: "right password", costly: true, want: "204", ready: saying(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"old": apptest.Password, "password": world.NewPassword}
	})},
	{operation: "sendPhoneCode", late: world.ReauthRequired, want: "204", ready: asks(func(m *world.Matrix, _ *world.Member) url.Values { return url.Values{"phone": {m.NewPhone()}} })},
	{operation: "bindPhone", late: world.ReauthRequired, want: "204", another: "400 CODE_INVALID", ready: saying(func(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
		t.Helper()

		phone := m.NewPhone()

		return map[string]any{"phone": phone, "code": m.IssueCode(t, code.Phone, own.ID+" "+phone)}
	})},
	{operation: "createTOTP", late: world.ReauthRequired, want: "200", ready: plain},
	{operation: "bindTOTP", late: world.ReauthRequired, want: "204", another: "400 CODE_INVALID", ready: saying(func(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
		t.Helper()

		address, codes := m.PendingAuthenticator(t, own)

		return map[string]any{"totp": address, "tss": codes[:2]}
	})},
	{operation: "getTOTPPicture", late: world.ReauthRequired, want: "200", another: "400 TOTP_NOT_PENDING", ready: func(t *testing.T, m *world.Matrix, o world.Operation, own, _, _ *world.Member) world.Call {
		t.Helper()
		m.PendingAuthenticator(t, own)

		return o.Call("", nil)
	}},
	{operation: "createRecoveryCodes", late: world.ReauthRequired, want: "200", another: "400 TOTP_NOT_BOUND", ready: func(t *testing.T, m *world.Matrix, o world.Operation, own, _, _ *world.Member) world.Call {
		t.Helper()
		m.BindAuthenticator(t, own)

		return o.Call("", nil)
	}},
	{operation: "unbind", object: "phone", late: world.ReauthRequired, want: "204", ready: unbound("phone")},
	{operation: "unbind", object: "totp", late: world.ReauthRequired, want: "204", ready: unbound("totp")},
	{operation: "unbind", object: "lark", late: world.ReauthRequired, want: "204", ready: unbound("lark")},

	{operation: "signIn", object: "too early", want: "400 TOO_MANY_REQUESTS", ready: saying(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()
		m.DelayPassword(t, named)

		return map[string]any{"email": named.Email, "password": apptest.Password}
	})},
	{operation: "signIn", object: "right password", costly: true, want: "204", ready: saying(func(_ *testing.T, _ *world.Matrix, _, named *world.Member) map[string]any {
		return map[string]any{"email": named.Email, "password": apptest.Password}
	})},
	{operation: "sendResetCode", want: "204", ready: asks(func(_ *world.Matrix, named *world.Member) url.Values { return url.Values{"email": {named.Email}} })},
	{operation: "resetPassword", object: "wrong code", want: world.CodeInvalid, ready: saying(func(_ *testing.T, _ *world.Matrix, _, named *world.Member) map[string]any {
		return map[string]any{"email": named.Email, "code": "000000", "password": world.NewPassword}
	})},
	{operation: "resetPassword", object: "right code", costly: true, want: "204", ready: saying(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"email": named.Email, "code": m.IssueCode(t, code.Reset, named.Email), "password": world.NewPassword}
	})},
	{operation: "sendSignInCode", want: "204", ready: asks(func(m *world.Matrix, _ *world.Member) url.Values { return url.Values{"phone": {m.NewPhone()}} })},
	{operation: "signInWithCode", want: "204", ready: saying(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		phone := m.BindPhone(t, named)

		return map[string]any{"phone": phone, "code": m.IssueCode(t, code.SignIn, phone)}
	})},
	{operation: "signInWithTOTP", want: "204", ready: saying(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"email": named.Email, "code": m.BindAuthenticator(t, named)}
	})},
	{operation: "showEmailConfirmation", want: "200", ready: func(t *testing.T, m *world.Matrix, o world.Operation, _, _, named *world.Member) world.Call {
		t.Helper()

		return o.Call("token="+m.EmailLink(t, named), nil)
	}},
	{operation: "confirmEmail", object: "a living session's link", want: "303", ready: saying(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"token": m.EmailLink(t, named)}
	})},
	{operation: "confirmEmail", object: "an ended session's link", want: "303 CODE_INVALID", ready: saying(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()
		world.End(t, m.Seeder, named)

		return map[string]any{"token": m.EmailLink(t, named)}
	})},
	{operation: "showFirstRun", want: "200", ready: plain},
	{operation: "createFirstAdministrator", want: "303 CODE_INVALID", ready: saying(func(t *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		t.Helper()

		return map[string]any{
			"token": strings.Repeat("A", 44), "email": m.NewAddress(), "name": "New", "password": apptest.Password, "repeat": apptest.Password,
		}
	})},
	{operation: "getOptions", object: "collaboration", want: "200", ready: option("collaboration")},
	{operation: "getOptions", object: "generate-secret", want: "200", ready: option("generate-secret")},
	{operation: "getOptions", object: "upload", want: "200", ready: option("upload")},
	{operation: "authorizeLark", object: "to bind", late: "302 REAUTH_REQUIRED", want: "302", stranger: "302 UNAUTHENTICATED", ready: journey("bind")},
	{operation: "authorizeLark", object: "to sign in", want: "302", ready: journey("login")},
	{operation: "returnFromLark", object: "own journey to bind", late: "302 REAUTH_REQUIRED", want: "302", another: "302 STATE_INVALID", stranger: "302 STATE_INVALID", ready: world.LarkReturning(world.LarkBind)},
	{operation: "returnFromLark", object: "a journey to sign in", want: "302", ready: world.LarkReturning(world.LarkLogin)},
	{operation: "returnFromLark", object: "no journey", want: "302 STATE_INVALID", ready: asks(func(*world.Matrix, *world.Member) url.Values {
		return url.Values{"state": {strings.Repeat("A", 55)}, "code": {"any"}}
	})},
}

func journey(action string) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return asks(func(*world.Matrix, *world.Member) url.Values {
		return url.Values{"state": {fmt.Sprintf(`{"action":%q,"locale":"zh-Hans"}`, action)}}
	})
}
