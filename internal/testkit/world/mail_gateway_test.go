package app_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
)

// office is a gateway whose mails go to a real mail server, and that server.
type office struct {
	*apptest.Env

	sink *smtptest.Sink
}

func newOffice(t *testing.T, change ...func(*config.Config)) *office {
	t.Helper()

	sink := smtptest.New(t, smtptest.Options{})
	change = append(change, func(c *config.Config) { c.SMTPURL, c.MailFrom = sink.URL(), "Toolkit <no-reply@konec.test>" })

	return &office{Env: apptest.New(t, change...), sink: sink}
}

// send asks for a registration code, which must succeed whatever the mail server does.
func (o *office) send(t *testing.T, email string) {
	t.Helper()

	sent, err := o.Client.SendRegistrationCodeWithResponse(t.Context(), client.SendCodeRequest{Email: email})
	if err != nil || sent.JSON200 == nil {
		t.Fatalf("send code: %v %s", err, sent.Body)
	}
}

// arrived waits for n messages to the address, and answers them.
func (o *office) arrived(t *testing.T, email string, n int) []smtptest.Message {
	t.Helper()
	apptest.Eventually(t, "mail to "+email, func() bool { return len(o.sink.To(email)) >= n })

	return o.sink.To(email)
}

// register uses the code of a message, and answers the status.
func (o *office) register(t *testing.T, email string, message smtptest.Message) int {
	t.Helper()

	registered, err := o.Client.RegisterWithResponse(t.Context(), client.RegisterRequest{
		Username: "New User", Email: email, Password: apptest.Password, VerificationCode: codeIn(t, message),
	})
	if err != nil {
		t.Fatal(err)
	}

	return registered.StatusCode()
}

// expectRegistered wants the code of the message to be the one that registers.
func (o *office) expectRegistered(t *testing.T, email string, message smtptest.Message) {
	t.Helper()

	if status := o.register(t, email, message); status != http.StatusCreated {
		t.Errorf("register with the code that arrived: %d", status)
	}
}

// codePattern is the line of the text that holds nothing but the code.
var codePattern = regexp.MustCompile(`(?m)^    (\d{6})\r?$`)

func codeIn(t *testing.T, message smtptest.Message) string {
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

// deliveries answers the rows of an address, oldest first.
func (o *office) deliveries(t *testing.T, email string) []delivery {
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

// settled waits until the only message to the address has its last word, and answers it.
func (o *office) settled(t *testing.T, email string) delivery {
	t.Helper()

	var found []delivery

	apptest.Eventually(t, "the outcome of the mail to "+email, func() bool {
		found = o.deliveries(t, email)

		return len(found) == 1 && found[0].State != "queued"
	})

	if !found[0].Erased || !found[0].Finished {
		t.Errorf("the payload outlives the outcome: %+v", found[0])
	}

	return found[0]
}

// attempted waits until so many attempts have failed.
func (o *office) attempted(t *testing.T, email string, n int32) {
	t.Helper()
	apptest.Eventually(t, "attempts to mail "+email, func() bool {
		found := o.deliveries(t, email)

		return len(found) == 1 && found[0].Attempts >= n && found[0].LastError != ""
	})
}

// messageIDs are those of messages.
func messageIDs(t *testing.T, messages []smtptest.Message) []string {
	t.Helper()

	var ids []string
	for _, message := range messages {
		ids = append(ids, strings.Trim(message.Read(t).Header.Get("Message-Id"), "<>"))
	}

	return ids
}
