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

// secretGateway is a gateway that records every secret that was sent to it or received from it.
type secretGateway struct {
	*world.MailGateway

	mu      sync.Mutex
	secrets map[string]string // by a description
	errors  bytes.Buffer      // the bodies of all error responses
}

func newSecretGateway(t *testing.T, change ...func(*apptest.Settings)) *secretGateway {
	t.Helper()

	return recordSecrets(world.NewMailGateway(t, change...))
}

func recordSecrets(g *world.MailGateway) *secretGateway {
	v := &secretGateway{MailGateway: g, secrets: map[string]string{}}
	v.HTTP.Client().Transport = recordingTransport{v.HTTP.Client().Transport, v}

	return v
}

// recordingTransport records the bodies of errors, and every cookie as a secret.
type recordingTransport struct {
	http.RoundTripper

	recorder *secretGateway
}

func (e recordingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := e.RoundTripper.RoundTrip(r)
	if err != nil {
		return response, err
	}

	for _, cookie := range response.Cookies() {
		if cookie.MaxAge >= 0 {
			e.recorder.add(cookie.Name+" "+cookie.Value, cookie.Value)
		}
	}

	if response.StatusCode < http.StatusBadRequest {
		return response, nil
	}

	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))

	e.recorder.mu.Lock()
	defer e.recorder.mu.Unlock()

	e.recorder.errors.Write(body)

	return response, err
}

func (v *secretGateway) add(what, value string) string {
	v.mu.Lock()
	defer v.mu.Unlock()

	v.secrets[what] = value

	return value
}

func (v *secretGateway) tokens(t *testing.T, what string, tokens *client.Tokens) client.Tokens {
	t.Helper()

	if tokens == nil {
		t.Fatalf("%s: no tokens", what)
	}

	v.add(what+": access token", tokens.AccessToken)
	v.add(what+": its signature", tokens.AccessToken[strings.LastIndexByte(tokens.AccessToken, '.')+1:])
	v.add(what+": refresh token", tokens.RefreshToken)

	raw, err := base64.RawURLEncoding.DecodeString(tokens.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}

	v.add(what+": MAC of the refresh token", string(raw[len(raw)-32:]))

	return *tokens
}

// login signs in with a form and returns the tokens, if there are any.
func (v *secretGateway) login(t *testing.T, email, password string) *client.Tokens {
	t.Helper()

	response, err := v.Client.LoginWithFormdataBodyWithResponse(t.Context(), client.LoginRequest{Email: email, Password: password})
	if err != nil {
		t.Fatal(err)
	}

	return response.JSON200
}

// post sends any body with any content type.
func (v *secretGateway) post(t *testing.T, path, contentType, body string, header http.Header) {
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

const ownerEmail = "kanarienvogel@konec.test"

// useToolkit sends a canary through every secret input of the apps' surface, well-formed and malformed, and through
// every failure.
func (v *secretGateway) useToolkit(t *testing.T) {
	t.Helper()

	const form, text = "application/x-www-form-urlencoded", "application/json"

	// Registration: wrong inputs first, then the right ones.
	v.Sink.Set(smtptest.Quotes) // a server that quotes what it was sent
	v.Send(t, ownerEmail)
	v.AwaitOutcome(t, ownerEmail)
	v.Clock.Advance(time.Hour)
	v.Sink.Set(smtptest.Accepts)
	v.Send(t, ownerEmail)

	right := v.add("code", world.CodeIn(t, v.AwaitMails(t, ownerEmail, 1)[0]))
	password := v.add("password", "canary-Password-7c1f registered")

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
		whole := map[string]any{"username": "Bird", "email": ownerEmail, "password": "canary-Other-22b7 fine", "verificationCode": "000000"}
		for name, value := range body {
			whole[name] = value

			if s, ok := value.(string); ok && what != "wrong code" {
				v.add(what, s)
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

	v.add("password of a refused registration", "canary-Other-22b7 fine")
	v.add("password in an array", "canary-Array-90ce")
	delete(v.secrets, "password like the email") // this is the address as well

	registered, err := v.Client.RegisterWithResponse(t.Context(), client.RegisterRequest{
		Username: "Bird", Email: ownerEmail, Password: password, VerificationCode: right,
	})
	if err != nil || registered.JSON201 == nil {
		t.Fatalf("register: %v %s", err, registered.Body)
	}

	// Signing in: right, wrong, malformed, in the wrong place.
	tokens := v.tokens(t, "sign-in", v.login(t, ownerEmail, password))
	v.login(t, ownerEmail, v.add("wrong password", "canary-Wrong-8f02"))
	v.login(t, "nobody@konec.test", v.add("password of an unknown address", "canary-Unknown-11d9"))
	v.login(t, ownerEmail, v.add("password too long to sign in", strings.Repeat("canary-Huge-67", 100)))
	v.post(t, "/api/auth/login?password="+v.add("password in the query", "canary-Query-5e5e"), form, "email="+ownerEmail, nil)
	v.post(t, "/api/auth/login", form, "password="+v.add("half a form", "canary-Half-4a4a")+"%zz", nil)
	v.post(t, "/api/auth/login", text, `{"password":"`+v.add("wrong media type", "canary-Media-3b3b")+`"`, nil)
	v.post(t, "/api/users/register", text, `{"password":"`+v.add("broken JSON", "canary-Broken-2c2c")+`"`, nil)
	v.post(t, "/api/users/register", text, `{"`+v.add("secret as a name", "canary-Name-9d9d")+`":1,"`+"canary-Name-9d9d"+`":2}`, nil)
	delete(v.secrets, "secret as a name") // the response names an unknown member to the client that sent it

	// Tokens: right, used, altered, malformed, in the wrong place.
	_, second := v.Refresh(t, tokens.RefreshToken)
	v.tokens(t, "refresh", second)
	v.Me(t, second.AccessToken)
	v.Me(t, v.add("altered access token", second.AccessToken[:len(second.AccessToken)-6]+"canary"))
	v.Refresh(t, v.add("made-up refresh token", "canary-Refresh-77aa"))
	v.Refresh(t, v.add("altered refresh token", second.RefreshToken[:70]+"canary"))

	for _, value := range []string{"Bearer canary-Bearer-61f0", "Basic canary-Basic-62f0", "Bearer canary Two 63f0", "canary-Bare-64f0", "Bearer canary-\"Quote-65f0"} {
		v.post(t, "/api/auth/logout", text, "", http.Header{
			"Authorization": {v.add(value, value)}, "Cookie": {"TOKEN=" + v.add("cookie", "canary-Cookie-66f0")}, "X-Api-Key": {v.add("key", "canary-Key-67f0")},
		})
	}

	v.add("bearer alone", "canary-Bearer-61f0")
	v.post(t, "/api/users/me?access_token="+v.add("token in the query", "canary-Access-68f0"), text, "", nil)
	v.post(t, "/nowhere/"+v.add("secret in a path", "canary-Path-69f0"), text, "", nil)

	v.Clock.Advance(session.Grace + time.Second)
	_, third := v.Refresh(t, second.RefreshToken)
	v.tokens(t, "second refresh", third)
	v.Clock.Advance(session.Grace + time.Second)
	v.Refresh(t, tokens.RefreshToken) // ends the session, with a mail
	v.AwaitMails(t, ownerEmail, 2)
	v.tokens(t, "last sign-in", v.login(t, ownerEmail, password))
	v.expectInternalErrors(t)
}

// expectInternalErrors drops tables under a sign-in and a registration.
func (v *secretGateway) expectInternalErrors(t *testing.T) {
	t.Helper()

	for _, table := range []string{"account", "code", "throttle"} {
		v.Exec(t, `ALTER TABLE `+table+` RENAME TO away`)
		v.login(t, ownerEmail, v.add("password during a fault", "canary-Fault-70f0"))
		v.post(t, "/api/users/register", "application/json",
			`{"username":"Bird","email":"x@konec.test","password":"canary-Fault-70f0","verificationCode":"654321"}`, nil)
		v.Exec(t, `ALTER TABLE away RENAME TO `+table)
	}

	if !strings.Contains(v.Log.String(), `"code":"INTERNAL"`) {
		t.Error("nothing failed: the fault was none")
	}
}
