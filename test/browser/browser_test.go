package browser_test

import (
	"fmt"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-H1, R-H2, R-H11, T-18: a user works with a small console in a real browser. Two tabs renew at once, a secret is
// entered in both spellings, codes come from an independent authenticator, and every sign-in method is used. The
// console is on a host beside the gateway's, or on the gateway's own.
func TestConsoleInABrowser(t *testing.T) {
	t.Parallel()

	for name, one := range map[string]struct {
		change          []func(*browserSite, *apptest.Settings)
		console, domain string
		rounds          int
	}{
		"SisterHost": {[]func(*browserSite, *apptest.Settings){siblingConsole}, consoleHost, ".app.test", 100},
		"OwnOrigin":  {nil, gatewayHost, "", 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := newBrowserSite(t, one.change...)
			created := s.Account(t, world.Owner)

			s.runScript(t, "flow.mjs", map[string]any{
				"console": s.console(one.console), "domain": one.domain, "rounds": one.rounds,
				"person": map[string]string{
					"email": world.Owner, "second": "second@konec.com.au", "third": "third@konec.com.au", "fourth": "fourth@konec.com.au", "phone": world.FreePhone,
					"password": apptest.Password, "reset": "a staple that no horse can correct", "changed": "a horse that no staple can correct",
				},
			})

			var kept, sessions string

			err := s.Pool.QueryRow(t.Context(), `
				SELECT concat_ws(', ', email, name, picture, phone, (SELECT count(*) FROM totp WHERE account_id = account.id)),
					(SELECT coalesce(string_agg(method, ' ' ORDER BY at), '') FROM audit_event WHERE account_id = account.id AND action = 'sign_in.succeeded')
				FROM account WHERE id = $1`, created.ID).Scan(&kept, &sessions)
			if err != nil {
				t.Fatal(err)
			}

			if want := fmt.Sprintf("fourth@konec.com.au, Second Name, people/2.png, %s, 1", world.FreePhone); kept != want {
				t.Errorf("the account is %s, want %s", kept, want)
			}

			if want := "password password totp sms password password"; sessions != want {
				t.Errorf("%s sign-ins, want %s", sessions, want)
			}
		})
	}
}

// console returns the address of the console's page on a host.
func (s *browserSite) console(host string) string {
	if host == gatewayHost {
		return s.origin(host) + "/small/console.html"
	}

	return s.origin(host) + "/console.html?gateway=" + s.origin(gatewayHost)
}
