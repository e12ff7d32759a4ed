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

func (g *secretGateway) add(what, value string) string {
	g.mu.Lock()
	defer g.mu.Unlock()

	g.secrets[what] = value

	return value
}

func (g *secretGateway) tokens(t *testing.T, what string, tokens *client.Tokens) client.Tokens {
	t.Helper()

	if tokens == nil {
		t.Fatalf("%s: no tokens", what)
	}

	g.add(what+": access token", tokens.AccessToken)
	g.add(what+": its signature", tokens.AccessToken[strings.LastIndexByte(tokens.AccessToken, '.')+1:])
	g.add(what+": refresh token", tokens.RefreshToken)

	raw, err := base64.RawURLEncoding.DecodeString(tokens.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}

	g.add(what+": MAC of the refresh token", string(raw[len(raw)-32:]))

	return *tokens
}

// login signs in with a form and returns the tokens, if there are any.
func (g *secretGateway) login(t *testing.T, email, password string) *client.Tokens {
	t.Helper()

	response, err := g.Client.LoginWithFormdataBodyWithResponse(t.Context(), nil, client.LoginRequest{Email: email, Password: password})
	if err != nil {
		t.Fatal(err)
	}

	return response.JSON200
}

// post sends any body with any content type.
func (g *secretGateway) post(t *testing.T, path, contentType, body string, header http.Header) {
	t.Helper()

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	request.Header = http.Header{"Content-Type": {contentType}}
	for name, values := range header {
		request.Header[name] = values
	}

	response, err := g.HTTP.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}

	response.Body.Close()
}

const ownerEmail = "kanarienvogel@konec.test"

// useToolkit sends a canary through every secret input of the apps' surface, well-formed and malformed, and through
// every failure.
func (g *secretGateway) useToolkit(t *testing.T) {
	t.Helper()

	const form, text = "application/x-www-form-urlencoded", "application/json"

	// Registration: wrong inputs first, then the right ones.
	g.Sink.Set(smtptest.Quotes) // a server that quotes what it was sent
	g.Send(t, ownerEmail)
	g.AwaitOutcome(t, ownerEmail)
	g.Clock.Advance(time.Hour)
	g.Sink.Set(smtptest.Accepts)
	g.Send(t, ownerEmail)

	right := g.add("code", world.CodeIn(t, g.AwaitMails(t, ownerEmail, 1)[0]))
	password := g.add("password", "canary-Password-7c1f registered")

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
				g.add(what, s)
			}
		}

		encoded, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}

		if what == "wrong code" && right == "000000" {
			continue
		}

		g.post(t, "/api/users/register", text, string(encoded), nil)
	}

	g.add("password of a refused registration", "canary-Other-22b7 fine")
	g.add("password in an array", "canary-Array-90ce")
	delete(g.secrets, "password like the email") // this is the address as well

	registered, err := g.Client.RegisterWithResponse(t.Context(), client.RegisterRequest{
		Username: "Bird", Email: ownerEmail, Password: password, VerificationCode: right,
	})
	if err != nil || registered.JSON201 == nil {
		t.Fatalf("register: %v %s", err, registered.Body)
	}

	// Signing in: right, wrong, malformed, in the wrong place.
	tokens := g.tokens(t, "sign-in", g.login(t, ownerEmail, password))
	g.login(t, ownerEmail, g.add("wrong password", "canary-Wrong-8f02"))
	g.login(t, "nobody@konec.test", g.add("password of an unknown address", "canary-Unknown-11d9"))
	g.login(t, ownerEmail, g.add("password too long to sign in", strings.Repeat("canary-Huge-67", 100)))
	g.post(t, "/api/auth/login?password="+g.add("password in the query", "canary-Query-5e5e"), form, "email="+ownerEmail, nil)
	g.post(t, "/api/auth/login", form, "password="+g.add("half a form", "canary-Half-4a4a")+"%zz", nil)
	g.post(t, "/api/auth/login", text, `{"password":"`+g.add("wrong media type", "canary-Media-3b3b")+`"`, nil)
	g.post(t, "/api/users/register", text, `{"password":"`+g.add("broken JSON", "canary-Broken-2c2c")+`"`, nil)
	g.post(t, "/api/users/register", text, `{"`+g.add("secret as a name", "canary-Name-9d9d")+`":1,"`+"canary-Name-9d9d"+`":2}`, nil)
	delete(g.secrets, "secret as a name") // the response names an unknown member to the client that sent it

	// Tokens: right, used, altered, malformed, in the wrong place.
	_, second := g.Refresh(t, tokens.RefreshToken)
	g.tokens(t, "refresh", second)
	g.Me(t, second.AccessToken)
	g.Me(t, g.add("altered access token", second.AccessToken[:len(second.AccessToken)-6]+"canary"))
	g.Refresh(t, g.add("made-up refresh token", "canary-Refresh-77aa"))
	g.Refresh(t, g.add("altered refresh token", second.RefreshToken[:70]+"canary"))

	for _, value := range []string{"Bearer canary-Bearer-61f0", "Basic canary-Basic-62f0", "Bearer canary Two 63f0", "canary-Bare-64f0", "Bearer canary-\"Quote-65f0"} {
		g.post(t, "/api/auth/logout", text, "", http.Header{
			"Authorization": {g.add(value, value)}, "Cookie": {"TOKEN=" + g.add("cookie", "canary-Cookie-66f0")}, "X-Api-Key": {g.add("key", "canary-Key-67f0")},
		})
	}

	g.add("bearer alone", "canary-Bearer-61f0")
	g.post(t, "/api/users/me?access_token="+g.add("token in the query", "canary-Access-68f0"), text, "", nil)
	g.post(t, "/nowhere/"+g.add("secret in a path", "canary-Path-69f0"), text, "", nil)

	g.Clock.Advance(session.LostAfter + time.Second)
	_, third := g.Refresh(t, second.RefreshToken)
	g.tokens(t, "second refresh", third)
	g.Clock.Advance(session.LostAfter + time.Second)
	g.Refresh(t, tokens.RefreshToken) // ends the session, with a mail
	g.AwaitMails(t, ownerEmail, 2)
	g.tokens(t, "last sign-in", g.login(t, ownerEmail, password))
	g.expectInternalErrors(t)
}

// expectInternalErrors drops tables under a sign-in and a registration.
func (g *secretGateway) expectInternalErrors(t *testing.T) {
	t.Helper()

	for _, table := range []string{"account", "code", "throttle"} {
		g.Exec(t, `ALTER TABLE `+table+` RENAME TO away`)
		g.login(t, ownerEmail, g.add("password during a fault", "canary-Fault-70f0"))
		g.post(t, "/api/users/register", "application/json",
			`{"username":"Bird","email":"x@konec.test","password":"canary-Fault-70f0","verificationCode":"654321"}`, nil)
		g.Exec(t, `ALTER TABLE away RENAME TO `+table)
	}

	if !strings.Contains(g.Log.String(), `"code":"INTERNAL"`) {
		t.Error("nothing failed: the fault had no effect")
	}
}
