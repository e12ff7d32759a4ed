package privacy_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// vault is a gateway with everything secret that went in, or came out, of it.
type vault struct {
	*world.MailGateway

	mu      sync.Mutex
	secrets map[string]string // by what it is
	errors  bytes.Buffer      // the bodies of all error answers
}

func newVault(t *testing.T, change ...func(*apptest.Settings)) *vault {
	t.Helper()

	return vaultIn(world.NewMailGateway(t, change...))
}

func vaultIn(o *world.MailGateway) *vault {
	v := &vault{MailGateway: o, secrets: map[string]string{}}
	v.HTTP.Client().Transport = eavesdropper{v.HTTP.Client().Transport, v}

	return v
}

// eavesdropper keeps the bodies of errors, and takes every cookie for a secret.
type eavesdropper struct {
	http.RoundTripper

	vault *vault
}

func (e eavesdropper) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := e.RoundTripper.RoundTrip(r)
	if err != nil {
		return response, err
	}

	for _, cookie := range response.Cookies() {
		if cookie.MaxAge >= 0 {
			e.vault.secret(cookie.Name+" "+cookie.Value, cookie.Value)
		}
	}

	if response.StatusCode < http.StatusBadRequest {
		return response, nil
	}

	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))

	e.vault.mu.Lock()
	defer e.vault.mu.Unlock()

	e.vault.errors.Write(body)

	return response, err
}

func (v *vault) secret(what, value string) string {
	v.mu.Lock()
	defer v.mu.Unlock()

	v.secrets[what] = value

	return value
}

func (v *vault) tokens(t *testing.T, what string, tokens *client.Tokens) client.Tokens {
	t.Helper()

	if tokens == nil {
		t.Fatalf("%s: no tokens", what)
	}

	v.secret(what+": access token", tokens.AccessToken)
	v.secret(what+": its signature", tokens.AccessToken[strings.LastIndexByte(tokens.AccessToken, '.')+1:])
	v.secret(what+": refresh token", tokens.RefreshToken)

	raw, err := base64.RawURLEncoding.DecodeString(tokens.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}

	v.secret(what+": MAC of the refresh token", string(raw[len(raw)-32:]))

	return *tokens
}

// login sends whatever as a form, and answers the tokens, if there were any.
func (v *vault) login(t *testing.T, email, password string) *client.Tokens {
	t.Helper()

	response, err := v.Client.LoginWithFormdataBodyWithResponse(t.Context(), client.LoginRequest{Email: email, Password: password})
	if err != nil {
		t.Fatal(err)
	}

	return response.JSON200
}

// post sends whatever as whatever.
func (v *vault) post(t *testing.T, path, contentType, body string, header http.Header) {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	request.Header = http.Header{"Content-Type": {contentType}}
	for name, values := range header {
		request.Header[name] = values
	}

	response, err := v.HTTP.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}

	response.Body.Close()
}

const holder = "kanarienvogel@konec.test"

// live sends a canary through every secret input, well-formed and not, and through every failure.
func (v *vault) live(t *testing.T) {
	t.Helper()

	const form, text = "application/x-www-form-urlencoded", "application/json"

	// Registration: wrong inputs first, then the right ones.
	v.Sink.Set(smtptest.Quotes) // a server that repeats what it was sent
	v.Send(t, holder)
	v.Settled(t, holder)
	v.Clock.Advance(time.Hour)
	v.Sink.Set(smtptest.Accepts)
	v.Send(t, holder)

	right := v.secret("code", world.CodeIn(t, v.Arrived(t, holder, 1)[0]))
	password := v.secret("password", "canary-Password-7c1f registered")

	for what, body := range map[string]map[string]any{
		"short password":                 {"password": "cNry-7x"},
		"long password":                  {"password": "canary-Long-51aa " + strings.Repeat("x", 1024)},
		"password of another type":       {"password": []string{"canary-Array-90ce"}},
		"common password":                {"password": "Password123"},
		"password like the email":        {"password": "Kanarienvogel"},
		"password of control characters": {"password": "canary-\u0000-nul"},
		"wrong code":                     {"verificationCode": "000000"},
		"long code":                      {"verificationCode": "canary-code-4411"},
		"unknown member":                 {"passwort": "canary-Member-03bd"},
	} {
		whole := map[string]any{"username": "Bird", "email": holder, "password": "canary-Other-22b7 fine", "verificationCode": "000000"}
		for name, value := range body {
			whole[name] = value

			if s, ok := value.(string); ok && what != "wrong code" {
				v.secret(what, s)
			}
		}

		encoded, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}

		if what == "wrong code" && right == "000000" {
			continue
		}

		v.post(t, "/api/users/register", text, string(encoded), nil)
	}

	v.secret("password of a refused registration", "canary-Other-22b7 fine")
	v.secret("password in an array", "canary-Array-90ce")
	delete(v.secrets, "password like the email") // it is the address as well

	registered, err := v.Client.RegisterWithResponse(t.Context(), client.RegisterRequest{
		Username: "Bird", Email: holder, Password: password, VerificationCode: right,
	})
	if err != nil || registered.JSON201 == nil {
		t.Fatalf("register: %v %s", err, registered.Body)
	}

	// Signing in: right, wrong, malformed, in the wrong place.
	tokens := v.tokens(t, "sign-in", v.login(t, holder, password))
	v.login(t, holder, v.secret("wrong password", "canary-Wrong-8f02"))
	v.login(t, "nobody@konec.test", v.secret("password of nobody", "canary-Nobody-11d9"))
	v.login(t, holder, v.secret("password too long to sign in", strings.Repeat("canary-Huge-67", 100)))
	v.post(t, "/api/auth/login?password="+v.secret("password in the query", "canary-Query-5e5e"), form, "email="+holder, nil)
	v.post(t, "/api/auth/login", form, "password="+v.secret("half a form", "canary-Half-4a4a")+"%zz", nil)
	v.post(t, "/api/auth/login", text, `{"password":"`+v.secret("wrong media type", "canary-Media-3b3b")+`"`, nil)
	v.post(t, "/api/users/register", text, `{"password":"`+v.secret("broken JSON", "canary-Broken-2c2c")+`"`, nil)
	v.post(t, "/api/users/register", text, `{"`+v.secret("secret as a name", "canary-Name-9d9d")+`":1,"`+"canary-Name-9d9d"+`":2}`, nil)
	delete(v.secrets, "secret as a name") // an unknown member is named in the answer, to the one who sent it

	// Tokens: right, spent, altered, malformed, in the wrong place.
	_, second := v.Refresh(t, tokens.RefreshToken)
	v.tokens(t, "refresh", second)
	v.Me(t, second.AccessToken)
	v.Me(t, v.secret("altered access token", second.AccessToken[:len(second.AccessToken)-6]+"canary"))
	v.Refresh(t, v.secret("made-up refresh token", "canary-Refresh-77aa"))
	v.Refresh(t, v.secret("altered refresh token", second.RefreshToken[:70]+"canary"))

	for _, value := range []string{"Bearer canary-Bearer-61f0", "Basic canary-Basic-62f0", "Bearer canary Two 63f0", "canary-Bare-64f0", "Bearer canary-\"Quote-65f0"} {
		v.post(t, "/api/auth/logout", text, "", http.Header{
			"Authorization": {v.secret(value, value)}, "Cookie": {"TOKEN=" + v.secret("cookie", "canary-Cookie-66f0")}, "X-Api-Key": {v.secret("key", "canary-Key-67f0")},
		})
	}

	v.secret("bearer alone", "canary-Bearer-61f0")
	v.post(t, "/api/users/me?access_token="+v.secret("token in the query", "canary-Access-68f0"), text, "", nil)
	v.post(t, "/nowhere/"+v.secret("secret in a path", "canary-Path-69f0"), text, "", nil)

	v.Clock.Advance(session.Grace + time.Second)
	_, third := v.Refresh(t, second.RefreshToken)
	v.tokens(t, "second refresh", third)
	v.Clock.Advance(session.Grace + time.Second)
	v.Refresh(t, tokens.RefreshToken) // ends the session, with a mail
	v.Arrived(t, holder, 2)
	v.tokens(t, "last sign-in", v.login(t, holder, password))
	v.break500(t)
}

// break500 takes tables away under a sign-in and a registration.
func (v *vault) break500(t *testing.T) {
	t.Helper()

	for _, table := range []string{"account", "code", "throttle"} {
		v.Exec(t, `ALTER TABLE `+table+` RENAME TO away`)
		v.login(t, holder, v.secret("password during a fault", "canary-Fault-70f0"))
		v.post(t, "/api/users/register", "application/json",
			`{"username":"Bird","email":"x@konec.test","password":"canary-Fault-70f0","verificationCode":"654321"}`, nil)
		v.Exec(t, `ALTER TABLE away RENAME TO `+table)
	}

	if !strings.Contains(v.Log.String(), `"code":"INTERNAL"`) {
		t.Error("nothing failed: the fault was none")
	}
}
