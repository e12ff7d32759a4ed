package authorization_test

import (
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// appCalls are those of the operations with which apps do what the browsers' surface offers, too.
var appCalls = []validCall{
	{operation: "sendLoginSMS", want: "200", prepare: withBody(func(_ *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		return map[string]any{"phone": m.NewPhone()}
	})},
	{operation: "loginWithSMS", want: "200", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		phone := m.BindPhone(t, named)

		return map[string]any{"phone": phone, "code": m.IssueCode(t, code.SignIn, phone)}
	})},
	{operation: "loginWithTOTP", want: "200", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"email": named.Email, "code": m.BindAuthenticator(t, named)}
	})},
	{operation: "sendForgottenPasswordCode", want: "200", prepare: withBody(func(_ *testing.T, _ *world.Matrix, _, named *world.Member) map[string]any {
		return map[string]any{"email": named.Email}
	})},
	{operation: "resetForgottenPassword", object: "wrong code", want: world.CodeInvalid, prepare: withBody(func(_ *testing.T, _ *world.Matrix, _, named *world.Member) map[string]any {
		return map[string]any{"email": named.Email, "code": "000000", "password": world.NewPassword}
	})},
	{operation: "resetForgottenPassword", object: "right code", costly: true, want: "200", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"email": named.Email, "code": m.IssueCode(t, code.Reset, named.Email), "password": world.NewPassword}
	})},
	{operation: "changeMyPassword", object: "bad new password", want: "400 PASSWORD_REFUSED", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"old": apptest.Password, "password": "password123"}
	})},
	{operation: "changeMyPassword", object: "right password", costly: true, want: "200", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"old": apptest.Password, "password": world.NewPassword}
	})},
	{operation: "sendMyEmailCode", oldSignInWant: world.ReauthRequired, want: "200", prepare: withBody(func(_ *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		return map[string]any{"email": m.NewAddress()}
	})},
	{operation: "changeMyEmail", oldSignInWant: world.ReauthRequired, want: "200", otherWant: world.CodeInvalid, prepare: withBody(func(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
		t.Helper()

		address := m.NewAddress()

		return map[string]any{"email": address, "code": m.IssueCode(t, code.Email, own.ID+" "+address)}
	})},
	{operation: "sendMyPhoneCode", oldSignInWant: world.ReauthRequired, want: "200", prepare: withBody(func(_ *testing.T, m *world.Matrix, _, _ *world.Member) map[string]any {
		return map[string]any{"phone": m.NewPhone()}
	})},
	{operation: "bindMyPhone", oldSignInWant: world.ReauthRequired, want: "200", otherWant: world.CodeInvalid, prepare: withBody(func(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
		t.Helper()

		phone := m.NewPhone()

		return map[string]any{"phone": phone, "code": m.IssueCode(t, code.Phone, own.ID+" "+phone)}
	})},
	{operation: "unbindMyPhone", oldSignInWant: world.ReauthRequired, want: "204", prepare: removingFactor("phone")},
	{operation: "createMyTOTP", oldSignInWant: world.ReauthRequired, want: "200", prepare: withoutBody},
	{operation: "bindMyTOTP", oldSignInWant: world.ReauthRequired, want: "200", otherWant: world.CodeInvalid, prepare: withBody(func(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
		t.Helper()

		_, codes := m.PendingAuthenticator(t, own)

		return map[string]any{"codes": codes[:2]}
	})},
	{operation: "unbindMyTOTP", oldSignInWant: world.ReauthRequired, want: "204", prepare: removingFactor("totp")},
	{operation: "getMyTOTPPicture", oldSignInWant: world.ReauthRequired, want: "200", otherWant: "400 TOTP_NOT_PENDING", prepare: func(t *testing.T, m *world.Matrix, o world.Operation, own, _, _ *world.Member) world.Call {
		t.Helper()
		m.PendingAuthenticator(t, own)

		return o.Call("", nil)
	}},
	{operation: "createMyRecoveryCodes", oldSignInWant: world.ReauthRequired, want: "200", otherWant: "400 TOTP_NOT_BOUND", prepare: func(t *testing.T, m *world.Matrix, o world.Operation, own, _, _ *world.Member) world.Call {
		t.Helper()
		m.BindAuthenticator(t, own)

		return o.Call("", nil)
	}},
	{operation: "setMySecondFactor", oldSignInWant: world.ReauthRequired, want: "204", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"enabled": false}
	})},
	{operation: "keepMyFactor", oldSignInWant: world.ReauthRequired, want: "204", otherWant: "400 NOT_SUSPENDED", prepare: func(t *testing.T, m *world.Matrix, o world.Operation, own, _, _ *world.Member) world.Call {
		t.Helper()
		m.BindPhone(t, own)
		m.Update(t, "UPDATE account SET phone_suspended_at = created_at WHERE id = $1", own.ID)

		c := o.Call("", nil)
		c.Path = strings.ReplaceAll(c.Path, "{factor}", "phone")

		return c
	}},
	{operation: "unbindMyLark", oldSignInWant: world.ReauthRequired, want: "204", prepare: removingFactor("lark")},
	{operation: "getMyProfile", want: "200", prepare: withoutBody},
	{operation: "sendLoginMail", want: "200", prepare: withBody(func(_ *testing.T, _ *world.Matrix, _, named *world.Member) map[string]any {
		return map[string]any{"email": named.Email}
	})},
	{operation: "loginWithMail", want: "200", prepare: mailedCode},
	{operation: "sendSignInMail", want: "204", prepare: withBody(func(_ *testing.T, _ *world.Matrix, _, named *world.Member) map[string]any {
		return map[string]any{"email": named.Email}
	})},
	{operation: "signInWithMail", want: "204", prepare: mailedCode},
	{operation: "labelSession", object: "own", want: "204", otherWant: "404 SESSION_NOT_FOUND", prepare: labelled(ownBrowserID)},
	{operation: "labelSession", object: "another person's", want: "404 SESSION_NOT_FOUND", otherWant: "204", prepare: labelled(otherApp)},
	{operation: "labelDevice", object: "own", want: "204", otherWant: "404 DEVICE_NOT_FOUND", prepare: labelled(ownDevice)},
	{operation: "labelDevice", object: "another person's", want: "404 DEVICE_NOT_FOUND", otherWant: "204", prepare: labelled(otherDevice)},
	{operation: "labelUserSession", object: "own", want: "204", otherWant: "404 SESSION_NOT_FOUND", prepare: labelled(ownApp)},
	{operation: "labelUserSession", object: "another person's", want: "404 SESSION_NOT_FOUND", otherWant: "204", prepare: labelled(otherApp)},
	{operation: "labelUserDevice", object: "own", want: "204", otherWant: "404 DEVICE_NOT_FOUND", prepare: labelled(ownDevice)},
	{operation: "labelUserDevice", object: "another person's", want: "404 DEVICE_NOT_FOUND", otherWant: "204", prepare: labelled(otherDevice)},
	{operation: "loginWithLark", want: "200", prepare: withBody(func(t *testing.T, m *world.Matrix, _, named *world.Member) map[string]any {
		t.Helper()

		return map[string]any{"code": world.LarkGrant(t, m.Env, m.BindLark(t, named)), "code_verifier": world.GrantVerifier}
	})},
	{operation: "bindMyLark", oldSignInWant: world.ReauthRequired, want: "200", prepare: withBody(func(t *testing.T, m *world.Matrix, own, _ *world.Member) map[string]any {
		t.Helper()

		subject := "ou_fresh"
		if own != nil {
			subject += own.ID
		}

		return map[string]any{"code": world.LarkGrant(t, m.Env, subject), "code_verifier": world.GrantVerifier}
	})},
	{operation: "authorizeLarkForApp", want: "302", prepare: func(_ *testing.T, _ *world.Matrix, o world.Operation, _, _, _ *world.Member) world.Call {
		return o.Call(world.AuthorizeAppQuery(world.AppRedirect, ""), nil)
	}},
	{operation: "setLanguage", want: "204", prepare: withBody(func(*testing.T, *world.Matrix, *world.Member, *world.Member) map[string]any {
		return map[string]any{"language": "en"}
	})},
	{operation: "deleteMe", oldSignInWant: world.ReauthRequired, want: "204", prepare: withoutBody},
	{operation: "deleteUser", oldSignInWant: world.ReauthRequired, want: "204", prepare: withoutBody},
	{operation: "exportMe", oldSignInWant: world.ReauthRequired, want: "200", prepare: withoutBody},
	{operation: "exportUser", oldSignInWant: world.ReauthRequired, want: "200", prepare: withoutBody},
	{operation: "listSignIns", want: "200", prepare: withoutBody},
	{operation: "listUserSignIns", want: "200", prepare: withoutBody},
}

// mailedCode returns the sign-in of the named user with a code that was mailed.
func mailedCode(t *testing.T, m *world.Matrix, o world.Operation, _, _, named *world.Member) world.Call {
	t.Helper()

	return o.Call("", map[string]any{"email": named.Email, "code": m.IssueCode(t, code.SignInMail, named.Email)})
}

// labelled returns a function that builds the call that gives a session or a device a name.
func labelled(id func(own, other *world.Member) string) func(*testing.T, *world.Matrix, world.Operation, *world.Member, *world.Member, *world.Member) world.Call {
	return func(_ *testing.T, _ *world.Matrix, o world.Operation, own, other, _ *world.Member) world.Call {
		c := o.Call("", map[string]any{"label": "Study"})
		c.Path = strings.ReplaceAll(c.Path, "{id}", id(own, other))

		return c
	}
}
