package resilience_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	messaging "github.com/konec/toolkit-gateway/internal/domain/delivery" // delivery is a row, in internal/testkit/world
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// REL-D8: a code does not wait behind notices. The battery has 100,000 of them.
func TestCodeOvertakesNotices(t *testing.T) {
	t.Parallel()
	expectCodeOvertakes(t, 2_000)
}

// expectCodeOvertakes has n notices wait, requests a code, and checks that it arrives within ten seconds.
func expectCodeOvertakes(t *testing.T, n int) {
	t.Helper()

	const email = "soon@konec.test"

	g := world.NewMailGateway(t)
	g.Sink.Set(smtptest.Hangs)
	enqueueNotices(t, g, n)
	apptest.Eventually(t, "every worker of notices waits for the mail server", func() bool { return g.Sink.Hanging() == g.Config.NoticeWorkers })
	g.Sink.Set(smtptest.Accepts)

	began := time.Now()

	g.Send(t, email)
	messages := g.AwaitMails(t, email, 1)
	took := time.Since(began)

	if waiting := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM delivery WHERE state = 'queued'"); waiting < n/2 {
		t.Errorf("only %d notices were waiting: the test proves nothing", waiting)
	}

	if took > 10*time.Second {
		t.Errorf("the code arrived after %s", took)
	}

	t.Logf("behind %d notices the code arrived after %s", n, took.Round(time.Millisecond))
	g.ExpectRegistered(t, email, messages[0])
}

// enqueueNotices adds notices to the database as many transactions would.
func enqueueNotices(t *testing.T, g *world.MailGateway, n int) {
	t.Helper()

	keys, err := keyring.Parse(g.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	ids, payloads := make([]string, n), make([][]byte, n)
	for i := range n {
		ids[i] = randomid.New()
		payloads[i] = keys.Seal([]byte(`{"device":"a","at":"2026-01-02T03:04:05Z"}`), "delivery", "payload", ids[i])
	}

	now := g.Clock.Now()
	err = pgx.BeginFunc(t.Context(), g.Pool, func(tx pgx.Tx) error {
		_, err := tx.CopyFrom(t.Context(), pgx.Identifier{"delivery"}, []string{"id", "channel", "recipient", "kind", "language", "payload", "created_at", "expires_at"},
			pgx.CopyFromSlice(n, func(i int) ([]any, error) {
				return []any{ids[i], "mail", fmt.Sprintf("notice%d@konec.test", i), "session_ended", "en", payloads[i], now, now.Add(24 * time.Hour)}, nil
			}))
		if err != nil {
			return fmt.Errorf("deliveries: %w", err)
		}

		_, err = tx.Exec(t.Context(), `
			INSERT INTO river_job (kind, queue, priority, max_attempts, args, state)
			SELECT 'delivery', $1, 3, 400, jsonb_build_object('deliveryId', id), 'available' FROM unnest($2::text[]) AS id`, messaging.Notices, ids)

		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// REL-D9: the code of a killed server arrives within ten seconds, by another one.
func TestCodeOfAKilledServerArrivesWithinTenSeconds(t *testing.T) {
	t.Parallel()

	const email = "orphan@konec.test"

	url := postgrestest.New(t)
	sink := smtptest.New(t, smtptest.Options{})
	program := &program{path: buildProgram(t), environment: map[string]string{
		"MODE": config.Release, "DATABASE_URL": url, "MASTER_KEY": keyring.Generate(), "ADDR": "127.0.0.1:0", "PUBLIC_URL": "https://gateway.test",
		"SMTP_URL": sink.URL(), "MAIL_FROM": "Toolkit <no-reply@konec.test>",
	}}

	database, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(database.Close)

	sink.Set(smtptest.Hangs)

	first, kill := program.start(t)
	g := &world.MailGateway{Env: &apptest.Env{Server: first, Pool: database}, Sink: sink}
	g.Send(t, email)
	apptest.Eventually(t, "the first server sends the code", func() bool { return sink.Hanging() == 1 })
	program.start(t)
	kill()

	began := time.Now()

	sink.Set(smtptest.Accepts)
	g.AwaitMails(t, email, 1)

	took := time.Since(began)
	if took > 10*time.Second {
		t.Errorf("the code arrived %s after its server was killed", took)
	}

	t.Logf("the code arrived %s after its server was killed", took.Round(time.Millisecond))

	if found := g.AwaitOutcome(t, email); found.State != "sent" || len(sink.To(email)) != 1 {
		t.Errorf("%+v, %d mails", found, len(sink.To(email)))
	}
}

// A living server keeps its job, however long the mail server takes: its lease is renewed, and no other one sends the mail.
func TestLivingServerKeepsItsJob(t *testing.T) {
	t.Parallel()

	g := world.NewMailGateway(t)
	g.Serve(t)
	g.Sink.Set(smtptest.Hangs)
	g.Send(t, "slow@konec.test")
	apptest.Eventually(t, "the lease is renewed four times: longer than one lasts", func() bool {
		return world.QueryValue[bool](t, g.Pool, `
			SELECT coalesce(bool_or(attempted_at > created_at + interval '7 seconds'), false) FROM river_job WHERE queue = 'mail_code' AND state = 'running'`)
	})

	if hanging, found := g.Sink.Hanging(), g.Deliveries(t, "slow@konec.test"); hanging != 1 || found[0].Attempts != 1 {
		t.Errorf("%d senders, %+v", hanging, found)
	}

	g.Sink.Set(smtptest.Accepts)
}

// IN-K8: an operator sees in the log and in the metrics that mails are not sent, and why. No one's address is in the log.
func TestFailingMailServerIsSeen(t *testing.T) {
	t.Parallel()

	g := world.NewMailGateway(t)
	g.Sink.Set(smtptest.Busy)

	for i := range 5 {
		g.Send(t, fmt.Sprintf("unlucky%d@konec.test", i))
	}

	for i := range 5 {
		g.AwaitAttempts(t, fmt.Sprintf("unlucky%d@konec.test", i), 2)
	}

	log := g.Log.String()
	if n := strings.Count(log, "a message could not be sent"); n != 1 || !strings.Contains(log, "Busy, try later") || strings.Contains(log, "unlucky") {
		t.Errorf("%d lines in %s", n, log)
	}

	if metrics := g.Metrics(t); !strings.Contains(metrics, `gateway_deliveries_total{channel="mail",outcome="retried"} `) ||
		strings.Contains(metrics, `gateway_deliveries_total{channel="mail",outcome="retried"} 0`) {
		t.Error(metrics)
	}

	for _, queue := range []string{messaging.MailCodes, messaging.SMSCodes, messaging.Notices, "webhook", "chore"} {
		for _, metric := range []string{"gateway_jobs_waiting", "gateway_jobs_oldest_seconds"} {
			if !strings.Contains(g.Metrics(t), metric+`{queue="`+queue+`"} `) {
				t.Errorf("no %s of %s", metric, queue)
			}
		}
	}

	g.Sink.Set(smtptest.Accepts)

	for i := range 5 {
		g.AwaitMails(t, fmt.Sprintf("unlucky%d@konec.test", i), 1)
	}

	apptest.Eventually(t, "the log has the end of it", func() bool { return strings.Contains(g.Log.String(), "messages are sent again") })

	// IN-K7: the name in HELO is that of PUBLIC_URL.
	if hello := g.Sink.Messages()[0].Hello; hello != "gateway.test" {
		t.Errorf("HELO %s", hello)
	}
}

// A second provider sends what the first does not accept, and nothing that the first has accepted.
func TestSecondSMSProviderTakesOver(t *testing.T) {
	t.Parallel()

	second := world.NewSMSProvider(t)
	s := newSMSGateway(t, func(c *apptest.Settings) { c.SMSFallbackURL = second.URL + "/sms" })

	charges := func() [2]int { return [2]int{s.provider.Charges(), second.Charges()} }
	sent := func(n int) func() bool {
		return func() bool {
			return world.QueryValue[int](t, s.Pool, "SELECT count(*) FROM delivery WHERE channel = 'sms' AND state = 'sent'") == n
		}
	}

	s.enqueue(t)
	apptest.Eventually(t, "the first message is sent", sent(1))

	if got := charges(); got != [2]int{1, 0} {
		t.Errorf("charges %v", got)
	}

	s.provider.SetBehavior(world.SMSUnavailable)
	s.enqueue(t)
	apptest.Eventually(t, "the second message is sent", sent(2))

	if got := charges(); got != [2]int{1, 1} {
		t.Errorf("charges %v", got)
	}
}

// A message that the first provider accepted without saying so stays with it: only it is asked again. Others go to the
// second one meanwhile.
func TestLostProviderResponseIsChargedOnceWithASecondProvider(t *testing.T) {
	t.Parallel()

	second := world.NewSMSProvider(t)
	s := newSMSGateway(t, func(c *apptest.Settings) { c.SMSFallbackURL = second.URL + "/sms" })
	sent := func(n int) func() bool {
		return func() bool {
			return world.QueryValue[int](t, s.Pool, "SELECT count(*) FROM delivery WHERE channel = 'sms' AND state = 'sent'") == n
		}
	}

	s.provider.SetBehavior(world.AcceptSMSAndHangUp)
	s.enqueue(t)
	apptest.Eventually(t, "the first one has been asked twice", func() bool { return len(s.provider.Calls(t)) >= 2 })
	s.enqueue(t)
	apptest.Eventually(t, "the second message is sent", sent(1))

	if s.provider.Charges() != 1 || second.Charges() != 1 {
		t.Errorf("charges %d and %d", s.provider.Charges(), second.Charges())
	}

	s.provider.SetBehavior(world.AcceptSMS)
	apptest.Eventually(t, "the first message is sent", sent(2))

	if s.provider.Charges() != 1 || second.Charges() != 1 {
		t.Errorf("afterwards: charges %d and %d", s.provider.Charges(), second.Charges())
	}
}
