package session_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// The credentials of a lifecycleUser, each as a function that reports whether it still works on another replica. Most
// of them use the credential up.

func ofThisBrowser(k issued) browserState  { return k.thisBrowser }
func ofOtherBrowser(k issued) browserState { return k.otherBrowser }
func ofThisApp(k issued) client.Tokens     { return k.thisApp }
func ofOtherApp(k issued) client.Tokens    { return k.otherApp }

// sessionRefusal is the code of every response to a credential of an ended session.
const sessionRefusal = "TOKEN_INVALID"

func cookie(of func(issued) browserState) func(*testing.T, *lifecycleUser) bool {
	return func(t *testing.T, u *lifecycleUser) bool {
		t.Helper()

		return accepted(t, "cookie", fromState(world.VerifyCall(), of(u.issued)).To(t, u.replica), http.StatusNoContent, sessionRefusal)
	}
}

func refreshCode(of func(issued) browserState) func(*testing.T, *lifecycleUser) bool {
	return func(t *testing.T, u *lifecycleUser) bool {
		t.Helper()

		got := fromState(world.RenewCall(of(u.issued).code), of(u.issued)).To(t, u.replica)

		return accepted(t, "refresh code", got, http.StatusNoContent, sessionRefusal, "CODE_INVALID")
	}
}

// xsrfValue is sent in a call that needs nothing else, with a body that is refused after the XSRF check.
func xsrfValue(of func(issued) browserState) func(*testing.T, *lifecycleUser) bool {
	return func(t *testing.T, u *lifecycleUser) bool {
		t.Helper()

		got := fromState(world.JSONCall(http.MethodPost, "/login", ""), of(u.issued)).To(t, u.replica)
		if got.Problem.Code == "INVALID_REQUEST" {
			return true
		}

		return accepted(t, "XSRF value", got, http.StatusNoContent, "XSRF_INVALID")
	}
}

func accessToken(of func(issued) client.Tokens) func(*testing.T, *lifecycleUser) bool {
	return func(t *testing.T, u *lifecycleUser) bool {
		t.Helper()

		got := world.Call{Method: http.MethodGet, Path: "/api/users/me"}.With("Authorization", "Bearer "+of(u.issued).AccessToken).To(t, u.replica)

		return accepted(t, "access token", got, http.StatusOK, sessionRefusal)
	}
}

func refreshToken(of func(issued) client.Tokens) func(*testing.T, *lifecycleUser) bool {
	return func(t *testing.T, u *lifecycleUser) bool {
		t.Helper()

		got := world.JSONCall(http.MethodPost, "/api/auth/refresh", map[string]string{"refresh_token": of(u.issued).RefreshToken}).To(t, u.replica)

		return accepted(t, "refresh token", got, http.StatusOK, "REFRESH_TOKEN_INVALID")
	}
}

func smsCode(t *testing.T, u *lifecycleUser) bool {
	t.Helper()

	got := u.visitorCall("/login/sms", map[string]string{"phone": u.issued.phone, "code": u.issued.sms}).To(t, u.replica)

	return accepted(t, "code by SMS", got, http.StatusNoContent, "CODE_INVALID", "TOTP_REQUIRED")
}

// authenticatorApp uses the code of the next step, because the earlier ones were used to bind it.
func authenticatorApp(t *testing.T, u *lifecycleUser) bool {
	t.Helper()

	return u.secondFactor(t, "authenticator app", u.TOTPCode(t, u.issued.secret, 1))
}

// recoveryCode works behind the current password, for a user who asks for two factors.
func recoveryCode(t *testing.T, u *lifecycleUser) bool {
	t.Helper()

	u.ChooseSecondFactor(t, u.email, true)
	defer u.ChooseSecondFactor(t, u.email, false)

	got := u.visitorCall("/login", map[string]string{"email": u.email, "password": u.password, "totp": u.issued.recovery}).To(t, u.replica)

	return accepted(t, "recovery code", got, http.StatusNoContent, "INVALID_CREDENTIALS")
}

func (u *lifecycleUser) secondFactor(t *testing.T, what, code string) bool {
	t.Helper()

	got := u.visitorCall("/login/totp", map[string]string{"email": u.email, "code": code}).To(t, u.replica)

	return accepted(t, what, got, http.StatusNoContent, "CODE_INVALID")
}

func larkIdentity(t *testing.T, u *lifecycleUser) bool {
	t.Helper()

	switch to := u.lark.Authorize(u.replica.Browser(t), world.LarkLogin, u.issued.person); to {
	case world.LarkConsoleURL + "/zh-Hans/":
		return true
	case world.LarkFailed("zh-Hans", "IDENTITY_NOT_BOUND"), world.LarkFailed("zh-Hans", "TOTP_REQUIRED"):
	default:
		t.Errorf("Lark: %s", to)
	}

	return false
}

// oldPassword is the original password with the current address.
func oldPassword(t *testing.T, u *lifecycleUser) bool {
	t.Helper()

	got := u.visitorCall("/login", map[string]string{"email": u.email, "password": apptest.Password}).To(t, u.replica)

	return accepted(t, "password", got, http.StatusNoContent, "INVALID_CREDENTIALS", "TOTP_REQUIRED")
}

func pendingTOTP(t *testing.T, u *lifecycleUser) bool {
	t.Helper()

	codes := u.BindingCodes(t, u.issued.pending)
	got := fromState(world.JSONCall(http.MethodPost, "/user/totp", map[string]any{"tss": codes}), u.changingBrowser(t)).To(t, u.replica)

	return accepted(t, "secret asked for", got, http.StatusOK, sessionRefusal, "CODE_INVALID", "REAUTH_REQUIRED")
}

func phoneCode(t *testing.T, u *lifecycleUser) bool {
	t.Helper()

	got := fromState(world.JSONCall(http.MethodPost, "/user/phone", map[string]string{"phone": u.issued.newPhone, "code": u.issued.phoneCode}), u.changingBrowser(t)).To(t, u.replica)

	return accepted(t, "code to a phone", got, http.StatusNoContent, sessionRefusal, "CODE_INVALID", "REAUTH_REQUIRED")
}

// emailCode works if the response says that the address is taken: only a caller who has proved control of it may learn
// that. The address of the account stays, and with it what is tried afterwards.
func emailCode(t *testing.T, u *lifecycleUser) bool {
	t.Helper()

	got := fromState(world.EmailCall(u.issued.taken, u.issued.emailCode), u.changingBrowser(t)).To(t, u.replica)
	if got.Problem.Code == "EMAIL_TAKEN" {
		return true
	}

	return accepted(t, "code to an address", got, 0, sessionRefusal, "CODE_INVALID", "REAUTH_REQUIRED")
}

func registrationCode(t *testing.T, u *lifecycleUser) bool {
	t.Helper()

	got := world.JSONCall(http.MethodPost, "/api/users/register", map[string]string{
		"username": "User", "email": u.issued.newEmail, "password": apptest.Password, "verificationCode": u.issued.registrationCode,
	}).To(t, u.replica)

	return accepted(t, "registration code", got, http.StatusCreated, "CODE_INVALID")
}

// resetCode is used with the address to which it was sent.
func resetCode(t *testing.T, u *lifecycleUser) bool {
	t.Helper()

	return accepted(t, "reset code", u.reset(t), http.StatusNoContent, "CODE_INVALID")
}

func (u *lifecycleUser) reset(t *testing.T) world.Reply {
	t.Helper()

	return u.visitorCall("/forget_reset", map[string]string{"email": u.issued.email, "code": u.issued.resetCode, "password": world.NewPassword}).To(t, u.replica)
}
