package regression_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// W-2, R-J9, R-H3: a server without a configured mode is in release mode, which shows no setting. Every mode requires
// XSRF, and none shows a secret or its existence.
func TestReleaseModeIsTheDefault(t *testing.T) {
	t.Parallel()

	settings := map[string]string{"DATABASE_URL": "postgres://somebody@localhost/x", "MASTER_KEY": "x"}

	c, err := config.Read(settings)
	if err != nil || c.Mode != config.Release {
		t.Errorf("without MODE: %q, %v", c.Mode, err)
	}

	for _, mode := range []string{c.Mode, config.Development} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()

			const canary = "canary-of-a-password"

			g := world.NewGateway(t, func(c *apptest.Settings) {
				c.Mode, c.SMTPURL, c.MailFrom = mode, "smtp://user:"+canary+"@127.0.0.1:9", "Toolkit <a@konec.test>"
			})
			secrets := append(secrets(t, g), canary)

			loaded := world.Call{Method: http.MethodGet, Path: "/"}.To(t, g.Server)
			if strings.Contains(string(loaded.Body), `"values"`) == (mode == config.Release) {
				t.Errorf("GET / returned %s", loaded)
			}

			for _, o := range world.Operations() {
				good := g.Call(o)

				for _, c := range []world.Call{good, good.Without("Cookie").Without("Authorization").Without("X-XSRF-TOKEN")} {
					got := c.To(t, g.Server)
					shown := fmt.Sprint(got.Header, got)

					if at := slices.IndexFunc(secrets, func(s string) bool { return strings.Contains(shown, s) }); at >= 0 {
						t.Errorf("%s shows %s", o.OperationID, secrets[at])
					}
				}
			}

			browser := g.Browser(t)
			browser.Load(t)

			for _, token := range []string{"", "x"} {
				got := world.SignInCall(world.Owner, apptest.Password).With("X-XSRF-TOKEN", token).InBrowser(t, g.Server, browser)
				if got.Problem.Code != "XSRF_INVALID" {
					t.Errorf("signing in with the XSRF token %q: %s", token, got)
				}
			}
		})
	}
}

// secrets returns the values of the secret settings, the parts of them that matter, and their names.
func secrets(t *testing.T, g *world.Gateway) (list []string) {
	t.Helper()

	for _, setting := range g.Config.Settings() {
		if setting.Secret {
			list = append(list, setting.Name, "(set)")
		}
	}

	if len(list) < 4 {
		t.Errorf("only %q are secret", list)
	}

	database, err := url.Parse(g.Config.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}

	if password, there := database.User.Password(); there && password != "" {
		list = append(list, password)
	}

	return append(list, g.Config.MasterKey, strings.TrimRight(g.Config.MasterKey, "="), g.Config.DatabaseURL, g.Config.LarkAppSecret)
}
