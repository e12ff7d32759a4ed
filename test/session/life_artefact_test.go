package app_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// What is outstanding, each as a function that says whether it works, on another replica than everything
// happened on. All but a few use it up.

func here(k kept) browserState  { return k.here }
func there(k kept) browserState { return k.there }
func app1(k kept) client.Tokens { return k.app }
func app2(k kept) client.Tokens { return k.other }

// refusedSession answers whatever speaks for a session that is over.
const refusedSession = "TOKEN_INVALID"

func cookie(of func(kept) browserState) func(*testing.T, *household) bool {
	return func(t *testing.T, h *household) bool {
		t.Helper()

		return judge(t, "cookie", verifyCall().as(of(h.kept)).to(t, h.elsewhere), http.StatusNoContent, refusedSession)
	}
}

func refreshing(of func(kept) browserState) func(*testing.T, *household) bool {
	return func(t *testing.T, h *household) bool {
		t.Helper()

		got := renewalCall(of(h.kept).code).as(of(h.kept)).to(t, h.elsewhere)

		return judge(t, "refresh code", got, http.StatusNoContent, refusedSession, "CODE_INVALID")
	}
}

// xsrfValue is sent where nothing but it is needed, with a body that is refused later.
func xsrfValue(of func(kept) browserState) func(*testing.T, *household) bool {
	return func(t *testing.T, h *household) bool {
		t.Helper()

		got := sending(http.MethodPost, "/login", "").as(of(h.kept)).to(t, h.elsewhere)
		if got.problem.Code == "INVALID_REQUEST" {
			return true
		}

		return judge(t, "XSRF value", got, http.StatusNoContent, "XSRF_INVALID")
	}
}

func accessToken(of func(kept) client.Tokens) func(*testing.T, *household) bool {
	return func(t *testing.T, h *household) bool {
		t.Helper()

		got := call{method: http.MethodGet, path: "/api/users/me"}.with("Authorization", "Bearer "+of(h.kept).AccessToken).to(t, h.elsewhere)

		return judge(t, "access token", got, http.StatusOK, refusedSession)
	}
}

func refreshToken(of func(kept) client.Tokens) func(*testing.T, *household) bool {
	return func(t *testing.T, h *household) bool {
		t.Helper()

		got := sending(http.MethodPost, "/api/auth/refresh", map[string]string{"refresh_token": of(h.kept).RefreshToken}).to(t, h.elsewhere)

		return judge(t, "refresh token", got, http.StatusOK, "REFRESH_TOKEN_INVALID")
	}
}

func smsCode(t *testing.T, h *household) bool {
	t.Helper()

	got := h.visiting("/login/sms", map[string]string{"phone": h.kept.phone, "code": h.kept.sms}).to(t, h.elsewhere)

	return judge(t, "code by SMS", got, http.StatusNoContent, "CODE_INVALID", "TOTP_REQUIRED")
}

// authenticatorApp shows the code of the next step: those before were used to bind it.
func authenticatorApp(t *testing.T, h *household) bool {
	t.Helper()

	return h.secondFactor(t, "authenticator app", h.totp(t, h.kept.secret, 1))
}

func recovered(t *testing.T, h *household) bool {
	t.Helper()

	return h.secondFactor(t, "recovery code", h.kept.recovery)
}

func (h *household) secondFactor(t *testing.T, what, code string) bool {
	t.Helper()

	got := h.visiting("/login/totp", map[string]string{"email": h.email, "code": code}).to(t, h.elsewhere)

	return judge(t, what, got, http.StatusNoContent, "CODE_INVALID")
}

func larkIdentity(t *testing.T, h *household) bool {
	t.Helper()

	switch to := h.lark.travel(h.elsewhere.Browser(t), login, h.kept.person); to {
	case consoleOfLark + "/zh-Hans/":
		return true
	case failed("zh-Hans", "IDENTITY_NOT_BOUND"), failed("zh-Hans", "TOTP_REQUIRED"):
	default:
		t.Errorf("Lark: %s", to)
	}

	return false
}

// thePassword is the one of before, with the address of now.
func thePassword(t *testing.T, h *household) bool {
	t.Helper()

	got := h.visiting("/login", map[string]string{"email": h.email, "password": apptest.Password}).to(t, h.elsewhere)

	return judge(t, "password", got, http.StatusNoContent, "INVALID_CREDENTIALS", "TOTP_REQUIRED")
}

func pendingTOTP(t *testing.T, h *household) bool {
	t.Helper()

	codes := []string{h.totp(t, h.kept.pending, -1), h.totp(t, h.kept.pending, 0)}
	got := sending(http.MethodPost, "/user/totp", map[string]any{"tss": codes}).as(h.someone(t)).to(t, h.elsewhere)

	return judge(t, "secret asked for", got, http.StatusNoContent, refusedSession, "CODE_INVALID")
}

func phoneCode(t *testing.T, h *household) bool {
	t.Helper()

	got := sending(http.MethodPost, "/user/phone", map[string]string{"phone": h.kept.newPhone, "code": h.kept.phoneCode}).as(h.someone(t)).to(t, h.elsewhere)

	return judge(t, "code to a phone", got, http.StatusNoContent, refusedSession, "CODE_INVALID")
}

// emailCode is right where the answer is that the address is taken: only who has proved control of it is told.
// So the address stays, and with it what is to be tried after this.
func emailCode(t *testing.T, h *household) bool {
	t.Helper()

	got := patchEmail(h.kept.taken, h.kept.emailCode).as(h.someone(t)).to(t, h.elsewhere)
	if got.problem.Code == "EMAIL_TAKEN" {
		return true
	}

	return judge(t, "code to an address", got, 0, refusedSession, "CODE_INVALID")
}

func registrationCode(t *testing.T, h *household) bool {
	t.Helper()

	got := sending(http.MethodPost, "/api/users/register", map[string]string{
		"username": "Somebody", "email": h.kept.newEmail, "password": apptest.Password, "verificationCode": h.kept.registrationCode,
	}).to(t, h.elsewhere)

	return judge(t, "registration code", got, http.StatusCreated, "CODE_INVALID")
}

// resetCode is used with the address that it went to.
func resetCode(t *testing.T, h *household) bool {
	t.Helper()

	return judge(t, "reset code", h.reset(t), http.StatusNoContent, "CODE_INVALID")
}

func (h *household) reset(t *testing.T) reply {
	t.Helper()

	return h.visiting("/forget_reset", map[string]string{"email": h.kept.email, "code": h.kept.resetCode, "password": anotherPassword}).to(t, h.elsewhere)
}

const anotherPassword = "another horse, another staple"
