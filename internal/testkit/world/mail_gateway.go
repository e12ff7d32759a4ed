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

// RetryNow lets the jobs that wait run now. River has a clock of its own, the real one: after the test's
// clock was moved ahead, a wait that the worker reckoned by it is that much too long.
func (o *MailGateway) RetryNow(t *testing.T) {
	t.Helper()

	apptest.Eventually(t, "every waiting job is woken", func() bool {
		_, err := o.Pool.Exec(t.Context(), `
			UPDATE river_job SET scheduled_at = now(), state = 'available'
			WHERE kind = 'delivery' AND state IN ('retryable', 'scheduled', 'available')`)
		if err != nil {
			t.Fatal(err)
		}

		var waiting int
		if err := o.Pool.QueryRow(t.Context(), `SELECT count(*) FROM delivery WHERE state = 'queued'`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}

		return waiting == 0
	})
}

func (o *MailGateway) Metrics(t *testing.T) string {
	t.Helper()

	answer := httptest.NewRecorder()
	o.App.Private().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))

	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.Code != http.StatusOK {
		t.Fatalf("metrics: %d, %v", answer.Code, err)
	}

	return string(text)
}

// MailGateway is a gateway whose mails go to a real mail server, and that server.
type MailGateway struct {
	*apptest.Env

	Sink *smtptest.Sink
}

func NewMailGateway(t *testing.T, change ...func(*apptest.Settings)) *MailGateway {
	t.Helper()

	sink := smtptest.New(t, smtptest.Options{})
	change = append(change, func(c *apptest.Settings) { c.SMTPURL, c.MailFrom = sink.URL(), "Toolkit <no-reply@konec.test>" })

	return &MailGateway{Env: apptest.New(t, change...), Sink: sink}
}

// Send asks for a registration code, which must succeed whatever the mail server does.
func (o *MailGateway) Send(t *testing.T, email string) {
	t.Helper()

	sent, err := o.Client.SendRegistrationCodeWithResponse(t.Context(), client.SendCodeRequest{Email: email})
	if err != nil || sent.JSON200 == nil {
		t.Fatalf("send code: %v %s", err, sent.Body)
	}
}

// Arrived waits for n messages to the address, and answers them.
func (o *MailGateway) Arrived(t *testing.T, email string, n int) []smtptest.Message {
	t.Helper()
	apptest.Eventually(t, "mail to "+email, func() bool { return len(o.Sink.To(email)) >= n })

	return o.Sink.To(email)
}

// register uses the code of a message, and answers the status.
func (o *MailGateway) register(t *testing.T, email string, message smtptest.Message) int {
	t.Helper()

	registered, err := o.Client.RegisterWithResponse(t.Context(), client.RegisterRequest{
		Username: "New User", Email: email, Password: apptest.Password, VerificationCode: CodeIn(t, message),
	})
	if err != nil {
		t.Fatal(err)
	}

	return registered.StatusCode()
}

// ExpectRegistered wants the code of the message to be the one that registers.
func (o *MailGateway) ExpectRegistered(t *testing.T, email string, message smtptest.Message) {
	t.Helper()

	if status := o.register(t, email, message); status != http.StatusCreated {
		t.Errorf("register with the code that arrived: %d", status)
	}
}

// codePattern is the line of the text that holds nothing but the code.
var codePattern = regexp.MustCompile(`(?m)^    (\d{6})\r?$`)

func CodeIn(t *testing.T, message smtptest.Message) string {
	t.Helper()

	found := codePattern.FindStringSubmatch(message.Read(t).Parts[0].Body)
	if found == nil {
		t.Fatalf("no code in %s", message.Data)
	}

	return found[1]
}

// delivery is a row of that table.
type delivery struct {
	ID        string
	State     string
	Attempts  int32
	LastError string
	Erased    bool // the payload
	Finished  bool
}

// Deliveries answers the rows of an address, oldest first.
func (o *MailGateway) Deliveries(t *testing.T, email string) []delivery {
	t.Helper()

	rows, err := o.Pool.Query(t.Context(), `
		SELECT id, state, attempts, last_error, payload IS NULL AS erased, finished_at IS NOT NULL AS finished
		FROM delivery WHERE recipient = $1 ORDER BY created_at`, email)
	if err != nil {
		t.Fatal(err)
	}

	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[delivery])
	if err != nil {
		t.Fatal(err)
	}

	return found
}

// Settled waits until the only message to the address has its last word, and answers it.
func (o *MailGateway) Settled(t *testing.T, email string) delivery {
	t.Helper()

	var found []delivery

	apptest.Eventually(t, "the outcome of the mail to "+email, func() bool {
		found = o.Deliveries(t, email)

		return len(found) == 1 && found[0].State != "queued"
	})

	if !found[0].Erased || !found[0].Finished {
		t.Errorf("the payload outlives the outcome: %+v", found[0])
	}

	return found[0]
}

// Attempted waits until so many attempts have failed.
func (o *MailGateway) Attempted(t *testing.T, email string, n int32) {
	t.Helper()
	apptest.Eventually(t, "attempts to mail "+email, func() bool {
		found := o.Deliveries(t, email)

		return len(found) == 1 && found[0].Attempts >= n && found[0].LastError != ""
	})
}

// MessageIDs are those of messages.
func MessageIDs(t *testing.T, messages []smtptest.Message) []string {
	t.Helper()

	var ids []string
	for _, message := range messages {
		ids = append(ids, strings.Trim(message.Read(t).Header.Get("Message-Id"), "<>"))
	}

	return ids
}
