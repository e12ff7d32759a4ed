package world

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// JSONCall returns a call with a body, which it encodes as JSON.
func JSONCall(method, path string, body any) Call {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // the bodies of tests are strings, lists and maps
	}

	return Call{Method: method, Path: path, Body: string(text)}.With("Content-Type", "application/json")
}

// PostCall returns a POST with a JSON body.
func PostCall(path string, values map[string]any) Call {
	return JSONCall(http.MethodPost, path, values)
}

// QueryCall returns a GET with one parameter in its query string.
func QueryCall(path, name, value string) Call {
	return Call{Method: http.MethodGet, Path: path, Query: url.Values{name: {value}}.Encode()}
}

// LoginCall returns the call with which an app signs in.
func LoginCall(email, password string) Call {
	c := Call{Method: http.MethodPost, Path: "/api/auth/login", Body: url.Values{"email": {email}, "password": {password}}.Encode()}

	return c.With("Content-Type", "application/x-www-form-urlencoded")
}

// sendCodeCall returns a request for a registration code.
func sendCodeCall(email string) Call {
	return JSONCall(http.MethodPost, "/api/users/register/send-code", map[string]string{"email": email})
}

// RegisterCall returns a registration.
func RegisterCall(email, password, code string) Call {
	return JSONCall(http.MethodPost, "/api/users/register", map[string]string{
		"username": "X", "email": email, "password": password, "verificationCode": code,
	})
}

// AppTOTPCall returns an app's sign-in with the code of an authenticator app.
func AppTOTPCall(email, code string) Call {
	return JSONCall(http.MethodPost, "/api/auth/login/totp", map[string]string{"email": email, "code": code})
}

// appSMSCodeCall returns an app's request for a sign-in code by SMS.
func appSMSCodeCall(phone string) Call {
	return JSONCall(http.MethodPost, "/api/auth/login/sms/send-code", map[string]string{"phone": phone})
}

// AppSMSCall returns an app's sign-in with a code by SMS.
func AppSMSCall(phone, code string) Call {
	return JSONCall(http.MethodPost, "/api/auth/login/sms", map[string]string{"phone": phone, "code": code})
}

// appMailCodeCall returns an app's request for a sign-in code by mail.
func appMailCodeCall(email string) Call {
	return JSONCall(http.MethodPost, "/api/auth/login/email/send-code", map[string]string{"email": email})
}

// AppMailCall returns an app's sign-in with a code by mail.
func AppMailCall(email, code string) Call {
	return JSONCall(http.MethodPost, "/api/auth/login/email", map[string]string{"email": email, "code": code})
}

// mailCodeCall returns a browser's request for a sign-in code by mail.
func mailCodeCall(email string) Call {
	return JSONCall(http.MethodPost, "/login/email_code", map[string]string{"email": email})
}

// MailCall returns a browser's sign-in with a code by mail.
func MailCall(email, code string) Call {
	return JSONCall(http.MethodPost, "/login/email", map[string]string{"email": email, "code": code})
}

// appForgotCall returns an app's request for a code to reset a password.
func appForgotCall(email string) Call {
	return JSONCall(http.MethodPost, "/api/auth/forgot-password/send-code", map[string]string{"email": email})
}

// AppResetCall returns an app's password reset.
func AppResetCall(email, code, password string) Call {
	return JSONCall(http.MethodPost, "/api/auth/forgot-password", map[string]string{"email": email, "code": code, "password": password})
}

// SignInCall returns the call with which the sign-in page signs in with a password.
func SignInCall(email, password string) Call {
	return JSONCall(http.MethodPost, "/login", map[string]string{"email": email, "password": password})
}

// TOTPCall returns a browser's sign-in with the code of an authenticator app, or with a recovery code.
func TOTPCall(email, code string) Call {
	return JSONCall(http.MethodPost, "/login/totp", map[string]string{"email": email, "code": code})
}

// smsCodeCall returns a request for a sign-in code by SMS.
func smsCodeCall(phone string) Call { return QueryCall("/login/sms", "phone", phone) }

// SMSCall returns a browser's sign-in with a code by SMS.
func SMSCall(phone, code string) Call {
	return JSONCall(http.MethodPost, "/login/sms", map[string]string{"phone": phone, "code": code})
}

// forgetCall returns a request for a code to reset a password.
func forgetCall(email string) Call { return QueryCall("/forget_code", "email", email) }

// ResetCall returns a password reset.
func ResetCall(email, code, password string) Call {
	return JSONCall(http.MethodPost, "/forget_reset", map[string]string{"email": email, "code": code, "password": password})
}

// PhoneCodeCall returns a signed-in user's request for a code to bind a phone.
func PhoneCodeCall(phone string) Call { return QueryCall("/user/phone_code", "phone", phone) }

// BindPhoneCall returns the call that binds a phone.
func BindPhoneCall(phone, code string) Call {
	return JSONCall(http.MethodPost, "/user/phone", map[string]string{"phone": phone, "code": code})
}

// EmailCall returns a request for another address or, with the code that was sent to that address, the change to it.
func EmailCall(address, code string) Call {
	values := map[string]string{"key": "email", "email": address}
	if code != "" {
		values["code"] = code
	}

	return JSONCall(http.MethodPatch, "/user", values)
}

// VerifyCall returns a browser's question whether it is signed in.
func VerifyCall() Call { return Call{Method: http.MethodGet, Path: "/verify"} }

// SignOutCall returns a browser's sign-out.
func SignOutCall() Call { return Call{Method: http.MethodPost, Path: "/logout"} }

// RenewCall returns the renewal of a browser's session with a refresh code.
func RenewCall(code string) Call {
	return JSONCall(http.MethodPost, "/refresh_token", map[string]string{"code": code})
}

// NewRenewCall requests a refresh code and returns the renewal with it.
func NewRenewCall(t *testing.T, b *apptest.Browser) Call {
	t.Helper()

	return RenewCall(RefreshCode(t, b))
}

// RefreshCode requests a refresh code of the browser's session.
func RefreshCode(t *testing.T, b *apptest.Browser) string {
	t.Helper()

	result, err := b.Client.CreateRefreshCodeWithResponse(t.Context())
	if err != nil || result.JSON200 == nil {
		t.Fatalf("refresh code: %v, %s", err, result.Body)
	}

	return result.JSON200.Code
}

// RenewSession renews the browser's session.
func RenewSession(t *testing.T, b *apptest.Browser) {
	t.Helper()

	renewed, err := b.Client.RenewSessionWithResponse(t.Context(), client.RenewRequest{Code: RefreshCode(t, b)})
	if err != nil || renewed.StatusCode() != http.StatusNoContent {
		t.Fatalf("renew: %v, %s", err, renewed.Body)
	}
}

// RecoveryCode creates recovery codes for the browser's user and returns the first one.
func RecoveryCode(t *testing.T, b *apptest.Browser) string {
	t.Helper()

	created, err := b.Client.CreateRecoveryCodesWithResponse(t.Context())
	if err != nil || created.JSON200 == nil {
		t.Fatalf("recovery codes: %v, %s", err, created.Body)
	}

	return created.JSON200.Codes[0]
}

// PublicUser returns the browser's user as GET /user shows it.
func PublicUser(tb testing.TB, b *apptest.Browser) client.PublicUser {
	tb.Helper()

	got, err := b.Client.GetUserWithResponse(tb.Context())
	if err != nil || got.JSON200 == nil {
		tb.Fatalf("user: %v, %s", err, got.Body)
	}

	return *got.JSON200
}

// WithHeader returns an option that sets a header of a request of the generated client.
func WithHeader(name, value string) client.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set(name, value)

		return nil
	}
}
