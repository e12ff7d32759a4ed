package regression_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// W-5, T-36: if the lookup of a destination's account fails, no code is sent. A mail waits, because the worker does the
// lookup, so that the request costs the same for every address. For a text message, which costs money, the request does
// the lookup too, and fails, as it does if the code cannot be stored.
func TestFailedLookupSendsNothing(t *testing.T) {
	t.Parallel()

	const stranger = "stranger@konec.com.au"

	for _, c := range []struct {
		operation, query, to string
		waits                bool   // the message waits until the lookup succeeds
		want                 string // the final state
	}{
		{"sendResetCode", "email=" + world.Owner, world.Owner, false, "sent"},
		{"sendResetCode", "email=" + stranger, stranger, false, "refused"},
		{"sendSignInCode", "phone=%2B8613800138001", "+8613800138001", false, "sent"},
		{"sendSignInCode", "phone=%2B8613800138002", "+8613800138002", false, "refused"},
	} {
		t.Run(c.operation+" "+c.want, func(t *testing.T) {
			t.Parallel()

			g := &world.MailGateway{Env: apptest.New(t)}
			g.Account(t, world.Owner)
			g.Exec(t, "UPDATE account SET phone = '+8613800138001'")

			ask := world.OperationOf(t, c.operation).Call(c.query, nil)

			fails := func(what string) {
				t.Helper()

				if got := ask.To(t, g.Server); got.Status < http.StatusInternalServerError || len(g.Deliveries(t, c.to)) > 0 {
					t.Errorf("%s: %s, and messages %v", what, got, g.Deliveries(t, c.to))
				}
			}

			g.Exec(t, "ALTER TABLE code RENAME TO elsewhere")
			fails("where no code can be stored")
			g.Exec(t, "ALTER TABLE elsewhere RENAME TO code")
			g.Exec(t, "ALTER TABLE account RENAME TO elsewhere")

			if c.waits {
				expectSent(t, g, ask)
				apptest.Eventually(t, "an attempt at "+c.to, func() bool {
					waiting := g.Deliveries(t, c.to)

					return len(waiting) == 1 && (waiting[0].LastError != "" || waiting[0].Finished)
				})
			} else {
				fails("while no account can be looked up")
			}

			if sent := g.Mails(c.to); len(sent) > 0 {
				t.Errorf("the lookup failed, and %q was sent", sent[0].Text)
			}

			g.Exec(t, "ALTER TABLE elsewhere RENAME TO account")

			if !c.waits {
				expectSent(t, g, ask)
			}

			if got := g.AwaitOutcome(t, c.to); got.State != c.want || (len(g.Mails(c.to)) == 1) != (c.want == "sent") {
				t.Errorf("afterwards: %+v, and %d messages", got, len(g.Mails(c.to)))
			}
		})
	}
}

func expectSent(t *testing.T, g *world.MailGateway, ask world.Call) {
	t.Helper()

	if got := ask.To(t, g.Server); got.Status != http.StatusNoContent {
		t.Errorf("%s: %s", ask.Path, got)
	}
}

// W-10, T-36, R-M8: a sign-in needs no other service. If the mail server, the SMS provider, Lark and the location file
// are all unavailable, it succeeds at once, is recorded, and replaces the one before it.
func TestSignInNeedsNoOtherService(t *testing.T) {
	t.Parallel()

	const away = "127.0.0.1:9"

	env := apptest.New(t, world.WithLark("https://"+away), func(c *apptest.Settings) {
		c.SMTPURL, c.MailFrom = "smtp://"+away, "Toolkit <no-reply@konec.test>"
		c.SMSURL, c.SMSWebhookSecret = "https://"+away+"/sms", world.SMSSecret
	})
	env.Account(t, world.Owner)

	browser := env.Browser(t)
	browser.Load(t)

	for i := range 3 {
		before := browser.Copy(t, env.Server)
		began := time.Now()

		// From an unknown device, so that there is a mail to send.
		got := world.SignInCall(world.Owner, apptest.Password).With("User-Agent", fmt.Sprint("device ", i)).InBrowser(t, env.Server, browser)
		if got.Status != http.StatusNoContent || time.Since(began) > 5*time.Second {
			t.Fatalf("sign-in %d after %s: %s", i, time.Since(began), got)
		}

		if env.SignIn(t, world.Owner).AccessToken == "" || browser.Verify(t) != http.StatusNoContent || before.Verify(t) != http.StatusUnauthorized {
			t.Errorf("sign-in %d: the previous session is live, or this one is not", i)
		}

		settings := world.PublicUser(t, browser)
		if history, err := settings.History.Get(); err != nil || history.UserAgent == "" || settings.Sessions != int64(2*(i+1)) {
			t.Errorf("sign-in %d: %+v, %v, %d sessions", i, history, err, settings.Sessions)
		}
	}
}
