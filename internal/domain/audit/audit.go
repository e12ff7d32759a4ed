// Package audit records what happens to accounts and sessions, in the transaction of the event itself: neither exists
// without the other. It never records a secret, and never changes a row. A chain of hashes over all events reveals
// changes by others.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Action is the name of an event.
type Action string

// The actions.
const (
	CodeSent           Action = "code.sent"
	CodeRefused        Action = "code.refused"
	AccountRegistered  Action = "account.registered"
	AccountCreated     Action = "account.created"
	AccountImported    Action = "account.imported"  // a batch of accounts
	AccountsExported   Action = "accounts.exported" // all accounts
	AccountGroupSet    Action = "account.group_set"
	AccountDisabled    Action = "account.disabled"
	AccountEnabled     Action = "account.enabled"
	AccountDeleted     Action = "account.deleted"
	AccountExported    Action = "account.exported"
	CodeResent         Action = "code.resent" // by an administrator
	SignInSucceeded    Action = "sign_in.succeeded"
	SignInFailed       Action = "sign_in.failed"
	SecondFactorAsked  Action = "sign_in.second_factor_asked"
	AccountChanged     Action = "account.changed"
	EmailChanged       Action = "email.changed"
	PhoneChanged       Action = "phone.changed"
	TOTPChanged        Action = "totp.changed"
	TOTPStopped        Action = "totp.stopped"
	LarkChanged        Action = "lark.changed"
	PasswordChanged    Action = "password.changed"
	PasswordReset      Action = "password.reset"
	PasswordRefused    Action = "password.refused"
	SessionEnded       Action = "session.ended"
	SessionLabelled    Action = "session.labelled"
	Reauthenticated    Action = "session.reauthenticated"
	RivalOpened        Action = "session.rival_opened" // the answer of a refresh was lost
	FactorKept         Action = "factor.kept"          // that a password reset had suspended
	SecondFactorSet    Action = "second_factor.set"
	ChangeUndone       Action = "change.undone" // with the link in the mail about it
	DeviceEnded        Action = "device.ended"
	DeviceLabelled     Action = "device.labelled"
	DeviceTrusted      Action = "device.trusted"
	BudgetAlarm        Action = "budget.alarm"
	KeyRotated         Action = "signing_key.rotated"
	RefreshTokenReused Action = "session.refresh_token_reused"
	LimitReached       Action = "limit.reached" // a user or network that reached a limit must wait
	WaitLifted         Action = "sign_in.wait_lifted"
	GroupCreated       Action = "group.created"
	GroupChanged       Action = "group.changed"
	GroupDeleted       Action = "group.deleted"

	WebhookCreated       Action = "webhook.created"
	WebhookChanged       Action = "webhook.changed"
	WebhookSecretRotated Action = "webhook.secret_rotated"
	WebhookDeleted       Action = "webhook.deleted"
	WebhookDisabled      Action = "webhook.disabled" // by its receiver
	WebhookReplayed      Action = "webhook.replayed"
)

// Event is one entry.
type Event struct {
	Action    Action
	AccountID string            // empty if no account is known
	ActorID   string            // who changed another's account; empty for the user, a command or the server
	SessionID string            // empty if there is none
	Subject   string            // the address in the request, if nothing else is known
	Method    string            // of a sign-in: the factor; of a code: its purpose
	Detail    map[string]string // more about it: the previous value, the reason; never a secret
}

// clientDetail is the member of Detail that names the app.
const clientDetail = "client"

// Client returns the app that caused the event, as it named itself; empty if it did not.
func (e Event) Client() string { return e.Detail[clientDetail] }

// Record records an event.
func Record(ctx context.Context, tx db.DBTX, now time.Time, event Event) error {
	row, err := rowOf(ctx, now, event)
	if err == nil {
		err = db.New(tx).AuditEventRecord(ctx, row)
	}

	if err != nil {
		return fmt.Errorf("audit %s: %w", event.Action, err)
	}

	return nil
}

func rowOf(ctx context.Context, now time.Time, event Event) (db.AuditEventRecordParams, error) {
	from := origin.From(ctx)

	if from.Client != "" {
		event.Detail = maps.Clone(event.Detail)
		if event.Detail == nil {
			event.Detail = map[string]string{}
		}

		event.Detail[clientDetail] = from.Client
	}

	var detail []byte

	if len(event.Detail) > 0 {
		var err error
		if detail, err = json.Marshal(event.Detail); err != nil {
			return db.AuditEventRecordParams{}, err
		}
	}

	return db.AuditEventRecordParams{
		At:        now,
		Action:    string(event.Action),
		AccountID: orNil(event.AccountID),
		ActorID:   orNil(event.ActorID),
		SessionID: orNil(event.SessionID),
		Subject:   event.Subject,
		Method:    event.Method,
		Address:   from.AddressOrNil(),
		UserAgent: from.UserAgent,
		RequestID: from.RequestID,
		Detail:    detail,
	}, nil
}

// Recorded reports whether an event of that time was recorded by an earlier run of the same transaction.
func Recorded(ctx context.Context, tx db.DBTX, now time.Time, event Event) (bool, error) {
	recorded, err := db.New(tx).AuditEventRecorded(ctx, db.AuditEventRecordedParams{
		At: now, Action: string(event.Action), RequestID: origin.From(ctx).RequestID, Subject: event.Subject,
		AccountID: orNil(event.AccountID), SessionID: orNil(event.SessionID),
	})
	if err != nil {
		return false, fmt.Errorf("look for the earlier run: %w", err)
	}

	return recorded, nil
}

// RecordAlone records an event outside any transaction, once, even if the response of the database is lost.
func RecordAlone(ctx context.Context, database *postgres.DB, now time.Time, event Event) error {
	repeated := false

	return database.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		if repeated {
			if recorded, err := Recorded(ctx, conn, now, event); recorded || err != nil {
				return err
			}
		}

		repeated = true

		return Record(ctx, conn, now, event)
	})
}

// RecordOnce records an event without a change, unless the last event with the same key had the same until: what
// repeats until a moment is recorded once.
func RecordOnce(ctx context.Context, database *postgres.DB, now time.Time, event Event, key string, until time.Time) error {
	row, err := rowOf(ctx, now, event)
	if err == nil {
		err = database.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
			return db.New(conn).AuditEventRecordOnce(ctx, db.AuditEventRecordOnceParams{
				Key: key, EndsAt: until,
				At: row.At, Action: row.Action, AccountID: row.AccountID, ActorID: row.ActorID, SessionID: row.SessionID, Subject: row.Subject,
				Method: row.Method, Address: row.Address, UserAgent: row.UserAgent, RequestID: row.RequestID, Detail: row.Detail,
			})
		})
	}

	if err != nil {
		return fmt.Errorf("audit %s: %w", event.Action, err)
	}

	return nil
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}

	return &s
}
