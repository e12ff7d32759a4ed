// Package delivery sends messages to users: enqueued in the transaction of the change, sent by a worker afterwards,
// retried while the recipient's server is unavailable, dropped when out of date, and recorded with their outcome. It
// never sends within a request.
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
	"github.com/konec/toolkit-gateway/internal/platform/jobclock"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// Channel is the way a message is sent.
type Channel string

// The channels.
const (
	Mail Channel = "mail"
	SMS  Channel = "sms"
)

// Kind is the subject of a message; each has a template.
type Kind string

// The kinds.
const (
	// RegistrationCode carries the code for a new account. If the address has an account, the worker sends
	// RegistrationTaken instead, without the code, so that the request does the same work and gets the same response.
	RegistrationCode  Kind = "registration_code"
	RegistrationTaken Kind = "registration_taken"
	// AccountDisabled and AccountDeleted are sent in place of a code to register or to reset a password, to a user whose account is
	// so. Only the user reads them.
	AccountDisabled Kind = "account_disabled"
	AccountDeleted  Kind = "account_deleted"
	// ResetCode carries the code to reset a password. Nothing is sent without an account.
	ResetCode Kind = "reset_code"
	// SignInMailCode carries the code to sign in with. Nothing is sent without an account.
	SignInMailCode Kind = "sign_in_mail_code"
	// EmailCode proves that the user controls the account's new address.
	EmailCode Kind = "email_code"
	// These notify of changes to the account.
	PasswordChanged Kind = "password_changed"
	AccountLeft     Kind = "account_left" // by its user
	EmailChanged    Kind = "email_changed"
	PhoneChanged    Kind = "phone_changed"
	TOTPChanged     Kind = "totp_changed"
	LarkChanged     Kind = "lark_changed"
	// These are caused by an administrator.
	FactorReset Kind = "factor_reset"
	Invitation  Kind = "invitation"
	// TOTPStopped notifies that wrong guesses have stopped the authenticator app.
	TOTPStopped Kind = "totp_stopped"
	NewDevice   Kind = "new_device"
	// SignInCode and PhoneCode are sent by SMS: the code to sign in with a phone, and the code that proves control of a
	// phone to be added to an account.
	SignInCode Kind = "sign_in_code"
	PhoneCode  Kind = "phone_code"
	// SessionEnded notifies that an old refresh token was presented, which ended the session.
	SessionEnded Kind = "session_ended"
)

// The queues of jobs. A code must not wait behind notices, nor a text message behind mails whose server does not respond:
// each has workers of its own. The queue follows from what is requested alone, and so reveals nothing about an account.
const (
	MailCodes = "mail_code"
	SMSCodes  = "sms_code"
	Notices   = "notice"
)

// The priorities. After an outage River returns waiting messages to their queues in this order.
const (
	codePriority   = 1
	noticePriority = 3
)

// inserted returns how the job of a message is inserted.
func inserted(m Message) *river.InsertOpts {
	switch {
	case m.Content.Code == "":
		return &river.InsertOpts{Queue: Notices, Priority: noticePriority}
	case m.Channel == SMS:
		return &river.InsertOpts{Queue: SMSCodes, Priority: codePriority}
	}

	return &river.InsertOpts{Queue: MailCodes, Priority: codePriority}
}

// noticeLifetime is how long a message without a code is worth sending.
const noticeLifetime = 24 * time.Hour

// maxAttempts ends attempts at a message that can never be sent; by Worker.NextRetry a notice has expired before.
const maxAttempts = 400

// Message is a message to a recipient.
type Message struct {
	Kind     Kind
	Channel  Channel
	To       string
	Language language.Language
	Content  Content
	Expires  time.Time // when the code expires; zero for a notice
}

// Content is the input of a template. It is stored encrypted.
type Content struct {
	Code    string    `json:"code,omitempty"`
	Link    string    `json:"link,omitempty"`   // a page to use instead of the code
	Device  string    `json:"device,omitempty"` // a User-Agent; the message shows what it stands for, never its text
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

// NewQueue returns a Queue. It only inserts jobs; a Worker sends them.
func NewQueue(database *postgres.DB, keys *keyring.Keyring, now func() time.Time) (*Queue, error) {
	jobs, err := river.NewClient(riverpgxv5.New(database.Pool()), &river.Config{Test: jobclock.ForInserts(database)})
	if err != nil {
		return nil, fmt.Errorf("job client: %w", err)
	}

	return &Queue{keys: keys, now: now, jobs: jobs}, nil
}

// NewID returns a message id before the transaction begins, so that a repeated run finds the message that is already
// queued.
func NewID() string { return randomid.New() }

// Queued reports whether an earlier run of this transaction enqueued the message.
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

	// The job names the row and contains nothing else: many tools and people read job tables.
	if _, err := q.jobs.InsertTx(ctx, tx.Tx, job{DeliveryID: id}, inserted(m)); err != nil {
		return fmt.Errorf("enqueue message: %w", err)
	}

	return nil
}

func sealContext(id string) []string { return []string{"delivery", "payload", id} }

// abandoned is how long after a message's expiry its job must have run.
const abandoned = time.Hour

// Clean erases up to 1,000 payloads whose job was lost, deletes up to 1,000 records of messages older than 30 days, and
// returns how many rows it changed.
func Clean(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	erased, err := db.New(tx).DeliveryAbandon(ctx, db.DeliveryAbandonParams{Now: now, Before: now.Add(-abandoned)})
	if err != nil || erased > 0 {
		return erased, err
	}

	return db.New(tx).DeliveryClean(ctx, now.Add(-30*24*time.Hour))
}
