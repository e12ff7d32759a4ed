package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// sendTimeout is the time limit of one attempt; JobTimeout of the client is a little above it.
const sendTimeout = 30 * time.Second

// Outgoing is a message ready to be sent.
type Outgoing struct {
	ID      string // the same at every attempt, so that a provider detects a repeat
	Channel Channel
	Kind    Kind
	To      string
	Rendered
	Language language.Language
	Code     string    // as in the text
	Link     string    // likewise
	Minutes  int       // the code's whole lifetime; 0 without a code
	Queued   time.Time // the same at every attempt
	At       time.Time // the time of this attempt
	Holder   holder    // the provider that may have accepted it at an earlier attempt
}

// Sender sends a message to a mail server or provider. An error that wraps ErrRefused is final; after any other the
// message is retried.
type Sender interface {
	Send(ctx context.Context, message Outgoing) error
}

// ErrRefused reports that the other side will never accept this message.
var ErrRefused = errors.New("delivery: refused for good")

// The outcomes of a message.
const (
	stateSent    = "sent"
	stateExpired = "expired"
	stateRefused = "refused"
)

type job struct {
	DeliveryID string `json:"deliveryId"`
}

func (job) Kind() string { return "delivery" }

func (job) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: maxAttempts} }

// WorkerDeps are the dependencies of a Worker.
type WorkerDeps struct {
	DB      *postgres.DB
	Keys    *keyring.Keyring
	Senders map[Channel]Sender // a channel without a sender refuses its messages
	Places  *geo.Locator       // of addresses; nil for none
	// Retention is how long a deleted account can be restored.
	Retention time.Duration
	Count     func(Channel, Outcome)
	Log       *slog.Logger
	Now       func() time.Time
}

// Worker sends enqueued messages.
type Worker struct {
	river.WorkerDefaults[job]

	db      *postgres.DB
	keys    *keyring.Keyring
	senders map[Channel]Sender
	places  *geo.Locator
	report  *reporter
	now     func() time.Time

	retention time.Duration
}

// NewWorker returns a Worker.
func NewWorker(d WorkerDeps) *Worker {
	return &Worker{
		db: d.DB, keys: d.Keys, senders: d.Senders, places: d.Places, report: newReporter(d.Count, d.Log, d.Now), now: d.Now, retention: d.Retention,
	}
}

// Register adds the worker to those of a River client.
func (w *Worker) Register(workers *river.Workers) { river.AddWorker(workers, w) }

// Timeout is River's time limit of one attempt.
func (w *Worker) Timeout(*river.Job[job]) time.Duration { return sendTimeout + 15*time.Second }

// NextRetry waits 1 s, then twice as long each time up to 30 s while a code may still be valid, and 5 minutes after
// that. Jobs go by the clock of the database.
func (w *Worker) NextRetry(j *river.Job[job]) time.Time {
	wait := 5 * time.Minute
	if j.Attempt <= 25 {
		wait = min(time.Second<<min(j.Attempt-1, 10), 30*time.Second)
	}

	return w.db.Now().Add(wait)
}

// Work makes one attempt. The outcome is recorded after the message is sent: a worker that dies in between sends it
// twice, with the same id, rather than never.
func (w *Worker) Work(ctx context.Context, j *river.Job[job]) error {
	id := j.Args.DeliveryID

	var row db.DeliveryAttemptRow

	err := w.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		row, err = db.New(conn).DeliveryAttempt(ctx, id)

		return err
	})

	switch {
	case postgres.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("read message: %w", err)
	case !row.ExpiresAt.After(w.now()):
		reason := expiredAfter(j.JobRow)

		w.report.expired(Outgoing{ID: id, Channel: Channel(row.Channel), Kind: Kind(row.Kind), To: row.Recipient}, reason)

		return w.finish(ctx, id, stateExpired, reason)
	}

	message, err := w.prepare(ctx, id, row)
	if err != nil {
		reason := withoutSecrets(err, message.Code, message.Link)
		if !errors.Is(err, ErrRefused) {
			return w.failed(ctx, id, reason)
		}

		// Often there is no account for the code, which is not a failure and must not be logged.
		w.report.dropped(Channel(row.Channel))

		return w.finish(ctx, id, stateRefused, reason)
	}

	message.Holder = holderOf(j.JobRow)

	return w.outcome(ctx, message, w.send(ctx, message, row.ExpiresAt))
}

// expiredAfter returns the reason of an expired message, with that of its last attempt: it is what an administrator can
// act on.
func expiredAfter(row *rivertype.JobRow) string {
	const reason = "the message expired before it could be sent"

	if len(row.Errors) == 0 {
		return reason
	}

	return withoutSecrets(fmt.Errorf("%s; the last attempt: %s", reason, row.Errors[len(row.Errors)-1].Error))
}

// outcome records how the attempt to send a message ended.
func (w *Worker) outcome(ctx context.Context, message Outgoing, err error) error {
	if err == nil {
		w.report.sent(message.Channel)

		return w.finish(ctx, message.ID, stateSent, "")
	}

	reason := withoutSecrets(err, message.Code, message.Link)

	if errors.Is(err, ErrRefused) {
		w.report.refused(message, reason)

		return w.finish(ctx, message.ID, stateRefused, reason)
	}

	w.report.retried(message, reason)

	return w.failed(ctx, message.ID, reason)
}

func (w *Worker) prepare(ctx context.Context, id string, row db.DeliveryAttemptRow) (Outgoing, error) {
	plain, err := w.keys.Open(row.Payload, sealContext(id)...)
	if err != nil {
		return Outgoing{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}

	var content Content
	if err := json.Unmarshal(plain, &content); err != nil {
		return Outgoing{}, fmt.Errorf("%w: unreadable payload", ErrRefused)
	}

	kind, content, err := w.addressed(ctx, row, content)
	if err != nil {
		return Outgoing{}, err
	}

	message := Outgoing{
		ID: id, Channel: Channel(row.Channel), Kind: kind, To: row.Recipient, Language: language.Parse(row.Language),
		Code: content.Code, Link: content.Link, Queued: row.CreatedAt, At: w.now(),
	}
	if message.Code != "" {
		message.Minutes = minutes(row.ExpiresAt.Sub(row.CreatedAt))
	}

	if message.Channel == SMS {
		message.Rendered, err = renderSMS(kind, message.Language, message.Code, message.Minutes)
	} else {
		message.Rendered, err = render(kind, message.Language, w.placed(content, message.Language))
	}

	if err != nil {
		return Outgoing{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}

	return message, nil
}

// placed adds to the address where it is, if that is known.
func (w *Worker) placed(content Content, l language.Language) Content {
	address, err := netip.ParseAddr(content.Address)
	if err != nil || w.places == nil {
		return content
	}

	country, city := w.places.Locate(address, l)

	switch {
	case city != "" && l == language.English:
		content.Address += " (" + city + ", " + country + ")"
	case country != "" && l == language.English:
		content.Address += " (" + country + ")"
	case country != "":
		content.Address += "（" + country + city + "）"
	}

	return content
}

// addressed returns what the recipient really gets. A caller who asks for a code does not learn whether there is an account: it was
// not looked for then.
func (w *Worker) addressed(ctx context.Context, row db.DeliveryAttemptRow, content Content) (Kind, Content, error) {
	kind, channel := Kind(row.Kind), Channel(row.Channel)
	if kind != RegistrationCode && kind != ResetCode && kind != SignInCode && kind != SignInMailCode {
		return kind, content, nil
	}

	status, deletedAt, err := w.statusOf(ctx, channel, row.Recipient)

	switch {
	case err != nil:
		return "", Content{}, err
	case status == "disabled" && channel == Mail:
		return AccountDisabled, Content{}, nil
	case status == "deleted" && channel == Mail:
		return AccountDeleted, Content{At: deletedAt.Add(w.retention)}, nil
	case kind == RegistrationCode && status != "":
		return RegistrationTaken, Content{}, nil
	case kind != RegistrationCode && status != "active":
		return "", Content{}, fmt.Errorf("%w: no account that may sign in has this destination", ErrRefused)
	}

	return kind, content, nil
}

// statusOf returns the status of the destination's account, empty if there is none, and when it was deleted.
func (w *Worker) statusOf(ctx context.Context, channel Channel, destination string) (status string, deletedAt time.Time, err error) {
	err = w.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		if channel == SMS {
			var err error
			status, err = db.New(conn).AccountStatusByPhone(ctx, &destination)

			return err
		}

		row, err := db.New(conn).AccountStatusByEmail(ctx, db.AccountStatusByEmailParams{Email: destination, Now: w.now()})
		status = row.Status

		if row.DeletedAt != nil {
			deletedAt = *row.DeletedAt
		}

		return err
	})
	if err != nil && !postgres.IsNotFound(err) {
		return "", time.Time{}, fmt.Errorf("look for the account: %w", err)
	}

	return status, deletedAt, nil
}

// send gives up if the message expires during the attempt.
func (w *Worker) send(ctx context.Context, message Outgoing, expires time.Time) error {
	sender, ok := w.senders[message.Channel]
	if !ok {
		return fmt.Errorf("%w: nothing is configured that sends %s", ErrRefused, message.Channel)
	}

	ctx, cancel := context.WithTimeout(ctx, min(sendTimeout, expires.Sub(w.now())))
	defer cancel()

	return sender.Send(ctx, message)
}

func (w *Worker) finish(ctx context.Context, id, state, reason string) error {
	return w.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return db.New(conn).DeliveryFinish(ctx, db.DeliveryFinishParams{
			ID: id, State: state, LastError: reason, Now: w.now(),
		})
	})
}

func (w *Worker) failed(ctx context.Context, id, reason string) error {
	err := w.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return db.New(conn).DeliveryFailed(ctx, db.DeliveryFailedParams{ID: id, LastError: reason})
	})

	return errors.Join(errors.New(reason), err)
}

// withoutSecrets returns the reason in a form that may be stored: a server may quote what it received, and it chooses
// the text. A NUL in the text could not be stored.
func withoutSecrets(err error, secrets ...string) string {
	reason := err.Error()

	for _, secret := range secrets {
		if secret != "" {
			reason = strings.ReplaceAll(reason, secret, "[code]")
		}
	}

	reason = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}

		return r
	}, reason)

	return strings.ToValidUTF8(reason[:min(len(reason), 500)], "")
}
