package app_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// aim is one good call of an operation: good for own, and about something of own's, so that nothing but the
// credential is judged.
type aim struct {
	operation string
	object    string // what it is about, where an operation has several
	// ready makes everything there that the call needs, and the call, without a credential. named is who
	// is named in the body where nobody has to be signed in.
	ready func(t *testing.T, m *matrix, o operation, own, other, named *member) call
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

const reauth = "400 REAUTH_REQUIRED"

func plain(_ *testing.T, _ *matrix, o operation, _, _, _ *member) call { return o.asked("", nil) }

// asked is a call of the operation, with a body.
func (o operation) asked(query string, body map[string]any) call {
	c := call{method: o.method, path: o.path, query: query}
	if o.RequestBody != nil {
		c = c.with("Content-Type", o.media())
		c.body = o.encode(body)
	}

	return c
}

func about(name string, value func(own, other *member) string) func(*testing.T, *matrix, operation, *member, *member, *member) call {
	return func(_ *testing.T, _ *matrix, o operation, own, other, _ *member) call {
		c := o.asked("", nil)
		c.path = strings.ReplaceAll(c.path, "{"+name+"}", value(own, other))

		return c
	}
}

// saying is a body, made for this call.
func saying(body func(t *testing.T, m *matrix, own, named *member) map[string]any) func(*testing.T, *matrix, operation, *member, *member, *member) call {
	return func(t *testing.T, m *matrix, o operation, own, _, named *member) call {
		t.Helper()

		return o.asked("", body(t, m, own, named))
	}
}

// asks is a query string, made for this call.
func asks(query func(m *matrix, named *member) url.Values) func(*testing.T, *matrix, operation, *member, *member, *member) call {
	return func(_ *testing.T, m *matrix, o operation, _, _, named *member) call {
		return o.asked(query(m, named).Encode(), nil)
	}
}

func option(name string) func(*testing.T, *matrix, operation, *member, *member, *member) call {
	return asks(func(*matrix, *member) url.Values { return url.Values{"type": {name}} })
}

// unbound has everything that can be taken away.
func unbound(key string) func(*testing.T, *matrix, operation, *member, *member, *member) call {
	return func(t *testing.T, m *matrix, o operation, own, _, _ *member) call {
		t.Helper()
		m.phoned(t, own)
		m.bound(t, own)
		m.identified(t, own)

		c := o.asked("", nil)
		c.path = strings.ReplaceAll(c.path, "{key}", key)

		return c
	}
}

func ownApp(own, _ *member) string       { return own.app }
func ownBrowserID(own, _ *member) string { return own.browser }
func ownEnded(own, _ *member) string     { return own.ended }
func otherApp(_, other *member) string   { return other.app }
func otherBrowserID(_, other *member) string {
	return other.browser
}
func nobodys(_, _ *member) string { return strings.Repeat("A", 22) }

// aims are at least one of each operation.
var aims = []aim{
	{operation: "login", object: "too early", want: "429 TOO_MANY_REQUESTS", ready: saying(func(t *testing.T, m *matrix, _, named *member) map[string]any {
		t.Helper()
		m.slowed(t, named)

		return map[string]any{"email": named.email, "password": apptest.Password}
	})},
	{operation: "login", object: "right password", costly: true, want: "200", ready: saying(func(_ *testing.T, _ *matrix, _, named *member) map[string]any {
		return map[string]any{"email": named.email, "password": apptest.Password}
	})},
	{operation: "refresh", want: "200", ready: saying(func(_ *testing.T, _ *matrix, _, named *member) map[string]any {
		return map[string]any{"refresh_token": named.refresh}
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
	{operation: "sendRegistrationCode", want: "200", ready: saying(func(_ *testing.T, m *matrix, _, _ *member) map[string]any {
		return map[string]any{"email": m.address()}
	})},
	{operation: "register", object: "wrong code", want: wrongCode, ready: saying(func(_ *testing.T, m *matrix, _, _ *member) map[string]any {
		return map[string]any{"username": "New User", "email": m.address(), "password": apptest.Password, "verificationCode": "000000"}
	})},
	{operation: "register", object: "right code", costly: true, want: "201", ready: saying(func(t *testing.T, m *matrix, _, _ *member) map[string]any {
		t.Helper()

		address := m.address()

		return map[string]any{
			"username": "New User", "email": address, "password": apptest.Password, "verificationCode": m.code(t, code.Registration, address),
		}
	})},

	{operation: "load", want: "200", ready: plain},
	{operation: "verify", want: "204", ready: plain},
	{operation: "createRefreshCode", want: "200", ready: plain},
	{operation: "renewSession", object: "own session's code", want: "204", another: "400 CODE_INVALID", ready: saying(func(t *testing.T, m *matrix, own, _ *member) map[string]any {
		t.Helper()

		return map[string]any{"code": m.renewal(t, own.browser)}
	})},
	{operation: "renewSession", object: "another's session's code", want: "400 CODE_INVALID", ready: saying(func(t *testing.T, m *matrix, _, named *member) map[string]any {
		t.Helper()

		return map[string]any{"code": m.renewal(t, named.browser)}
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
	{operation: "changeUser", object: "name", want: "204", ready: saying(func(*testing.T, *matrix, *member, *member) map[string]any {
		return map[string]any{"key": "Name", "name": "Another Name"}
	})},
	{operation: "changeUser", object: "avatar", want: "204", ready: saying(func(*testing.T, *matrix, *member, *member) map[string]any {
		return map[string]any{"key": "Avatar", "avatar": "pictures/1.png"}
	})},
	{operation: "changeUser", object: "email, the code", late: reauth, want: "204", another: "400 CODE_INVALID", ready: saying(func(t *testing.T, m *matrix, own, _ *member) map[string]any {
		t.Helper()

		address := m.address()

		return map[string]any{"key": "Email", "email": address, "code": m.code(t, code.Email, own.id+" "+address)}
	})},
	{operation: "changeUser", object: "email, the request", late: reauth, want: "204", ready: saying(func(_ *testing.T, m *matrix, _, _ *member) map[string]any {
		return map[string]any{"key": "Email", "email": m.address()}
	})},
	{operation: "changePassword", object: "bad new password", want: "400 PASSWORD_REFUSED", ready: saying(func(*testing.T, *matrix, *member, *member) map[string]any {
		return map[string]any{"old": apptest.Password, "password": "password123"}
	})},
	{operation: "changePassword", object: "right password", costly: true, want: "204", ready: saying(func(*testing.T, *matrix, *member, *member) map[string]any {
		return map[string]any{"old": apptest.Password, "password": newPassword}
	})},
	{operation: "sendPhoneCode", late: reauth, want: "204", ready: asks(func(m *matrix, _ *member) url.Values { return url.Values{"phone": {m.phone()}} })},
	{operation: "bindPhone", late: reauth, want: "204", another: "400 CODE_INVALID", ready: saying(func(t *testing.T, m *matrix, own, _ *member) map[string]any {
		t.Helper()

		phone := m.phone()

		return map[string]any{"phone": phone, "code": m.code(t, code.Phone, own.id+" "+phone)}
	})},
	{operation: "createTOTP", late: reauth, want: "200", ready: plain},
	{operation: "bindTOTP", late: reauth, want: "204", another: "400 CODE_INVALID", ready: saying(func(t *testing.T, m *matrix, own, _ *member) map[string]any {
		t.Helper()

		address, codes := m.pending(t, own)

		return map[string]any{"totp": address, "tss": codes[:2]}
	})},
	{operation: "getTOTPPicture", late: reauth, want: "200", another: "400 TOTP_NOT_PENDING", ready: func(t *testing.T, m *matrix, o operation, own, _, _ *member) call {
		t.Helper()
		m.pending(t, own)

		return o.asked("", nil)
	}},
	{operation: "createRecoveryCodes", late: reauth, want: "200", another: "400 TOTP_NOT_BOUND", ready: func(t *testing.T, m *matrix, o operation, own, _, _ *member) call {
		t.Helper()
		m.bound(t, own)

		return o.asked("", nil)
	}},
	{operation: "unbind", object: "phone", late: reauth, want: "204", ready: unbound("phone")},
	{operation: "unbind", object: "totp", late: reauth, want: "204", ready: unbound("totp")},
	{operation: "unbind", object: "lark", late: reauth, want: "204", ready: unbound("lark")},

	{operation: "signIn", object: "too early", want: "400 TOO_MANY_REQUESTS", ready: saying(func(t *testing.T, m *matrix, _, named *member) map[string]any {
		t.Helper()
		m.slowed(t, named)

		return map[string]any{"email": named.email, "password": apptest.Password}
	})},
	{operation: "signIn", object: "right password", costly: true, want: "204", ready: saying(func(_ *testing.T, _ *matrix, _, named *member) map[string]any {
		return map[string]any{"email": named.email, "password": apptest.Password}
	})},
	{operation: "sendResetCode", want: "204", ready: asks(func(_ *matrix, named *member) url.Values { return url.Values{"email": {named.email}} })},
	{operation: "resetPassword", object: "wrong code", want: wrongCode, ready: saying(func(_ *testing.T, _ *matrix, _, named *member) map[string]any {
		return map[string]any{"email": named.email, "code": "000000", "password": newPassword}
	})},
	{operation: "resetPassword", object: "right code", costly: true, want: "204", ready: saying(func(t *testing.T, m *matrix, _, named *member) map[string]any {
		t.Helper()

		return map[string]any{"email": named.email, "code": m.code(t, code.Reset, named.email), "password": newPassword}
	})},
	{operation: "sendSignInCode", want: "204", ready: asks(func(m *matrix, _ *member) url.Values { return url.Values{"phone": {m.phone()}} })},
	{operation: "signInWithCode", want: "204", ready: saying(func(t *testing.T, m *matrix, _, named *member) map[string]any {
		t.Helper()

		phone := m.phoned(t, named)

		return map[string]any{"phone": phone, "code": m.code(t, code.SignIn, phone)}
	})},
	{operation: "signInWithTOTP", want: "204", ready: saying(func(t *testing.T, m *matrix, _, named *member) map[string]any {
		t.Helper()

		return map[string]any{"email": named.email, "code": m.bound(t, named)}
	})},
	{operation: "showEmailConfirmation", want: "200", ready: func(t *testing.T, m *matrix, o operation, _, _, named *member) call {
		t.Helper()

		return o.asked("token="+m.link(t, named), nil)
	}},
	{operation: "confirmEmail", object: "a living session's link", want: "303", ready: saying(func(t *testing.T, m *matrix, _, named *member) map[string]any {
		t.Helper()

		return map[string]any{"token": m.link(t, named)}
	})},
	{operation: "confirmEmail", object: "an ended session's link", want: "303 CODE_INVALID", ready: saying(func(t *testing.T, m *matrix, _, named *member) map[string]any {
		t.Helper()
		end(t, m.clerk, named)

		return map[string]any{"token": m.link(t, named)}
	})},
	{operation: "showFirstRun", want: "200", ready: plain},
	{operation: "createFirstAdministrator", want: "303 CODE_INVALID", ready: saying(func(t *testing.T, m *matrix, _, _ *member) map[string]any {
		t.Helper()

		return map[string]any{
			"token": strings.Repeat("A", 44), "email": m.address(), "name": "New", "password": apptest.Password, "repeat": apptest.Password,
		}
	})},
	{operation: "getOptions", object: "collaboration", want: "200", ready: option("collaboration")},
	{operation: "getOptions", object: "generate-secret", want: "200", ready: option("generate-secret")},
	{operation: "getOptions", object: "upload", want: "200", ready: option("upload")},
	{operation: "authorizeLark", object: "to bind", late: "302 REAUTH_REQUIRED", want: "302", stranger: "302 UNAUTHENTICATED", ready: journey("bind")},
	{operation: "authorizeLark", object: "to sign in", want: "302", ready: journey("login")},
	{operation: "returnFromLark", object: "own journey to bind", late: "302 REAUTH_REQUIRED", want: "302", another: "302 STATE_INVALID", stranger: "302 STATE_INVALID", ready: returning(bind)},
	{operation: "returnFromLark", object: "a journey to sign in", want: "302", ready: returning(login)},
	{operation: "returnFromLark", object: "no journey", want: "302 STATE_INVALID", ready: asks(func(*matrix, *member) url.Values {
		return url.Values{"state": {strings.Repeat("A", 55)}, "code": {"any"}}
	})},
}

func journey(action string) func(*testing.T, *matrix, operation, *member, *member, *member) call {
	return asks(func(*matrix, *member) url.Values {
		return url.Values{"state": {fmt.Sprintf(`{"action":%q,"locale":"zh-Hans"}`, action)}}
	})
}

// returning is the way back of a journey that own's browser began: its cookie is there whoever comes back.
// The person at Lark is bound to named, who is signed in with it.
func returning(action client.LarkStateAction) func(*testing.T, *matrix, operation, *member, *member, *member) call {
	return func(t *testing.T, m *matrix, o operation, own, _, named *member) call {
		t.Helper()

		subject := m.identified(t, named)
		if action == bind {
			subject = own.id
		}

		browser := m.Browser(t)
		browser.SetCookie("__Host-TOKEN", own.cookie)

		query := m.lark.agree(depart(t, browser, action), map[string]any{"open_id": subject, "name": "Somebody"})
		c := o.asked(query.Encode(), nil)

		return c.plus("__Host-LARK=" + browser.Cookie("__Host-LARK"))
	}
}

// identified binds a person at Lark to the member, and answers their id there.
func (m *matrix) identified(t *testing.T, h *member) string {
	t.Helper()
	m.exec(t, "INSERT INTO identity (provider, subject, account_id, profile, bound_at) VALUES ('lark', $2, $1, '{\"open_id\":\"x\",\"name\":\"y\"}', $3)",
		h.id, "ou_"+h.id, m.Clock.Now())

	return "ou_" + h.id
}

// answerOf is what a call got: the status, and the code of the error, or of the error that a redirect brings.
func answerOf(got reply) string {
	reason := got.problem.Code

	if got.status/100 == 3 {
		if to, err := url.Parse(got.header.Get("Location")); err == nil {
			reason = to.Query().Get("error")
		}
	}

	return strings.TrimSpace(fmt.Sprintf("%d %s", got.status, reason))
}
