package world

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
)

// MailGateway is a gateway that sends its mails to a real mail server.
type MailGateway struct {
	*apptest.Env

	Sink *smtptest.Sink
}

// NewMailGateway starts a gateway and its mail server, which accepts every mail.
func NewMailGateway(t *testing.T, change ...func(*apptest.Settings)) *MailGateway {
	t.Helper()

	sink := smtptest.New(t, smtptest.Options{})
	change = append(change, func(c *apptest.Settings) { c.SMTPURL, c.MailFrom = sink.URL(), "Toolkit <no-reply@konec.test>" })

	return &MailGateway{Env: apptest.New(t, change...), Sink: sink}
}

// RetryNow makes waiting delivery jobs run now and waits until they are done. River uses the real clock, which the test does
// not move.
func (g *MailGateway) RetryNow(t *testing.T) {
	t.Helper()

	apptest.Eventually(t, "every waiting job has run", func() bool {
		_, err := g.Pool.Exec(t.Context(), `
			UPDATE river_job SET scheduled_at = now(), state = 'available'
			WHERE kind = 'delivery' AND state IN ('retryable', 'scheduled', 'available')`)
		if err != nil {
			t.Fatal(err)
		}

		var waiting int
		if err := g.Pool.QueryRow(t.Context(), `SELECT count(*) FROM delivery WHERE state = 'queued'`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}

		return waiting == 0
	})
}

// Metrics returns the text of /metrics.
func (g *MailGateway) Metrics(t *testing.T) string {
	t.Helper()

	response := httptest.NewRecorder()
	g.App.Private().ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))

	text, err := io.ReadAll(response.Body)
	if err != nil || response.Code != http.StatusOK {
		t.Fatalf("metrics: %d, %v", response.Code, err)
	}

	return string(text)
}

// Send requests a registration code. That must succeed whatever the mail server does.
func (g *MailGateway) Send(t *testing.T, email string) {
	t.Helper()

	sent, err := g.Client.SendRegistrationCodeWithResponse(t.Context(), client.SendCodeRequest{Email: email})
	if err != nil || sent.JSON200 == nil {
		t.Fatalf("send code: %v %s", err, sent.Body)
	}
}

// AwaitMails waits for n messages to the address and returns them.
func (g *MailGateway) AwaitMails(t *testing.T, email string, n int) []smtptest.Message {
	t.Helper()
	apptest.Eventually(t, "mail to "+email, func() bool { return len(g.Sink.To(email)) >= n })

	return g.Sink.To(email)
}

// register registers with the code of a message and returns the status.
func (g *MailGateway) register(t *testing.T, email string, message smtptest.Message) int {
	t.Helper()

	registered, err := g.Client.RegisterWithResponse(t.Context(), client.RegisterRequest{
		Username: "New User", Email: email, Password: apptest.Password, VerificationCode: CodeIn(t, message),
	})
	if err != nil {
		t.Fatal(err)
	}

	return registered.StatusCode()
}

// ExpectRegistered checks that the code of the message registers the address.
func (g *MailGateway) ExpectRegistered(t *testing.T, email string, message smtptest.Message) {
	t.Helper()

	if status := g.register(t, email, message); status != http.StatusCreated {
		t.Errorf("register with the code in the mail: %d", status)
	}
}

// codePattern matches the line of a mail that holds only the code.
var codePattern = regexp.MustCompile(`(?m)^    (\d{6})\r?$`)

// CodeIn returns the code in a message.
func CodeIn(t *testing.T, message smtptest.Message) string {
	t.Helper()

	found := codePattern.FindStringSubmatch(message.Read(t).Parts[0].Body)
	if found == nil {
		t.Fatalf("no code in %s", message.Data)
	}

	return found[1]
}

// Delivery is a row of the table delivery.
type Delivery struct {
	ID        string
	State     string
	Attempts  int32
	LastError string
	Erased    bool // the payload has been erased
	Finished  bool
}

// Deliveries returns the deliveries to an address, oldest first.
func (g *MailGateway) Deliveries(t *testing.T, email string) []Delivery {
	t.Helper()

	rows, err := g.Pool.Query(t.Context(), `
		SELECT id, state, attempts, last_error, payload IS NULL AS erased, finished_at IS NOT NULL AS finished
		FROM delivery WHERE recipient = $1 ORDER BY created_at`, email)
	if err != nil {
		t.Fatal(err)
	}

	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Delivery])
	if err != nil {
		t.Fatal(err)
	}

	return found
}

// AwaitOutcome waits until the only delivery to the address has reached its final state and returns it.
func (g *MailGateway) AwaitOutcome(t *testing.T, email string) Delivery {
	t.Helper()

	var found []Delivery

	apptest.Eventually(t, "the outcome of the mail to "+email, func() bool {
		found = g.Deliveries(t, email)

		return len(found) == 1 && found[0].State != "queued"
	})

	if !found[0].Erased || !found[0].Finished {
		t.Errorf("the payload outlives the outcome: %+v", found[0])
	}

	return found[0]
}

// AwaitAttempts waits until the only delivery to the address has failed at least n times.
func (g *MailGateway) AwaitAttempts(t *testing.T, email string, n int32) {
	t.Helper()
	apptest.Eventually(t, "attempts to mail "+email, func() bool {
		found := g.Deliveries(t, email)

		return len(found) == 1 && found[0].Attempts >= n && found[0].LastError != ""
	})
}

// MessageIDs returns the Message-Id of each message.
func MessageIDs(t *testing.T, messages []smtptest.Message) []string {
	t.Helper()

	var ids []string
	for _, message := range messages {
		ids = append(ids, strings.Trim(message.Read(t).Header.Get("Message-Id"), "<>"))
	}

	return ids
}
