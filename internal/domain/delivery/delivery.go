// Package delivery sends messages to people: enqueued in the transaction of what they tell about,
// sent by a worker after it, retried while the recipient's server is away, dropped once they
// would be stale, and recorded with their outcome. It never sends inside a request.
package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// Channel is the way a message goes.
type Channel string

// The channels.
const (
	Mail Channel = "mail"
	SMS  Channel = "sms"
)

// Kind says what a message tells; each has a template.
type Kind string

// The kinds.
const (
	// RegistrationCode carries the code for a new account. For an address that has an account
	// already the worker sends RegistrationTaken in its place, without the code, so that the request
	// did the same work and got the same answer.
	RegistrationCode  Kind = "registration_code"
	RegistrationTaken Kind = "registration_taken"
	// ResetCode carries the code to reset a password. Without an account that may sign in nothing is
	// sent.
	ResetCode Kind = "reset_code"
	// EmailCode shows that an address which is to be the account's is in the person's hands.
	EmailCode Kind = "email_code"
	// These tell what happened to the account.
	PasswordChanged Kind = "password_changed"
	EmailChanged    Kind = "email_changed"
	PhoneChanged    Kind = "phone_changed"
	TOTPChanged     Kind = "totp_changed"
	LarkChanged     Kind = "lark_changed"
	// Of these an administrator is the cause.
	FactorReset Kind = "factor_reset"
	Invitation  Kind = "invitation"
	// TOTPStopped tells that somebody guessed at the authenticator app until it was stopped.
	TOTPStopped Kind = "totp_stopped"
	NewDevice   Kind = "new_device"
	// SignInCode and PhoneCode go by SMS: the code to sign in with a phone, and the one that shows that
	// a phone which is to be added to an account is in the person's hands.
	SignInCode Kind = "sign_in_code"
	PhoneCode  Kind = "phone_code"
	// SessionEnded tells that an old refresh token was presented, and the session ended for it.
	SessionEnded Kind = "session_ended"
)

// noticeLifetime is how long a message without a code is worth sending.
const noticeLifetime = 24 * time.Hour

// maxAttempts parks a message that can never be sent; at the pace of Worker.NextRetry a notice's
// day is over before.
const maxAttempts = 400

// Message is what to tell whom.
type Message struct {
	Kind     Kind
	Channel  Channel
	To       string
	Language language.Language
	Content  Content
	Expires  time.Time // a code's end; zero for a notice
}

// Content is what a template shows. It is stored encrypted.
type Content struct {
	Code    string    `json:"code,omitempty"`
	Link    string    `json:"link,omitempty"` // a page that does in place of the code
	Device  string    `json:"device,omitempty"`
	Address string    `json:"address,omitempty"`
	Factor  string    `json:"factor,omitempty"` // password, phone, totp or lark
	At      time.Time `json:"at,omitzero"`
}

// Queue enqueues messages.
type Queue struct {
	keys *keyring.Keyring
	now  func() time.Time
	jobs *river.Client[pgx.Tx]
}

// NewQueue makes a Queue. It only inserts jobs; the workers are NewWorker's.
func NewQueue(database *postgres.DB, keys *keyring.Keyring, now func() time.Time) (*Queue, error) {
	jobs, err := river.NewClient(riverpgxv5.New(database.Pool()), &river.Config{})
	if err != nil {
		return nil, fmt.Errorf("job client: %w", err)
	}

	return &Queue{keys: keys, now: now, jobs: jobs}, nil
}

// NewID names a message before its transaction begins, so that a repeat of the transaction can
// tell whether the message is queued already.
func NewID() string { return randomid.New() }

// Queued says that an earlier run of this transaction enqueued the message.
func (q *Queue) Queued(ctx context.Context, tx postgres.Tx, id string) (bool, error) {
	if !tx.Repeated {
		return false, nil
	}

	exists, err := db.New(tx).DeliveryExists(ctx, id)
	if err != nil {
		return false, fmt.Errorf("look for the earlier run: %w", err)
	}

	return exists, nil
}

// Enqueue adds the message to the transaction: it is sent if and only if that commits.
func (q *Queue) Enqueue(ctx context.Context, tx postgres.Tx, id string, m Message) error {
	content, err := json.Marshal(m.Content)
	if err != nil {
		return fmt.Errorf("message content: %w", err)
	}

	now := q.now()

	expires := m.Expires
	if expires.IsZero() {
		expires = now.Add(noticeLifetime)
	}

	err = db.New(tx).DeliveryCreate(ctx, db.DeliveryCreateParams{
		ID: id, Channel: string(m.Channel), Recipient: m.To, Kind: string(m.Kind), Language: string(m.Language),
		Payload: q.keys.Seal(content, sealContext(id)...), Now: now, ExpiresAt: expires,
	})
	if err != nil {
		return fmt.Errorf("record message: %w", err)
	}

	// The job names the row and carries nothing else: job tables are read by many eyes.
	if _, err := q.jobs.InsertTx(ctx, tx.Tx, job{DeliveryID: id}, nil); err != nil {
		return fmt.Errorf("enqueue message: %w", err)
	}

	return nil
}

func sealContext(id string) []string { return []string{"delivery", "payload", id} }

// abandoned is how long after its end a message must have been dealt with by its job.
const abandoned = time.Hour

// Clean erases up to 1,000 payloads whose job was lost, deletes up to 1,000 records of messages older
// than 30 days, and returns how many it did.
func Clean(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	erased, err := db.New(tx).DeliveryAbandon(ctx, db.DeliveryAbandonParams{Now: now, Before: now.Add(-abandoned)})
	if err != nil || erased > 0 {
		return erased, err
	}

	return db.New(tx).DeliveryClean(ctx, now.Add(-30*24*time.Hour))
}
