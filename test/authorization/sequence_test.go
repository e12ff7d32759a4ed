package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// shortcut is a call that leaves a step out, or brings what another step is for.
type shortcut struct {
	name string
	want string
	ask  func(t *testing.T, m *matrix, own, other *member) call
}

const wrongCode = "400 CODE_INVALID"

// ownSecret is a TOTP URL of the caller's own making, and emptySecret that of the key that everybody knows.
const (
	ownSecret   = "otpauth://totp/Toolkit:own?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Toolkit&algorithm=SHA1&digits=6&period=30"
	emptySecret = "otpauth://totp/Toolkit:own?secret=&issuer=Toolkit&algorithm=SHA1&digits=6&period=30"
)

const newPassword = "another horse, another staple"

// binding are two codes of a secret, in a row.
func (m *matrix) binding(t *testing.T, address string) map[string]any {
	t.Helper()

	return map[string]any{"totp": address, "tss": []string{
		totpAt(t, address, m.Clock.Now().Add(-30e9)), totpAt(t, address, m.Clock.Now()),
	}}
}

var shortcuts = []shortcut{
	{"bind a TOTP secret that the server never made", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		return m.by(own, m.asked(t, "bindTOTP", m.binding(t, ownSecret)))
	}},
	{"bind a TOTP secret of one's own in place of the one that waits", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		m.pending(t, own)

		return m.by(own, m.asked(t, "bindTOTP", m.binding(t, ownSecret)))
	}},
	{"bind the empty TOTP secret", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		return m.by(own, m.asked(t, "bindTOTP", m.binding(t, emptySecret)))
	}},
	{"bind the TOTP secret that another was handed", wrongCode, func(t *testing.T, m *matrix, own, other *member) call {
		address, _ := m.pending(t, other)
		m.pending(t, own)

		return m.by(own, m.asked(t, "bindTOTP", m.binding(t, address)))
	}},
	{"bind TOTP with another's URL and the codes of one's own", wrongCode, func(t *testing.T, m *matrix, own, other *member) call {
		address, _ := m.pending(t, other)
		_, codes := m.pending(t, own)

		return m.by(own, m.asked(t, "bindTOTP", map[string]any{"totp": address, "tss": codes[:2]}))
	}},
	{"bind TOTP with a secret that a newer one has replaced", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		address, _ := m.pending(t, own)
		m.pending(t, own)

		return m.by(own, m.asked(t, "bindTOTP", m.binding(t, address)))
	}},

	{"sign in with the TOTP secret that waits", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		_, codes := m.pending(t, own)

		return m.visit(own, m.asked(t, "signInWithTOTP", map[string]any{"email": own.email, "code": codes[1]}))
	}},
	{"sign in with another's authenticator", wrongCode, func(t *testing.T, m *matrix, own, other *member) call {
		m.bound(t, own)

		return m.visit(own, m.asked(t, "signInWithTOTP", map[string]any{"email": own.email, "code": m.bound(t, other)}))
	}},
	{"sign in with another's recovery code", wrongCode, func(t *testing.T, m *matrix, own, other *member) call {
		m.bound(t, own)

		return m.visit(own, m.asked(t, "signInWithTOTP", map[string]any{"email": own.email, "code": m.recovery(t, other)}))
	}},
	{"sign in with a text message's code in place of TOTP", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		m.bound(t, own)

		return m.visit(own, m.asked(t, "signInWithTOTP", map[string]any{"email": own.email, "code": m.code(t, code.SignIn, m.phoned(t, own))}))
	}},

	{"bind a phone without a code", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		return m.by(own, m.asked(t, "bindPhone", map[string]any{"phone": m.phone(), "code": "000000"}))
	}},
	{"bind a phone with a code to sign in", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		phone := m.phone()

		return m.by(own, m.asked(t, "bindPhone", map[string]any{"phone": phone, "code": m.code(t, code.SignIn, phone)}))
	}},
	{"bind a phone with the code of another person", wrongCode, func(t *testing.T, m *matrix, own, other *member) call {
		phone := m.phone()

		return m.by(own, m.asked(t, "bindPhone", map[string]any{"phone": phone, "code": m.phoneCode(t, other, phone)}))
	}},
	{"bind another phone than the code went to", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		return m.by(own, m.asked(t, "bindPhone", map[string]any{"phone": m.phone(), "code": m.phoneCode(t, own, m.phone())}))
	}},
	{"sign in with a code to bind the phone", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		phone := m.phoned(t, own)

		return m.visit(own, m.asked(t, "signInWithCode", map[string]any{"phone": phone, "code": m.phoneCode(t, own, phone)}))
	}},
	{"sign in with the code of another phone", wrongCode, func(t *testing.T, m *matrix, own, other *member) call {
		phone := m.phoned(t, own)

		return m.visit(own, m.asked(t, "signInWithCode", map[string]any{"phone": phone, "code": m.signInCode(t, m.phoned(t, other))}))
	}},
	{"sign in with a phone that is nobody's", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		phone := m.phone()

		return m.visit(own, m.asked(t, "signInWithCode", map[string]any{"phone": phone, "code": m.code(t, code.SignIn, phone)}))
	}},

	{"change the address with a code that was never sent", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		return m.by(own, m.asked(t, "changeUser", map[string]any{"key": "Email", "email": m.address(), "code": "000000"}))
	}},
	{"change the address with the code of another address", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		return m.by(own, m.asked(t, "changeUser", map[string]any{"key": "Email", "email": m.address(), "code": m.emailCode(t, own, m.address())}))
	}},
	{"change the address with the code of another person", wrongCode, func(t *testing.T, m *matrix, own, other *member) call {
		address := m.address()

		return m.by(own, m.asked(t, "changeUser", map[string]any{"key": "Email", "email": address, "code": m.emailCode(t, other, address)}))
	}},
	{"change the address with a registration code", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		address := m.address()

		return m.by(own, m.asked(t, "changeUser", map[string]any{"key": "Email", "email": address, "code": m.registrationCode(t, address)}))
	}},

	{"reset a password without a code", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		return m.resetting(t, own, "000000")
	}},
	{"reset a password with a registration code", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		return m.resetting(t, own, m.code(t, code.Registration, own.email))
	}},
	{"reset a password with a code for the address as a new one", wrongCode, func(t *testing.T, m *matrix, own, other *member) call {
		return m.resetting(t, own, m.emailCode(t, other, own.email))
	}},
	{"reset a password with another's code", wrongCode, func(t *testing.T, m *matrix, own, other *member) call {
		return m.resetting(t, own, m.resetCode(t, other))
	}},
	{"reset a password with the code of an address that is no longer the account's", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		c := m.resetting(t, own, m.resetCode(t, own))
		m.exec(t, "UPDATE account SET email = $2 WHERE id = $1", own.id, m.address())

		return c
	}},

	{"register without a code", wrongCode, func(t *testing.T, m *matrix, _, _ *member) call {
		return m.registering(t, m.address(), "000000")
	}},
	{"register with a reset code", wrongCode, func(t *testing.T, m *matrix, _, _ *member) call {
		address := m.address()

		return m.registering(t, address, m.code(t, code.Reset, address))
	}},
	{"register with the code of another address", wrongCode, func(t *testing.T, m *matrix, _, _ *member) call {
		return m.registering(t, m.address(), m.registrationCode(t, m.address()))
	}},
	{"register with a code for the address as somebody's new one", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		address := m.address()

		return m.registering(t, address, m.emailCode(t, own, address))
	}},
	{"register an address that has an account", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		return m.registering(t, own.email, m.code(t, code.Registration, own.email))
	}},

	{"renew a session without a code", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
		return m.by(own, m.asked(t, "renewSession", map[string]any{"code": strings.Repeat("A", 44)}))
	}},
	{"renew a session with another session's code", wrongCode, func(t *testing.T, m *matrix, own, other *member) call {
		return m.by(own, m.asked(t, "renewSession", map[string]any{"code": refreshCode(t, m.browserOf(t, other))}))
	}},
	{"renew a session that has ended", "401 TOKEN_INVALID", func(t *testing.T, m *matrix, own, _ *member) call {
		plain := m.renewal(t, own.browser)
		end(t, m.clerk, own)

		return m.by(own, m.asked(t, "renewSession", map[string]any{"code": plain}))
	}},
	{"change the password with the new one for the old one", "400 INVALID_CREDENTIALS", func(t *testing.T, m *matrix, own, _ *member) call {
		return m.by(own, m.asked(t, "changePassword", map[string]any{"old": newPassword, "password": newPassword}))
	}},
}

// sent is the code that a request lets the gateway send.
func (m *matrix) sent(t *testing.T, to string, request call) string {
	t.Helper()

	before := len(m.Mails(to))

	if got := request.to(t, m.Server); got.status >= http.StatusBadRequest {
		t.Fatalf("%s for %s: %s", request.path, to, got)
	}

	return m.Mail(t, to, before).Code
}

func (m *matrix) phoneCode(t *testing.T, h *member, phone string) string {
	t.Helper()

	return m.sent(t, phone, m.by(h, operationOf(t, "sendPhoneCode").asked(url.Values{"phone": {phone}}.Encode(), nil)))
}

func (m *matrix) signInCode(t *testing.T, phone string) string {
	t.Helper()

	return m.sent(t, phone, operationOf(t, "sendSignInCode").asked(url.Values{"phone": {phone}}.Encode(), nil))
}

func (m *matrix) emailCode(t *testing.T, h *member, address string) string {
	t.Helper()

	return m.sent(t, address, m.by(h, m.asked(t, "changeUser", map[string]any{"key": "Email", "email": address})))
}

func (m *matrix) registrationCode(t *testing.T, address string) string {
	t.Helper()

	return m.sent(t, address, m.asked(t, "sendRegistrationCode", map[string]any{"email": address}))
}

func (m *matrix) resetCode(t *testing.T, h *member) string {
	t.Helper()

	return m.sent(t, h.email, operationOf(t, "sendResetCode").asked(url.Values{"email": {h.email}}.Encode(), nil))
}

// browserOf is the browser in which the member is signed in.
func (m *matrix) browserOf(t *testing.T, h *member) *apptest.Browser {
	t.Helper()

	browser := m.Browser(t)
	browser.SetCookie("__Host-TOKEN", h.cookie)
	browser.SetCookie("__Host-PRE", h.pre)
	browser.SetCookie("XSRF-TOKEN", m.xsrf(h))

	return browser
}

func (m *matrix) resetting(t *testing.T, h *member, plain string) call {
	t.Helper()

	return m.visit(h, m.asked(t, "resetPassword", map[string]any{"email": h.email, "code": plain, "password": newPassword}))
}

func (m *matrix) registering(t *testing.T, address, plain string) call {
	t.Helper()

	return m.asked(t, "register", map[string]any{"username": "New User", "email": address, "password": apptest.Password, "verificationCode": plain})
}

// R-C4, R-C12, R-D4, T-28: no step of a flow can be left out, and a code is worth nothing for another purpose, another
// person, another destination or another request. Nothing comes of it.
func TestStepsCannotBeSkipped(t *testing.T) {
	t.Parallel()

	m := newMatrix(t)

	for _, s := range shortcuts {
		people := m.members(t, 2, account.GroupNone)
		c := s.ask(t, m, people[0], people[1])
		before := m.everything(t)

		if got := answerOf(c.to(t, m.Server)); got != s.want {
			t.Errorf("%s: %s, want %s", s.name, got, s.want)
		}

		if m.everything(t) != before {
			t.Errorf("%s: something came of it", s.name)
		}
	}
}
