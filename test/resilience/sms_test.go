package resilience_test

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/app"
	messaging "github.com/konec/toolkit-gateway/internal/domain/delivery" // delivery is a row, in internal/testkit/world
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

const phone = "+8613800138000"

// smsGateway is a gateway that sends its text messages to a provider of the test.
type smsGateway struct {
	*world.MailGateway

	provider *world.SMSProvider
	code     string
}

func newSMSGateway(t *testing.T, change ...func(*apptest.Settings)) *smsGateway {
	t.Helper()

	p := world.NewSMSProvider(t)

	g := world.NewMailGateway(t, append(change, func(c *apptest.Settings) { c.SMSURL, c.SMSWebhookSecret = p.URL+"/sms", world.SMSSecret })...)
	g.Account(t, "caller@konec.test")
	g.Exec(t, "UPDATE account SET phone = $1", phone) // messages to a phone without an account are not sent

	return &smsGateway{provider: p, code: "042137", MailGateway: g}
}

// enqueue does what the transaction of a sign-in by SMS does.
func (s *smsGateway) enqueue(t *testing.T) {
	t.Helper()

	database, err := postgres.Open(t.Context(), postgres.Options{URL: s.Config.DatabaseURL, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()

	keys, err := keyring.Parse(s.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	queue, err := messaging.NewQueue(database, keys, s.Clock.Now)
	if err != nil {
		t.Fatal(err)
	}

	expires := s.Clock.Now().Add(5 * time.Minute)

	err = database.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error {
		return queue.Enqueue(ctx, tx, messaging.NewID(), messaging.Message{
			Kind: messaging.SignInCode, Channel: messaging.SMS, To: phone, Language: language.English,
			Content: messaging.Content{Code: s.code}, Expires: expires,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// T-11, R-N1: a provider that is unavailable for a while receives the message afterwards, once.
func TestTextMessageArrivesOnceAfterAnOutage(t *testing.T) {
	t.Parallel()

	s := newSMSGateway(t)
	s.provider.SetBehavior(world.SMSUnavailable)
	s.enqueue(t)
	s.AwaitAttempts(t, phone, 2)

	if found := s.Deliveries(t, phone)[0]; found.State != "queued" || found.Erased || s.provider.Charges() != 0 {
		t.Errorf("during the outage: %+v", found)
	}

	s.provider.SetBehavior(world.AcceptSMS)

	if found := s.AwaitOutcome(t, phone); found.State != "sent" || found.LastError != "" || found.Attempts < 2 {
		t.Errorf("after the outage: %+v", found)
	}

	calls := s.provider.Calls(t)
	if s.provider.Charges() != 1 || calls[0].HeaderID != s.Deliveries(t, phone)[0].ID {
		t.Errorf("%d charges, %+v", s.provider.Charges(), calls)
	}

	for _, c := range calls {
		if c.Body != calls[0].Body || c.To != phone || c.Code != s.code ||
			c.Text != "042137 is your code to sign in to Toolkit. It is valid for 5 minutes. Do not share it with anybody." {
			t.Errorf("got %s, and first %s", c.Body, calls[0].Body)
		}
	}

	// In development mode the inbox shows the message too.
	if shown := s.Mails(phone); len(shown) != 1 || shown[0].Channel != "sms" || shown[0].Code != s.code {
		t.Errorf("the inbox shows %+v", shown)
	}
}

// T-11: "provider answers 200 late: at most one charge per idempotency key". It accepted the message, and its response
// was lost.
func TestLostProviderResponseIsChargedOnce(t *testing.T) {
	t.Parallel()

	s := newSMSGateway(t)
	s.provider.SetBehavior(world.AcceptSMSAndHangUp)
	s.enqueue(t)
	s.AwaitAttempts(t, phone, 2)
	s.provider.SetBehavior(world.AcceptSMS)

	if found := s.AwaitOutcome(t, phone); found.State != "sent" {
		t.Errorf("got %+v", found)
	}

	if n := len(s.provider.Calls(t)); n < 2 || s.provider.Charges() != 1 {
		t.Errorf("%d calls, %d charges", n, s.provider.Charges())
	}
}

// R-N4: a message that the provider refuses for good is not retried. The provider quotes the code; the row and the log
// do not.
func TestRefusedTextMessageIsNotRetried(t *testing.T) {
	t.Parallel()

	s := newSMSGateway(t)
	s.provider.SetBehavior(world.RefuseSMS)
	s.enqueue(t)

	found := s.AwaitOutcome(t, phone)
	if found.State != "refused" || found.Attempts != 1 || !strings.Contains(found.LastError, "status 422") || strings.Contains(found.LastError, s.code) {
		t.Errorf("got %+v", found)
	}

	if log := s.Log.String(); strings.Contains(log, s.code) || strings.Contains(log, world.SMSSecret[len("whsec_"):]) {
		t.Errorf("log %s", log)
	}
}

// R-N2: an expired code is never sent.
func TestExpiredTextMessageIsNeverSent(t *testing.T) {
	t.Parallel()

	s := newSMSGateway(t)
	s.provider.SetBehavior(world.SMSUnavailable)
	s.enqueue(t)
	s.AwaitAttempts(t, phone, 1)
	s.Clock.Advance(5 * time.Minute)
	s.provider.SetBehavior(world.AcceptSMS)

	before := len(s.provider.Calls(t))

	s.RetryNow(t)

	if found := s.AwaitOutcome(t, phone); found.State != "expired" || found.LastError == "" {
		t.Errorf("got %+v", found)
	}

	// An attempt may have been under way when the clock was moved.
	if n := len(s.provider.Calls(t)); n > before+1 || s.provider.Charges() > 0 {
		t.Errorf("%d calls, %d of them before, %d charges", n, before, s.provider.Charges())
	}
}

// A channel that is not configured refuses its messages with a reason. The log has one warning.
func TestReleaseModeWarnsWithoutASMSProvider(t *testing.T) {
	t.Parallel()

	e := apptest.New(t)
	e.Inbox = nil
	log := e.Serve(t).Log.String()

	if n := len(regexp.MustCompile(`"level":"WARN"[^\n]*SMS_URL is not set`).FindAllString(log, -1)); n != 1 {
		t.Errorf("%d warnings in %s", n, log)
	}
}

// An invalid setting stops the start, and the error names it.
func TestWrongProviderSettingStopsTheStart(t *testing.T) {
	t.Parallel()

	e := apptest.New(t)
	e.Config.SMSURL, e.Config.SMSWebhookSecret = "https://sms.test/", "whsec_canary"

	_, err := app.New(t.Context(), app.Options{Config: e.Config, Log: slog.New(slog.DiscardHandler), Now: e.Clock.Now})
	if err == nil || !strings.Contains(err.Error(), "SMS_URL") || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}
