package authorization_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// skippedStep is a call that skips a step of a flow, or uses the result of another step.
type skippedStep struct {
	name string
	want string
	call func(t *testing.T, m *world.Matrix, own, other *world.Member) world.Call
}

// totpBinding returns a body with two successive codes of a secret.
func totpBinding(t *testing.T, m *world.Matrix, address string) map[string]any {
	t.Helper()

	return map[string]any{"totp": address, "tss": []string{
		world.TOTPAt(t, address, m.Clock.Now().Add(-30e9)), world.TOTPAt(t, address, m.Clock.Now()),
	}}
}

var skippedSteps = []skippedStep{
	{"bind a TOTP secret that the server never made", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		return m.AsMember(own, m.Call(t, "bindTOTP", totpBinding(t, m, world.OwnSecret)))
	}},
	{"bind a TOTP secret of one's own in place of the one that waits", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		m.PendingAuthenticator(t, own)

		return m.AsMember(own, m.Call(t, "bindTOTP", totpBinding(t, m, world.OwnSecret)))
	}},
	{"bind the empty TOTP secret", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		return m.AsMember(own, m.Call(t, "bindTOTP", totpBinding(t, m, world.EmptySecret)))
	}},
	{"bind the TOTP secret that another was handed", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, other *world.Member) world.Call {
		address, _ := m.PendingAuthenticator(t, other)
		m.PendingAuthenticator(t, own)

		return m.AsMember(own, m.Call(t, "bindTOTP", totpBinding(t, m, address)))
	}},
	{"bind TOTP with another's URL and the codes of one's own", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, other *world.Member) world.Call {
		address, _ := m.PendingAuthenticator(t, other)
		_, codes := m.PendingAuthenticator(t, own)

		return m.AsMember(own, m.Call(t, "bindTOTP", map[string]any{"totp": address, "tss": codes[:2]}))
	}},
	{"bind TOTP with a secret that a newer one has replaced", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		address, _ := m.PendingAuthenticator(t, own)
		m.PendingAuthenticator(t, own)

		return m.AsMember(own, m.Call(t, "bindTOTP", totpBinding(t, m, address)))
	}},

	{"sign in with the TOTP secret that waits", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		_, codes := m.PendingAuthenticator(t, own)

		return m.AsVisitor(own, m.Call(t, "signInWithTOTP", map[string]any{"email": own.Email, "code": codes[1]}))
	}},
	{"sign in with another's authenticator", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, other *world.Member) world.Call {
		m.BindAuthenticator(t, own)

		return m.AsVisitor(own, m.Call(t, "signInWithTOTP", map[string]any{"email": own.Email, "code": m.BindAuthenticator(t, other)}))
	}},
	{"sign in with another's recovery code", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, other *world.Member) world.Call {
		m.BindAuthenticator(t, own)

		return m.AsVisitor(own, m.Call(t, "signInWithTOTP", map[string]any{"email": own.Email, "code": m.RecoveryCode(t, other)}))
	}},
	{"sign in with a text message's code in place of TOTP", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		m.BindAuthenticator(t, own)

		return m.AsVisitor(own, m.Call(t, "signInWithTOTP", map[string]any{"email": own.Email, "code": m.IssueCode(t, code.SignIn, m.BindPhone(t, own))}))
	}},

	{"bind a phone without a code", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		return m.AsMember(own, m.Call(t, "bindPhone", map[string]any{"phone": m.NewPhone(), "code": "000000"}))
	}},
	{"bind a phone with a code to sign in", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		phone := m.NewPhone()

		return m.AsMember(own, m.Call(t, "bindPhone", map[string]any{"phone": phone, "code": m.IssueCode(t, code.SignIn, phone)}))
	}},
	{"bind a phone with the code of another person", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, other *world.Member) world.Call {
		phone := m.NewPhone()

		return m.AsMember(own, m.Call(t, "bindPhone", map[string]any{"phone": phone, "code": phoneCode(t, m, other, phone)}))
	}},
	{"bind another phone than the code went to", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		return m.AsMember(own, m.Call(t, "bindPhone", map[string]any{"phone": m.NewPhone(), "code": phoneCode(t, m, own, m.NewPhone())}))
	}},
	{"sign in with a code to bind the phone", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		phone := m.BindPhone(t, own)

		return m.AsVisitor(own, m.Call(t, "signInWithCode", map[string]any{"phone": phone, "code": phoneCode(t, m, own, phone)}))
	}},
	{"sign in with the code of another phone", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, other *world.Member) world.Call {
		phone := m.BindPhone(t, own)

		return m.AsVisitor(own, m.Call(t, "signInWithCode", map[string]any{"phone": phone, "code": signInCode(t, m, m.BindPhone(t, other))}))
	}},
	{"sign in with a phone that no account has", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		phone := m.NewPhone()

		return m.AsVisitor(own, m.Call(t, "signInWithCode", map[string]any{"phone": phone, "code": m.IssueCode(t, code.SignIn, phone)}))
	}},

	{"change the address with a code that was never sent", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		return m.AsMember(own, m.Call(t, "changeUser", map[string]any{"key": "Email", "email": m.NewAddress(), "code": "000000"}))
	}},
	{"change the address with the code of another address", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		return m.AsMember(own, m.Call(t, "changeUser", map[string]any{"key": "Email", "email": m.NewAddress(), "code": emailCode(t, m, own, m.NewAddress())}))
	}},
	{"change the address with the code of another person", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, other *world.Member) world.Call {
		address := m.NewAddress()

		return m.AsMember(own, m.Call(t, "changeUser", map[string]any{"key": "Email", "email": address, "code": emailCode(t, m, other, address)}))
	}},
	{"change the address with a registration code", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		address := m.NewAddress()

		return m.AsMember(own, m.Call(t, "changeUser", map[string]any{"key": "Email", "email": address, "code": registrationCode(t, m, address)}))
	}},

	{"reset a password without a code", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		return m.ResetCall(t, own, "000000")
	}},
	{"reset a password with a registration code", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		return m.ResetCall(t, own, m.IssueCode(t, code.Registration, own.Email))
	}},
	{"reset a password with a code for the address as a new one", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, other *world.Member) world.Call {
		return m.ResetCall(t, own, emailCode(t, m, other, own.Email))
	}},
	{"reset a password with another's code", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, other *world.Member) world.Call {
		return m.ResetCall(t, own, resetCode(t, m, other))
	}},
	{"reset a password with the code of an address that is no longer the account's", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		c := m.ResetCall(t, own, resetCode(t, m, own))
		m.Update(t, "UPDATE account SET email = $2 WHERE id = $1", own.ID, m.NewAddress())

		return c
	}},

	{"register without a code", world.CodeInvalid, func(t *testing.T, m *world.Matrix, _, _ *world.Member) world.Call {
		return registerCall(t, m, m.NewAddress(), "000000")
	}},
	{"register with a reset code", world.CodeInvalid, func(t *testing.T, m *world.Matrix, _, _ *world.Member) world.Call {
		address := m.NewAddress()

		return registerCall(t, m, address, m.IssueCode(t, code.Reset, address))
	}},
	{"register with the code of another address", world.CodeInvalid, func(t *testing.T, m *world.Matrix, _, _ *world.Member) world.Call {
		return registerCall(t, m, m.NewAddress(), registrationCode(t, m, m.NewAddress()))
	}},
	{"register with a code for the address as another user's new one", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		address := m.NewAddress()

		return registerCall(t, m, address, emailCode(t, m, own, address))
	}},
	{"register an address that has an account", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		return registerCall(t, m, own.Email, m.IssueCode(t, code.Registration, own.Email))
	}},

	{"renew a session without a code", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		return m.AsMember(own, m.Call(t, "renewSession", map[string]any{"code": strings.Repeat("A", 44)}))
	}},
	{"renew a session with another session's code", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, other *world.Member) world.Call {
		return m.AsMember(own, m.Call(t, "renewSession", map[string]any{"code": world.RefreshCode(t, browserOf(t, m, other))}))
	}},
	{"renew a session that has ended", "401 TOKEN_INVALID", func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		plain := m.RefreshCode(t, own.BrowserSession)
		world.EndSessions(t, m.Seeder, own)

		return m.AsMember(own, m.Call(t, "renewSession", map[string]any{"code": plain}))
	}},
	{"change the password with the new one for the old one", "400 INVALID_CREDENTIALS", func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
		return m.AsMember(own, m.Call(t, "changePassword", map[string]any{"old": world.NewPassword, "password": world.NewPassword}))
	}},
}

// sentCode returns the code that a request makes the gateway send.
func sentCode(t *testing.T, m *world.Matrix, to string, request world.Call) string {
	t.Helper()

	before := len(m.Mails(to))

	if got := request.To(t, m.Server); got.Status >= http.StatusBadRequest {
		t.Fatalf("%s for %s: %s", request.Path, to, got)
	}

	return m.Mail(t, to, before).Code
}

func phoneCode(t *testing.T, m *world.Matrix, member *world.Member, phone string) string {
	t.Helper()

	return sentCode(t, m, phone, m.AsMember(member, world.OperationOf(t, "sendPhoneCode").Call(url.Values{"phone": {phone}}.Encode(), nil)))
}

func signInCode(t *testing.T, m *world.Matrix, phone string) string {
	t.Helper()

	return sentCode(t, m, phone, world.OperationOf(t, "sendSignInCode").Call(url.Values{"phone": {phone}}.Encode(), nil))
}

func emailCode(t *testing.T, m *world.Matrix, member *world.Member, address string) string {
	t.Helper()

	return sentCode(t, m, address, m.AsMember(member, m.Call(t, "changeUser", map[string]any{"key": "Email", "email": address})))
}

func registrationCode(t *testing.T, m *world.Matrix, address string) string {
	t.Helper()

	return sentCode(t, m, address, m.Call(t, "sendRegistrationCode", map[string]any{"email": address}))
}

func resetCode(t *testing.T, m *world.Matrix, member *world.Member) string {
	t.Helper()

	return sentCode(t, m, member.Email, world.OperationOf(t, "sendResetCode").Call(url.Values{"email": {member.Email}}.Encode(), nil))
}

// browserOf returns the browser in which the member is signed in.
func browserOf(t *testing.T, m *world.Matrix, member *world.Member) *apptest.Browser {
	t.Helper()

	browser := m.Browser(t)
	browser.SetCookie("__Host-TOKEN", member.Cookie)
	browser.SetCookie("__Host-PRE", member.PreSession)
	browser.SetCookie("XSRF-TOKEN", m.XSRFToken(member))

	return browser
}

func registerCall(t *testing.T, m *world.Matrix, address, plain string) world.Call {
	t.Helper()

	return m.Call(t, "register", map[string]any{"username": "New User", "email": address, "password": apptest.Password, "verificationCode": plain})
}

// R-C4, R-C12, R-D4, T-28: no step of a flow can be skipped, and a code is void for another purpose, another user,
// another destination or another request. Such a call has no effect.
func TestStepsCannotBeSkipped(t *testing.T) {
	t.Parallel()

	m := world.NewMatrix(t)

	for _, s := range skippedSteps {
		people := m.Members(t, 2, account.GroupNone)
		c := s.call(t, m, people[0], people[1])
		before := m.AllState(t)

		if got := world.StatusAndCode(c.To(t, m.Server)); got != s.want {
			t.Errorf("%s: %s, want %s", s.name, got, s.want)
		}

		if m.AllState(t) != before {
			t.Errorf("%s: the call had an effect", s.name)
		}
	}
}
