package signin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

const (
	attackerAddress = "203.0.113.66"
	unknownAddress  = "192.0.2.1"
)

// deviceOf signs in on a surface with a device token, or none, and returns the reply with the device's new token.
func deviceOf(t *testing.T, s *apptest.Server, c world.Call, token string) (world.Reply, string) {
	t.Helper()

	if c.Path == "/api/auth/login" {
		if token != "" {
			c = c.With("X-Device-Token", token)
		}

		got := c.To(t, s)

		return got, got.Header.Get("X-Device-Token")
	}

	if token != "" {
		c = c.WithCookies("__Host-DEVICE=" + token)
	}

	got := c.To(t, s)
	for _, cookie := range (&http.Response{Header: got.Header}).Cookies() {
		if cookie.Name == "__Host-DEVICE" {
			return got, cookie.Value
		}
	}

	return got, ""
}

// SEC-S2, R-E4: a stranger who guesses at every factor of a user delays neither the user's device, on whichever network
// and surface, nor a right reset code. A stranger at the user's address is a stranger.
func TestStrangersDelayNoDevice(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.BehindProxy)
	g.Clock.Stop()

	b := &world.BothSurfaces{Env: g.Env, Visitor: g.Visitor}
	signIn := func(surface world.Surface, address, password string) world.Call {
		return b.SignInCall(surface, world.Owner, password).With("X-Forwarded-For", address)
	}

	devices := map[world.Surface]string{}

	for _, surface := range []world.Surface{world.ToolkitSurface, world.PublicSurface} {
		var got world.Reply
		if got, devices[surface] = deviceOf(t, g.Server, signIn(surface, "198.51.100.7", apptest.Password), ""); got.Status >= 300 || devices[surface] == "" {
			t.Fatalf("before the attack: %s", got)
		}
	}

	for i := range 13 {
		wrong := signIn(world.ToolkitSurface, attackerAddress, "wrong").To(t, g.Server)
		g.Clock.Advance(world.RetryAfter(t, wrong))

		world.PostCall("/forget_reset", map[string]any{"email": world.Owner, "code": fmt.Sprintf("%06d", i), "password": world.NewPassword}).
			FromBrowser(g.Visitor).With("X-Forwarded-For", attackerAddress).To(t, g.Server)
	}

	for surface, token := range devices {
		got, fresh := deviceOf(t, g.Server, signIn(surface, unknownAddress, apptest.Password), token)
		if got.Status >= 300 || fresh == "" || fresh == token {
			t.Errorf("the user's device on %s: %s", surface, got)
		}

		// The token of before is good once more, because a response can be lost. A made-up one is a stranger's.
		if got, _ := deviceOf(t, g.Server, signIn(surface, unknownAddress, apptest.Password), token); got.Status >= 300 {
			t.Errorf("the token before the last on %s: %s", surface, got)
		}
	}

	g.Exec(t, "DELETE FROM known_network WHERE network = '192.0.2.0/24'")

	for name, c := range map[string]world.Call{
		"a stranger":            signIn(world.PublicSurface, unknownAddress, apptest.Password),
		"a made-up token":       signIn(world.PublicSurface, unknownAddress, apptest.Password).WithCookies("__Host-DEVICE=made-up"),
		"the cookie for an app": signIn(world.ToolkitSurface, unknownAddress, apptest.Password).WithCookies("__Host-DEVICE=" + devices[world.PublicSurface]),
	} {
		if got := c.To(t, g.Server); got.Problem.Code != "TOO_MANY_REQUESTS" {
			t.Errorf("%s: %s", name, got)
		}
	}

	g.Clock.Advance(time.Minute)

	mail := &world.MailGateway{Env: g.Env}
	ask := world.Call{Method: http.MethodGet, Path: "/forget_code", Query: url.Values{"email": {world.Owner}}.Encode()}

	if got := ask.With("X-Forwarded-For", unknownAddress).To(t, g.Server); got.Status != http.StatusNoContent {
		t.Fatalf("asking for a reset code: %s", got)
	}

	apptest.Eventually(t, "a mail with a code", func() bool { return len(mail.Mails(world.Owner)) > 0 && mail.Mails(world.Owner)[0].Code != "" })

	reset := world.PostCall("/forget_reset", map[string]any{"email": world.Owner, "code": mail.Mails(world.Owner)[0].Code, "password": world.NewPassword}).
		FromBrowser(g.Visitor).With("X-Forwarded-For", unknownAddress)

	got, token := deviceOf(t, g.Server, reset, "")
	if got.Status != http.StatusNoContent || token == "" {
		t.Fatalf("the right reset code: %s", got)
	}

	// The reset has cleared all waits, forgotten the devices of before, and made this one and its network known.
	if n := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM device d JOIN account a ON a.id = d.account_id WHERE a.email = $1", world.Owner); n != 1 {
		t.Errorf("%d devices after a reset", n)
	}

	if got := signIn(world.PublicSurface, "192.0.2.200", world.NewPassword).To(t, g.Server); got.Status != http.StatusNoContent {
		t.Errorf("the new password: %s", got)
	}
}

// SEC-S2: a browser with two accounts is a device of both, whichever signs in; an account has at most 20 devices.
func TestDeviceTokenMovesWithEachSignIn(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	g.Account(t, "second@konec.com.au")

	signIn := func(email, token string) string {
		t.Helper()

		got, fresh := deviceOf(t, g.Server, world.SignInCall(email, apptest.Password).FromBrowser(g.Visitor), token)
		if got.Status != http.StatusNoContent || fresh == "" {
			t.Fatalf("%s: %s", email, got)
		}

		return fresh
	}

	known := func(email string) int {
		return world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM device d JOIN account a ON a.id = d.account_id WHERE a.email = $1", email)
	}

	before := known(world.Owner)
	token := signIn(world.Owner, "")

	for range 3 {
		token = signIn("second@konec.com.au", token)
		token = signIn(world.Owner, token)
	}

	if first, second := known(world.Owner)-before, known("second@konec.com.au"); first != 1 || second != 1 {
		t.Errorf("one browser is %d and %d devices", first, second)
	}

	for range 25 {
		signIn("second@konec.com.au", "")
	}

	if n := known("second@konec.com.au"); n != 20 {
		t.Errorf("%d devices", n)
	}
}

// SEC-S2: the user lists the devices and forgets one, which is a stranger's from then on.
func TestDevicesAreListedAndForgotten(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	_, token := deviceOf(t, g.Server, world.LoginCall(world.Owner, apptest.Password), "")

	list := func() (current string) {
		t.Helper()

		got, err := g.Client.ListDevicesWithResponse(t.Context(), &client.ListDevicesParams{XDeviceToken: &token}, apptest.Bearer(g.OwnerTokens.AccessToken))
		if err != nil || got.JSON200 == nil {
			t.Fatalf("list: %v %s", err, got.Body)
		}

		for _, one := range got.JSON200.Devices {
			if one.Current {
				current = one.ID
			}
		}

		return current
	}

	id := list()
	if id == "" {
		t.Fatal("the device is not listed")
	}

	if got, err := g.Client.EndDeviceWithResponse(t.Context(), id, apptest.Bearer(g.OwnerTokens.AccessToken)); err != nil || got.StatusCode() != http.StatusNoContent {
		t.Fatalf("forget: %v %s", err, got.Body)
	}

	if left := list(); left != "" {
		t.Error("a forgotten device is still listed")
	}
}
