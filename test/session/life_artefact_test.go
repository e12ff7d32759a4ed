package session_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
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

		return judge(t, "cookie", as(world.VerifyCall(), of(h.kept)).To(t, h.elsewhere), http.StatusNoContent, refusedSession)
	}
}

func refreshing(of func(kept) browserState) func(*testing.T, *household) bool {
	return func(t *testing.T, h *household) bool {
		t.Helper()

		got := as(world.RenewCall(of(h.kept).code), of(h.kept)).To(t, h.elsewhere)

		return judge(t, "refresh code", got, http.StatusNoContent, refusedSession, "CODE_INVALID")
	}
}

// xsrfValue is sent where nothing but it is needed, with a body that is refused later.
func xsrfValue(of func(kept) browserState) func(*testing.T, *household) bool {
	return func(t *testing.T, h *household) bool {
		t.Helper()

		got := as(world.SendCall(http.MethodPost, "/login", ""), of(h.kept)).To(t, h.elsewhere)
		if got.Problem.Code == "INVALID_REQUEST" {
			return true
		}

		return judge(t, "XSRF value", got, http.StatusNoContent, "XSRF_INVALID")
	}
}

func accessToken(of func(kept) client.Tokens) func(*testing.T, *household) bool {
	return func(t *testing.T, h *household) bool {
		t.Helper()

		got := world.Call{Method: http.MethodGet, Path: "/api/users/me"}.With("Authorization", "Bearer "+of(h.kept).AccessToken).To(t, h.elsewhere)

		return judge(t, "access token", got, http.StatusOK, refusedSession)
	}
}

func refreshToken(of func(kept) client.Tokens) func(*testing.T, *household) bool {
	return func(t *testing.T, h *household) bool {
		t.Helper()

		got := world.SendCall(http.MethodPost, "/api/auth/refresh", map[string]string{"refresh_token": of(h.kept).RefreshToken}).To(t, h.elsewhere)

		return judge(t, "refresh token", got, http.StatusOK, "REFRESH_TOKEN_INVALID")
	}
}

func smsCode(t *testing.T, h *household) bool {
	t.Helper()

	got := h.visiting("/login/sms", map[string]string{"phone": h.kept.phone, "code": h.kept.sms}).To(t, h.elsewhere)

	return judge(t, "code by SMS", got, http.StatusNoContent, "CODE_INVALID", "TOTP_REQUIRED")
}

// authenticatorApp shows the code of the next step: those before were used to bind it.
func authenticatorApp(t *testing.T, h *household) bool {
	t.Helper()

	return h.secondFactor(t, "authenticator app", h.TOTPCode(t, h.kept.secret, 1))
}

func recovered(t *testing.T, h *household) bool {
	t.Helper()

	return h.secondFactor(t, "recovery code", h.kept.recovery)
}

func (h *household) secondFactor(t *testing.T, what, code string) bool {
	t.Helper()

	got := h.visiting("/login/totp", map[string]string{"email": h.email, "code": code}).To(t, h.elsewhere)

	return judge(t, what, got, http.StatusNoContent, "CODE_INVALID")
}

func larkIdentity(t *testing.T, h *household) bool {
	t.Helper()

	switch to := h.lark.Travel(h.elsewhere.Browser(t), world.LarkLogin, h.kept.person); to {
	case world.ConsoleOfLark + "/zh-Hans/":
		return true
	case world.LarkFailed("zh-Hans", "IDENTITY_NOT_BOUND"), world.LarkFailed("zh-Hans", "TOTP_REQUIRED"):
	default:
		t.Errorf("Lark: %s", to)
	}

	return false
}

// thePassword is the one of before, with the address of now.
func thePassword(t *testing.T, h *household) bool {
	t.Helper()

	got := h.visiting("/login", map[string]string{"email": h.email, "password": apptest.Password}).To(t, h.elsewhere)

	return judge(t, "password", got, http.StatusNoContent, "INVALID_CREDENTIALS", "TOTP_REQUIRED")
}

func pendingTOTP(t *testing.T, h *household) bool {
	t.Helper()

	codes := []string{h.TOTPCode(t, h.kept.pending, -1), h.TOTPCode(t, h.kept.pending, 0)}
	got := as(world.SendCall(http.MethodPost, "/user/totp", map[string]any{"tss": codes}), h.someone(t)).To(t, h.elsewhere)

	return judge(t, "secret asked for", got, http.StatusNoContent, refusedSession, "CODE_INVALID")
}

func phoneCode(t *testing.T, h *household) bool {
	t.Helper()

	got := as(world.SendCall(http.MethodPost, "/user/phone", map[string]string{"phone": h.kept.newPhone, "code": h.kept.phoneCode}), h.someone(t)).To(t, h.elsewhere)

	return judge(t, "code to a phone", got, http.StatusNoContent, refusedSession, "CODE_INVALID")
}

// emailCode is right where the answer is that the address is taken: only who has proved control of it is told.
// So the address stays, and with it what is to be tried after this.
func emailCode(t *testing.T, h *household) bool {
	t.Helper()

	got := as(world.PatchEmail(h.kept.taken, h.kept.emailCode), h.someone(t)).To(t, h.elsewhere)
	if got.Problem.Code == "EMAIL_TAKEN" {
		return true
	}

	return judge(t, "code to an address", got, 0, refusedSession, "CODE_INVALID")
}

func registrationCode(t *testing.T, h *household) bool {
	t.Helper()

	got := world.SendCall(http.MethodPost, "/api/users/register", map[string]string{
		"username": "Somebody", "email": h.kept.newEmail, "password": apptest.Password, "verificationCode": h.kept.registrationCode,
	}).To(t, h.elsewhere)

	return judge(t, "registration code", got, http.StatusCreated, "CODE_INVALID")
}

// resetCode is used with the address that it went to.
func resetCode(t *testing.T, h *household) bool {
	t.Helper()

	return judge(t, "reset code", h.reset(t), http.StatusNoContent, "CODE_INVALID")
}

func (h *household) reset(t *testing.T) world.Reply {
	t.Helper()

	return h.visiting("/forget_reset", map[string]string{"email": h.kept.email, "code": h.kept.resetCode, "password": world.AnotherPassword}).To(t, h.elsewhere)
}
