package resilience_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/pgproxy"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// REL-D12: with 200 ms there and back between the gateway and its database, nothing fails. A sign-in needs more round trips
// than fit into the two seconds for which a request waits for a database that gives no answer.
func TestFarDatabase(t *testing.T) {
	t.Parallel()

	near, err := url.Parse(pgproxy.New(t, postgrestest.New(t)).URL)
	if err != nil {
		t.Fatal(err)
	}

	far := *near
	far.Host = delayed(t, near.Host, 100*time.Millisecond)

	sink := smtptest.New(t, smtptest.Options{})
	g := &world.MailGateway{Sink: sink, Env: apptest.On(t, far.String(), func(c *apptest.Settings) {
		c.SMTPURL, c.MailFrom = sink.URL(), "Toolkit <no-reply@konec.test>"
	})}

	const email = "far@konec.test"

	g.Send(t, email)
	g.ExpectRegistered(t, email, g.AwaitMails(t, email, 1)[0])

	tokens := g.SignIn(t, email)
	if status, _ := g.Me(t, tokens.AccessToken); status != http.StatusOK {
		t.Errorf("me: %d", status)
	}

	if status, _ := g.Refresh(t, tokens.RefreshToken); status != http.StatusOK {
		t.Errorf("refresh: %d", status)
	}
}

// REL-D13: mails and their repetitions go out in time, however far the clock of the database is off.
func TestMailsBesideADatabaseWhoseClockIsOff(t *testing.T) {
	t.Parallel()

	for _, ahead := range []string{"-1 hour", "1 hour"} {
		t.Run(ahead, func(t *testing.T) {
			t.Parallel()

			sink := smtptest.New(t, smtptest.Options{})
			g := &world.MailGateway{Sink: sink, Env: apptest.On(t, clockOff(t, postgrestest.New(t), ahead), func(c *apptest.Settings) {
				c.SMTPURL, c.MailFrom = sink.URL(), "Toolkit <no-reply@konec.test>"
			})}

			// A replica that starts beside the first one must not take the jobs of that one for jobs of a dead one.
			g.Serve(t)
			expectCodeAfterOutage(t, g, smtptest.Busy, func() { g.AwaitAttempts(t, "away@konec.test", 2) })
		})
	}
}

// clockOff returns the URL with which the database's clock is ahead by an interval: its functions of the time are found
// behind others of the same name.
func clockOff(t *testing.T, database, ahead string) string {
	t.Helper()

	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())

	for _, name := range []string{"now", "clock_timestamp"} {
		_, err := conn.Exec(t.Context(), `CREATE FUNCTION public.`+name+`() RETURNS timestamptz LANGUAGE sql STABLE AS
			$$ SELECT pg_catalog.`+name+`() + interval '`+ahead+`' $$`)
		if err != nil {
			t.Fatal(err)
		}
	}

	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}

	query := u.Query()
	query.Set("search_path", "public,pg_catalog")
	u.RawQuery = query.Encode()

	return u.String()
}
