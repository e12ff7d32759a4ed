package resilience_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// T-10, R-N1: "A mail server that refuses for a minute: the code arrives afterwards, once." Here it refuses for three
// attempts, about four seconds; the battery waits for the minute.
func TestCodeArrivesOnceAfterAnOutage(t *testing.T) {
	t.Parallel()

	for name, conduct := range map[string]smtptest.Conduct{
		"NobodyAnswers": smtptest.Gone, "Busy": smtptest.Busy, "ShutsDownBehindTheMessage": smtptest.ShutsDown,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			g := world.NewMailGateway(t)
			expectCodeAfterOutage(t, g, conduct, func() { g.AwaitAttempts(t, "away@konec.test", 3) })
		})
	}
}

// expectCodeAfterOutage makes the mail server misbehave for as long as wait takes, and checks that the code arrives
// afterwards, once.
func expectCodeAfterOutage(t *testing.T, g *world.MailGateway, conduct smtptest.Conduct, wait func()) {
	t.Helper()

	const email = "away@konec.test"

	g.Sink.Set(conduct)
	g.Send(t, email)
	wait()

	if found := g.Deliveries(t, email)[0]; found.State != "queued" || found.Erased || len(g.Sink.Messages()) != 0 {
		t.Errorf("during the outage: %+v, %d mails", found, len(g.Sink.Messages()))
	}

	g.Sink.Set(smtptest.Accepts)

	messages := g.AwaitMails(t, email, 1)
	if found := g.AwaitOutcome(t, email); found.State != "sent" || found.LastError != "" {
		t.Errorf("after the outage: %+v", found)
	}

	g.ExpectRegistered(t, email, messages[0])

	if again := g.Sink.To(email); len(again) != 1 {
		t.Errorf("it arrived %d times", len(again))
	}
}

// R-N1: a mail that the server has accepted is not sent again, whatever happens to the connection afterwards. One that
// it may have accepted is sent again under the same Message-ID.
func TestCutConnection(t *testing.T) {
	t.Parallel()

	t.Run("AfterTheAnswerMeansOnce", func(t *testing.T) {
		t.Parallel()

		g := world.NewMailGateway(t)
		g.Sink.Set(smtptest.CutsBehind)
		g.Send(t, "cut@konec.test")

		if found := g.AwaitOutcome(t, "cut@konec.test"); found.State != "sent" || found.Attempts != 1 {
			t.Errorf("got %+v", found)
		}

		if messages := g.Sink.To("cut@konec.test"); len(messages) != 1 {
			t.Errorf("it arrived %d times", len(messages))
		}
	})

	t.Run("BeforeTheAnswerMeansTheSameMessageID", func(t *testing.T) {
		t.Parallel()

		g := world.NewMailGateway(t)
		g.Sink.Set(smtptest.Cuts)
		g.Send(t, "cut@konec.test")
		g.AwaitMails(t, "cut@konec.test", 1)
		g.Sink.Set(smtptest.Accepts)

		messages := g.AwaitMails(t, "cut@konec.test", 2)
		found := g.AwaitOutcome(t, "cut@konec.test")
		ids := world.MessageIDs(t, messages)

		if found.State != "sent" || ids[0] != ids[1] || !strings.HasPrefix(ids[0], found.ID+"@") || world.CodeIn(t, messages[0]) != world.CodeIn(t, messages[1]) {
			t.Errorf("row %+v, ids %q", found, ids)
		}

		g.ExpectRegistered(t, "cut@konec.test", messages[1])
	})
}

// R-N4: a mail that the server refuses for good is not retried. The reason is stored without the code.
func TestRefusedMailIsNotRetried(t *testing.T) {
	t.Parallel()

	for name, conduct := range map[string]smtptest.Conduct{"Recipient": smtptest.Refuses, "Message": smtptest.Quotes} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			g := world.NewMailGateway(t)
			g.Sink.Set(conduct)
			g.Send(t, "nobody@konec.test")

			found := g.AwaitOutcome(t, "nobody@konec.test")
			if found.State != "refused" || found.Attempts != 1 || found.LastError == "" {
				t.Errorf("got %+v", found)
			}

			if strings.ContainsAny(found.LastError, "\r\n\x1b") || conduct == smtptest.Quotes && !strings.Contains(found.LastError, "[code]") {
				t.Errorf("reason %q", found.LastError)
			}
		})
	}
}

// R-N2, T-10: "one that stays away past the code's life: nothing stale is sent".
func TestExpiredCodeIsNeverSent(t *testing.T) {
	t.Parallel()

	const email = "late@konec.test"

	g := world.NewMailGateway(t)
	g.Sink.Set(smtptest.Busy)
	g.Send(t, email)
	g.AwaitAttempts(t, email, 1)
	g.Clock.Advance(code.Registration.Lifetime)
	g.Sink.Set(smtptest.Accepts)
	g.RetryNow(t)

	// The console shows why it was not sent in time.
	if found := g.AwaitOutcome(t, email); found.State != "expired" || !strings.Contains(found.LastError, "expired") || !strings.Contains(found.LastError, "Busy, try later") {
		t.Errorf("got %+v", found)
	}

	if messages := g.Sink.Messages(); len(messages) != 0 {
		t.Errorf("sent nevertheless: %s", messages[0].Data)
	}
}

// T-10, R-M6, F-17: a mail server that does not respond holds neither a connection nor a transaction, however many
// mails wait for it, and the API continues to work.
func TestHangingSendHoldsNoConnection(t *testing.T) {
	t.Parallel()

	g := world.NewMailGateway(t, func(c *apptest.Settings) { c.DatabaseMaxConns = 4 })
	g.Account(t, "owner@konec.test")
	g.Sink.Set(smtptest.Hangs)

	idle := connectionsUsed(t, g)

	for i := range 8 { // as many as there are workers
		g.Send(t, fmt.Sprintf("hang%d@konec.test", i))
	}

	apptest.Eventually(t, "all sends hang", func() bool { return g.Sink.Hanging() == 8 })
	apptest.Eventually(t, "no more connections are in use than before", func() bool { return connectionsUsed(t, g) == idle })

	var open int

	err := g.Pool.QueryRow(t.Context(), `
		SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'toolkit-gateway' AND xact_start < clock_timestamp() - interval '1 second'`).Scan(&open)
	if err != nil || open != 0 {
		t.Errorf("%d transactions are open, %v", open, err)
	}

	g.SignIn(t, "owner@konec.test")

	g.Sink.Set(smtptest.Accepts)

	for i := range 8 {
		g.AwaitMails(t, fmt.Sprintf("hang%d@konec.test", i), 1)
	}
}

// connectionsUsed returns the number of used database connections in /metrics.
func connectionsUsed(t *testing.T, g *world.MailGateway) string {
	t.Helper()

	for line := range strings.Lines(g.Metrics(t)) {
		if value, found := strings.CutPrefix(line, "gateway_database_connections_used "); found {
			return strings.TrimSpace(value)
		}
	}

	t.Fatal("no such metric")

	return ""
}

// R-N4, T-08: another worker takes over the mail of a dead one. The test makes the row look as a killed worker leaves it;
// TestCodeOfAKilledServerArrivesWithinTenSeconds kills one.
func TestMailOfADeadWorkerIsTakenOver(t *testing.T) {
	t.Parallel()

	const email = "orphan@konec.test"

	g := world.NewMailGateway(t)
	g.Sink.Set(smtptest.Busy)
	g.Send(t, email)
	g.AwaitAttempts(t, email, 1)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()

	if err := g.App.Stop(ctx); err != nil {
		t.Fatal(err)
	}

	changed, err := g.Pool.Exec(t.Context(), `
		UPDATE river_job SET state = 'running', attempted_at = now() - interval '80 seconds', scheduled_at = now() - interval '80 seconds'
		WHERE kind = 'delivery'`)
	if err != nil || changed.RowsAffected() != 1 {
		t.Fatalf("%v, %v", changed, err)
	}

	g.Sink.Set(smtptest.Accepts)
	g.Serve(t)

	messages := g.AwaitMails(t, email, 1)
	if found := g.AwaitOutcome(t, email); found.State != "sent" || len(messages) != 1 {
		t.Errorf("%+v, %d mails", found, len(messages))
	}
}
