package session_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// The contract, "life": the name in X-Client becomes client_id if the settings know it, at each operation that issues an
// access token. A User-Agent never does.
func TestTokenNamesTheApp(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.Clients, c.ClientsMinimum = []string{"studio", "mobile"}, nil })

	for header, want := range map[string]string{
		"studio/2.3.1": "studio", "mobile": "mobile", "studio/": "studio", "studio / 2": "toolkit", "Studio/2.3.1": "toolkit", "desktop/1": "toolkit",
		"": "toolkit", "/2": "toolkit", "toolkit": "toolkit", "studio\t": "studio", `"studio"`: "toolkit", strings.Repeat("x", 5000): "toolkit",
	} {
		named := func(c world.Call) world.Call {
			return c.With("X-Client", header).With("User-Agent", "studio/2.3.1 mobile")
		}

		var tokens struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}

		login := named(world.LoginCall(world.Owner, apptest.Password)).To(t, g.Server)
		if err := json.Unmarshal(login.Body, &tokens); err != nil || login.Status != http.StatusOK {
			t.Fatalf("%q: %s, %v", header, login, err)
		}

		if got := clientIDOf(t, tokens.Access); got != want {
			t.Errorf("login with %q: %q, want %q", header, got, want)
		}

		for _, c := range []world.Call{
			world.PostCall("/api/auth/reauthenticate", map[string]any{"password": apptest.Password}).With("Authorization", "Bearer "+tokens.Access),
			world.PostCall("/api/auth/refresh", map[string]any{"refresh_token": tokens.Refresh}),
		} {
			got := named(c).To(t, g.Server)
			if err := json.Unmarshal(got.Body, &tokens); err != nil || got.Status != http.StatusOK {
				t.Fatalf("%s with %q: %s, %v", c.Path, header, got, err)
			}

			if got := clientIDOf(t, tokens.Access); got != want {
				t.Errorf("%s with %q: %q, want %q", c.Path, header, got, want)
			}
		}
	}
}

// An app older than its minimum version can neither sign its user in nor register one. Its sessions go on, and so do apps that do
// not name themselves.
func TestOutdatedAppKeepsItsSession(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.ClientsMinimum = []string{"studio=2.3.1", "mobile=4"} })
	login := world.LoginCall(world.Owner, apptest.Password)

	for header, want := range map[string]int{
		"studio/2.3.0": http.StatusForbidden, "studio": http.StatusForbidden, "mobile/3.99": http.StatusForbidden,
		"studio/2.3.1": http.StatusOK, "studio/2.10": http.StatusOK, "desktop/0.1": http.StatusOK, "": http.StatusOK,
	} {
		if got := login.With("X-Client", header).To(t, g.Server); got.Status != want || want == http.StatusForbidden && got.Problem.Code != "UPGRADE_REQUIRED" {
			t.Errorf("login with %q: %s, want %d", header, got, want)
		}
	}

	got := login.With("X-Client", "studio/1").With("Accept-Language", "en").To(t, g.Server)
	if want := "This version of the app is no longer supported. Please update it."; got.Problem.Message != want {
		t.Errorf("the message is %q, want %q", got.Problem.Message, want)
	}

	tokens := g.SignIn(t, world.Owner)
	bearer := "Bearer " + tokens.AccessToken

	for _, c := range []world.Call{
		world.Call{Method: http.MethodGet, Path: "/api/users/me"}.With("Authorization", bearer),
		world.PostCall("/api/auth/reauthenticate", map[string]any{"password": apptest.Password}).With("Authorization", bearer),
		world.PostCall("/api/auth/refresh", map[string]any{"refresh_token": tokens.RefreshToken}),
		world.Call{Method: http.MethodPost, Path: "/api/auth/logout"}.With("Authorization", bearer),
	} {
		if got := c.With("X-Client", "studio/1").To(t, g.Server); got.Status >= http.StatusBadRequest {
			t.Errorf("%s: %s", c.Path, got)
		}
	}
}

func clientIDOf(t *testing.T, token string) string {
	t.Helper()

	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}

	var claims struct {
		ClientID string `json:"client_id"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}

	return claims.ClientID
}
