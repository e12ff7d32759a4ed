package signin_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// trusting is a user who asks for two factors.
type trusting struct {
	*world.Gateway

	address, secret string
}

func newTrusting(t *testing.T) trusting {
	t.Helper()

	g := world.NewGateway(t, world.WithManyFreeFailures)
	g.Clock.Stop()

	address, browser := g.NewUser(t)
	secret := g.BindAuthenticator(t, browser)
	g.ChooseSecondFactor(t, address, true)

	return trusting{g, address, secret}
}

// login signs an app in with a password, and returns the response and its device token.
func (u trusting) login(t *testing.T, token string, more map[string]any) (world.Reply, string) {
	t.Helper()

	values := map[string]any{"email": u.address, "password": apptest.Password}
	for name, value := range more {
		values[name] = value
	}

	c := world.OperationOf(t, "login").Call("", values)
	if token != "" {
		c = c.With("X-Device-Token", token)
	}

	got := c.To(t, u.Server)

	return got, got.Header.Get("X-Device-Token")
}

// trust signs in with both factors and asks to trust the device. It begins a new step of the authenticator.
func (u trusting) trust(t *testing.T, token string) string {
	t.Helper()
	u.Clock.Advance(30 * time.Second)

	got, fresh := u.login(t, token, map[string]any{"totp": u.TOTPCode(t, u.secret, 0), "trustDevice": true})
	if got.Status != http.StatusOK || fresh == "" {
		t.Fatalf("with both factors: %s", got)
	}

	return fresh
}

func (u trusting) expect(t *testing.T, what, token, want string) string {
	t.Helper()

	got, fresh := u.login(t, token, nil)
	if got.Problem.Code != want {
		t.Errorf("%s: %s, want %q", what, got, want)
	}

	return fresh
}

// A trusted device stands for the second factor for 30 days, and for nothing else: not for another device, not for the first
// factor, not for rights or sensitive changes. Without the wish, no device is trusted.
func TestTrustedDeviceStandsForTheSecondFactor(t *testing.T) {
	t.Parallel()

	u := newTrusting(t)

	u.Clock.Advance(30 * time.Second)

	got, plain := u.login(t, "", map[string]any{"totp": u.TOTPCode(t, u.secret, 0)})
	if got.Status != http.StatusOK {
		t.Fatal(got)
	}

	u.expect(t, "a device that was not to be trusted", plain, "TOTP_REQUIRED")

	token := u.trust(t, plain)
	u.expect(t, "another device", "", "TOTP_REQUIRED")

	if got, _ := u.login(t, token, map[string]any{"password": "wrong"}); got.Problem.Code != "INVALID_CREDENTIALS" {
		t.Errorf("a wrong password from it: %s", got)
	}

	got, token = u.login(t, token, nil)

	var tokens client.Tokens
	if err := json.Unmarshal(got.Body, &tokens); err != nil || got.Status != http.StatusOK {
		t.Fatalf("from the trusted device: %s, %v", got, err)
	}

	if methods := methodsOf(t, tokens.AccessToken); !slices.Equal(methods, []string{"pwd"}) {
		t.Errorf("amr %v: the device is not a factor of the session", methods)
	}

	a := appUser{u.Gateway, tokens.AccessToken}
	if got := a.send(t, "setMySecondFactor", map[string]any{"enabled": false}); got.Problem.Code != "REAUTH_REQUIRED" {
		t.Errorf("a sensitive change: %s", got)
	}

	events := world.QueryValue[string](t, u.Pool, "SELECT string_agg(action || ' ' || method, ', ' ORDER BY id) FROM audit_event WHERE action = 'device.trusted' OR method LIKE '%+device'")
	if events != "device.trusted , sign_in.succeeded password+device" {
		t.Errorf("recorded: %s", events)
	}

	u.Clock.Advance(device.TrustLifetime - 2*time.Minute)
	token = u.expect(t, "after nearly 30 days", token, "")
	u.Clock.Advance(2 * time.Minute)
	u.expect(t, "after 30 days", token, "TOTP_REQUIRED")
}

// The user sees until when a device is trusted, and ends it. A copy of its token is worth nothing then, nor after any change
// that makes the trust doubtful.
func TestTrustEnds(t *testing.T) {
	t.Parallel()

	for name, end := range map[string]func(t *testing.T, u trusting, a appUser){
		"ByItsUser": func(t *testing.T, _ trusting, a appUser) {
			t.Helper()

			var list client.DevicesResponse

			a.do(t, "listDevices", nil, &list)

			i := slices.IndexFunc(list.Devices, func(d client.Device) bool { return !d.TrustedUntil.IsNull() })
			if i < 0 || len(list.Devices) < 2 {
				t.Fatalf("no device is trusted, or all: %+v", list.Devices)
			}

			c := world.Call{Method: http.MethodDelete, Path: "/api/users/me/devices/" + list.Devices[i].ID}
			if got := c.With("Authorization", "Bearer "+a.token).To(t, a.g.Server); got.Status != http.StatusNoContent {
				t.Fatal(got)
			}
		},
		"WithThePassword": func(t *testing.T, u trusting, a appUser) {
			t.Helper()
			a.do(t, "changeMyPassword", map[string]any{"old": apptest.Password, "password": world.NewPassword}, nil)
			u.Exec(t, "UPDATE account SET password_hash = (SELECT password_hash FROM account WHERE email = $1) WHERE email = $2", world.Owner, u.address)
		},
		"WithTheChoice": func(t *testing.T, _ trusting, a appUser) {
			t.Helper()
			a.do(t, "setMySecondFactor", map[string]any{"enabled": false}, nil)
			a.do(t, "setMySecondFactor", map[string]any{"enabled": true}, nil)
		},
		"WithTheAuthenticator": func(t *testing.T, u trusting, a appUser) {
			t.Helper()

			var made client.TOTPSecret

			a.do(t, "createMyTOTP", nil, &made)
			a.do(t, "bindMyTOTP", map[string]any{"codes": u.BindingCodes(t, world.SecretOf(t, made.Totp))}, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			u := newTrusting(t)
			token := u.trust(t, "")

			u.Clock.Advance(30 * time.Second)

			got, _ := u.login(t, "", map[string]any{"totp": u.TOTPCode(t, u.secret, 0)}) // another device, with both factors

			var tokens client.Tokens
			if err := json.Unmarshal(got.Body, &tokens); err != nil {
				t.Fatalf("%s, %v", got, err)
			}

			end(t, u, appUser{u.Gateway, tokens.AccessToken})
			u.expect(t, "afterwards", token, "TOTP_REQUIRED")
		})
	}
}

// A browser's device token is a cookie. Every way in that is one factor passes from a trusted browser, Lark in test/federation.
func TestBrowserTrustsItsDevice(t *testing.T) {
	t.Parallel()

	u := newTrusting(t)
	phone, code := u.BindPhone(t, u.address)
	browser := u.Browser(t)
	browser.Load(t)

	u.Clock.Advance(30 * time.Second)

	signIn := func(path string, values map[string]any) world.Reply {
		return world.PostCall(path, values).InBrowser(t, u.Server, browser)
	}

	got := signIn("/login/sms", map[string]any{"phone": phone, "code": code})

	var refused client.ErrorBody
	if err := json.Unmarshal(got.Body, &refused); err != nil || refused.Code != "TOTP_REQUIRED" || !slices.Equal(refused.Methods, []string{"totp"}) {
		t.Errorf("a code by SMS alone: %s", got)
	}

	got = signIn("/login/sms", map[string]any{"phone": phone, "code": code, "totp": u.TOTPCode(t, u.secret, 0), "trustDevice": true})
	if got.Status != http.StatusNoContent {
		t.Fatalf("with both factors: %s", got)
	}

	if got := signIn("/login", map[string]any{"email": u.address, "password": apptest.Password}); got.Status != http.StatusNoContent {
		t.Errorf("the password, from the trusted browser: %s", got)
	}

	before := len(u.Mails(u.address))
	signIn("/login/email_code", map[string]any{"email": u.address})

	if got := signIn("/login/email", map[string]any{"email": u.address, "code": u.Mail(t, u.address, before).Code}); got.Status != http.StatusNoContent {
		t.Errorf("a mailed code, from the trusted browser: %s", got)
	}

	stranger := u.Browser(t)
	stranger.Load(t)

	got = world.PostCall("/login", map[string]any{"email": u.address, "password": apptest.Password}).InBrowser(t, u.Server, stranger)
	if err := json.Unmarshal(got.Body, &refused); err != nil || got.Problem.Code != "TOTP_REQUIRED" || !slices.Equal(refused.Methods, []string{"totp", "recovery_code"}) {
		t.Errorf("the password, from another browser: %s", got)
	}
}
