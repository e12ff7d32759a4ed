package session_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// What the console does: it loads, signs in, verifies, reads the user, renews the session and signs out.
func TestConsoleJourney(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	created := env.Account(t, world.Owner)
	browser := env.Browser(t)

	loaded, err := browser.Client.LoadWithResponse(t.Context())
	if err != nil || loaded.JSON200 == nil {
		t.Fatalf("load: %v, %s", err, loaded.Body)
	}

	if loaded.JSON200.IP != "127.0.0.1" || loaded.JSON200.Name == "" || len(loaded.JSON200.Values) == 0 {
		t.Errorf("load returned %+v", loaded.JSON200)
	}

	if status := browser.Verify(t); status != http.StatusUnauthorized {
		t.Errorf("verify before the sign-in: %d", status)
	}

	signedIn, err := browser.Client.SignInWithResponse(t.Context(), client.SignInRequest{Email: world.Owner, Password: apptest.Password})
	if err != nil || signedIn.StatusCode() != http.StatusNoContent {
		t.Fatalf("sign in: %v, %s", err, signedIn.Body)
	}

	if status := browser.Verify(t); status != http.StatusNoContent {
		t.Errorf("verify: %d", status)
	}

	user, err := browser.Client.GetUserWithResponse(t.Context())
	if err != nil || user.JSON200 == nil {
		t.Fatalf("user: %v, %s", err, user.Body)
	}

	got := user.JSON200
	if got.ID != created.ID || got.Email != world.Owner || got.Name != "Test Person" || got.Sessions != 1 || !got.Status ||
		got.Phone != "" || got.Totp != "" || got.Avatar != "" || !got.Lark.IsNull() {
		t.Errorf("user: %s", user.Body)
	}

	history, err := got.History.Get()
	if err != nil || history.Metadata.ClientIP != "127.0.0.1" || history.Metadata.Source != "password" || history.UserAgent == "" {
		t.Errorf("history: %+v, %v", history, err)
	}

	before := browser.Cookie("__Host-TOKEN")

	for range 3 {
		env.Clock.Advance(time.Hour)
		world.RenewSession(t, browser)
	}

	if after := browser.Cookie("__Host-TOKEN"); after == before || browser.Verify(t) != http.StatusNoContent {
		t.Error("the session was not renewed")
	}

	out, err := browser.Client.SignOutWithResponse(t.Context())
	if err != nil || out.StatusCode() != http.StatusNoContent {
		t.Fatalf("sign out: %v, %s", err, out.Body)
	}

	if browser.Cookie("__Host-TOKEN") != "" || browser.Verify(t) != http.StatusUnauthorized {
		t.Error("still signed in")
	}
}
