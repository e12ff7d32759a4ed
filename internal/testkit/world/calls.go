package world

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

func JSONCall(method, path string, values map[string]string) Call {
	body, err := json.Marshal(values)
	if err != nil {
		panic(err) // strings always have a JSON
	}

	return Call{Method: method, Path: path, Body: string(body)}.With("Content-Type", "application/json")
}

func LoginCall(email, password string) Call {
	c := Call{Method: http.MethodPost, Path: "/api/auth/login", Body: url.Values{"email": {email}, "password": {password}}.Encode()}

	return c.With("Content-Type", "application/x-www-form-urlencoded")
}

func sendCodeCall(email string) Call {
	return JSONCall(http.MethodPost, "/api/users/register/send-code", map[string]string{"email": email})
}

func RegisterCall(email, password, code string) Call {
	return JSONCall(http.MethodPost, "/api/users/register", map[string]string{
		"username": "X", "email": email, "password": password, "verificationCode": code,
	})
}

func TOTPCall(email, code string) Call {
	return JSONCall(http.MethodPost, "/login/totp", map[string]string{"email": email, "code": code})
}

func smsCodeCall(phone string) Call {
	return Call{Method: http.MethodGet, Path: "/login/sms", Query: url.Values{"phone": {phone}}.Encode()}
}

func SMSCall(phone, code string) Call {
	return JSONCall(http.MethodPost, "/login/sms", map[string]string{"phone": phone, "code": code})
}

func forgetCall(email string) Call {
	return Call{Method: http.MethodGet, Path: "/forget_code", Query: url.Values{"email": {email}}.Encode()}
}

func ResetCall(email, code, password string) Call {
	return JSONCall(http.MethodPost, "/forget_reset", map[string]string{"email": email, "code": code, "password": password})
}

func PhoneCodeCall(phone string) Call {
	return Call{Method: http.MethodGet, Path: "/user/phone_code", Query: url.Values{"phone": {phone}}.Encode()}
}

func BindPhoneCall(phone, code string) Call {
	return JSONCall(http.MethodPost, "/user/phone", map[string]string{"phone": phone, "code": code})
}

// PublicUser is what the browser's GET /user answers.
func PublicUser(tb testing.TB, b *apptest.Browser) client.PublicUser {
	tb.Helper()

	got, err := b.Client.GetUserWithResponse(tb.Context())
	if err != nil || got.JSON200 == nil {
		tb.Fatalf("user: %v, %s", err, got.Body)
	}

	return *got.JSON200
}

func QueryCall(path, name, value string) Call {
	return Call{Method: http.MethodGet, Path: path, Query: url.Values{name: {value}}.Encode()}
}

// SendCall is a call with a body.
func SendCall(method, path string, body any) Call {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}

	c := Call{Method: method, Path: path}.With("Content-Type", "application/json")
	c.Body = string(text)

	return c
}

func PatchEmail(email, code string) Call {
	body := map[string]string{"key": "email", "email": email}
	if code != "" {
		body["code"] = code
	}

	return SendCall(http.MethodPatch, "/user", body)
}

// WithHeader adds a header to a request of the generated client.
func WithHeader(name, value string) client.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set(name, value)

		return nil
	}
}

// SignInCall is what the sign-in page sends.
func SignInCall(email, password string) Call {
	c := Call{Method: http.MethodPost, Path: "/login"}.With("Content-Type", "application/json")
	c.Body = fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)

	return c
}

func VerifyCall() Call { return Call{Method: http.MethodGet, Path: "/verify"} }

func SignOutCall() Call { return Call{Method: http.MethodPost, Path: "/logout"} }

// RefreshCode asks for one.
func RefreshCode(t *testing.T, b *apptest.Browser) string {
	t.Helper()

	result, err := b.Client.CreateRefreshCodeWithResponse(t.Context())
	if err != nil || result.JSON200 == nil {
		t.Fatalf("refresh code: %v, %s", err, result.Body)
	}

	return result.JSON200.Code
}

func RenewCall(plain string) Call {
	c := Call{Method: http.MethodPost, Path: "/refresh_token"}.With("Content-Type", "application/json")
	c.Body = fmt.Sprintf(`{"code":%q}`, plain)

	return c
}

func RenewTokenCall(t *testing.T, b *apptest.Browser) Call {
	t.Helper()

	return RenewCall(RefreshCode(t, b))
}

func RenewSession(t *testing.T, browser *apptest.Browser) {
	t.Helper()

	code, err := browser.Client.CreateRefreshCodeWithResponse(t.Context())
	if err != nil || code.JSON200 == nil {
		t.Fatalf("refresh code: %v, %s", err, code.Body)
	}

	renewed, err := browser.Client.RenewSessionWithResponse(t.Context(), client.RenewRequest{Code: code.JSON200.Code})
	if err != nil || renewed.StatusCode() != http.StatusNoContent {
		t.Fatalf("renew: %v, %s", err, renewed.Body)
	}
}

// PostCall is a call with a body.
func PostCall(path string, values map[string]any) Call {
	body, err := json.Marshal(values)
	if err != nil {
		panic(err) // texts always have a JSON
	}

	c := Call{Method: http.MethodPost, Path: path, Body: string(body)}

	return c.With("Content-Type", "application/json")
}
