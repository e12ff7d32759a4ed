package session_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/geotest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// W-10, R-M8: the location of a sign-in comes from a file, in the reader's language, on both surfaces. Without a file,
// or for an address that the file lacks, it is left out, and the sign-in succeeds.
func TestLocation(t *testing.T) {
	t.Parallel()

	const (
		chinese, english = "zh-CN", "en-GB,en;q=0.9"
		sydney           = "203.0.113.7"
		berlin           = "2001:db8:5::7"
	)

	file := filepath.Join(t.TempDir(), "places.mmdb")
	geotest.Replace(t, file, geotest.File(t, geotest.Some()...))

	for _, c := range []struct {
		name, file, language string
		browser, app         string // the locations shown
	}{
		{"chinese", file, chinese, `{"city":"悉尼","country":"澳大利亚"}`, `{"city":"Berlin","country":"德国"}`},
		{"english", file, english, `{"city":"Sydney","country":"Australia"}`, `{"city":"Berlin","country":"Germany"}`},
		{"NoFile", "", english, `{}`, `{}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			env := apptest.New(t, func(settings *apptest.Settings) {
				settings.GeoFile = c.file
				settings.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			})
			env.Account(t, world.Owner)

			// The app signs in first, so that the last sign-in is the browser's.
			tokens := signInFrom(t, env, berlin)
			env.Clock.Advance(time.Second)

			browser := env.Browser(t)
			browser.Load(t)

			signedIn, err := browser.Client.SignInWithResponse(t.Context(),
				client.SignInRequest{Email: world.Owner, Password: apptest.Password}, world.WithHeader("X-Forwarded-For", sydney))
			if err != nil || signedIn.StatusCode() != http.StatusNoContent {
				t.Fatalf("sign in: %v, %s", err, signedIn.Body)
			}

			user, err := browser.Client.GetUserWithResponse(t.Context(), world.WithHeader("Accept-Language", c.language))
			if err != nil || user.JSON200 == nil {
				t.Fatalf("user: %v, %s", err, user.Body)
			}

			if got := historyDetail(t, user.Body); got != c.browser {
				t.Errorf("history: %s, want %s", got, c.browser)
			}

			ofBrowser, err := browser.Client.ListUserSessionsWithResponse(t.Context(), world.WithHeader("Accept-Language", c.language))
			if err != nil {
				t.Fatal(err)
			}

			ofApp, err := env.Client.ListSessionsWithResponse(t.Context(), apptest.Bearer(tokens.AccessToken), world.WithHeader("Accept-Language", c.language))
			if err != nil {
				t.Fatal(err)
			}

			for surface, body := range map[string][]byte{"public": ofBrowser.Body, "toolkit": ofApp.Body} {
				got := locations(t, body)
				if got["public"] != c.browser || got["toolkit"] != c.app || len(got) != 2 {
					t.Errorf("the %s list: %v, want %s and %s", surface, got, c.browser, c.app)
				}
			}
		})
	}

	t.Run("UnknownAddress", func(t *testing.T) {
		t.Parallel()

		env := apptest.New(t, func(settings *apptest.Settings) { settings.GeoFile = file })
		env.Account(t, world.Owner)

		user, err := env.SignedIn(t, world.Owner).Client.GetUserWithResponse(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		if got := historyDetail(t, user.Body); got != `{}` {
			t.Errorf("history: %s", got)
		}
	})
}

// A location file that is configured and missing stops the start, with the name of the setting.
func TestMissingLocationFileIsReported(t *testing.T) {
	t.Parallel()

	settings := apptest.New(t).Config
	settings.GeoFile = filepath.Join(t.TempDir(), "places.mmdb")

	_, err := app.New(t.Context(), app.Options{Config: settings, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err == nil || !strings.HasPrefix(err.Error(), "GEO_FILE: ") {
		t.Errorf("got %v", err)
	}
}

func signInFrom(t *testing.T, env *apptest.Env, address string) client.Tokens {
	t.Helper()

	response, err := env.Client.LoginWithFormdataBodyWithResponse(t.Context(), nil,
		client.LoginRequest{Email: world.Owner, Password: apptest.Password}, world.WithHeader("X-Forwarded-For", address))
	if err != nil || response.JSON200 == nil {
		t.Fatalf("login: %v, %s", err, response.Body)
	}

	return *response.JSON200
}

// historyDetail returns the detail of the last sign-in in the response of GET /user.
func historyDetail(t *testing.T, body []byte) string {
	t.Helper()

	var user struct {
		History struct{ Detail json.RawMessage }
	}
	if err := json.Unmarshal(body, &user); err != nil {
		t.Fatal(err)
	}

	return string(user.History.Detail)
}

// locations returns the locations in the response of a list of sessions, by surface.
func locations(t *testing.T, body []byte) map[string]string {
	t.Helper()

	var list struct {
		Sessions []struct {
			Surface  string
			Location json.RawMessage
		}
	}
	if err := json.Unmarshal(body, &list); err != nil {
		t.Fatal(err)
	}

	found := map[string]string{}
	for _, one := range list.Sessions {
		found[one.Surface] = string(one.Location)
	}

	return found
}
