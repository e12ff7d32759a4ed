package profile

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Undoable is what the link in the mail about a change undoes.
type Undoable string

// What can be undone: a binding is removed, an address is put back.
const (
	UndoEmail         Undoable = "email"
	UndoPhone         Undoable = "phone"
	UndoTOTP          Undoable = "totp"
	UndoRecoveryCodes Undoable = "recovery_codes"
	UndoLark          Undoable = "lark"
	UndoDeletion      Undoable = "deletion"
)

// Undo is one change to undo.
type Undo struct {
	What      Undoable
	AccountID string
	At        time.Time // of the change
	Subject   string    // the address before, the phone, the id of the authenticator, or the identity at Lark; or empty
}

// undoContext is the context under which the token of an undo is sealed. The token needs no row: what it undoes is there
// once.
var undoContext = []string{"profile", "undo"}

// undoLink returns the address of the page that undoes a change.
func (p *Profiles) undoLink(u Undo) string {
	plain := strings.Join([]string{string(u.What), u.AccountID, strconv.FormatInt(u.At.UnixMicro(), 10), u.Subject}, " ")

	return p.EmailPage + "?token=" + base64.RawURLEncoding.EncodeToString(p.Keys.Seal([]byte(plain), undoContext...))
}

// UndoOf returns what a link's token undoes, or code.ErrInvalid if it is not ours or is older than account.Undoable; a deletion
// can be undone until the account is erased. It does not report whether there is still something to undo.
func (p *Profiles) UndoOf(token string) (Undo, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return Undo{}, code.ErrInvalid
	}

	plain, err := p.Keys.Open(sealed, undoContext...)
	if err != nil {
		return Undo{}, code.ErrInvalid
	}

	parts := strings.SplitN(string(plain), " ", 4)

	at, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return Undo{}, fmt.Errorf("read undo: %w", err) // unreachable: we sealed it
	}

	u := Undo{What: Undoable(parts[0]), AccountID: parts[1], At: time.UnixMicro(at), Subject: parts[3]}

	lifetime := account.Undoable
	if u.What == UndoDeletion {
		lifetime = p.Retention
	}

	if p.Now().After(u.At.Add(lifetime)) {
		return Undo{}, code.ErrInvalid
	}

	return u, nil
}

// Undo undoes a change, ends every session of the account, voids its outstanding codes, and takes back the user's own
// choice of two factors if it was made since, or could not be fulfilled any more. No sign-in is required: the mail went to the owner's address. It returns
// code.ErrInvalid if there is nothing to undo any more. It is not refused to the last administrator.
func (p *Profiles) Undo(ctx context.Context, u Undo) error {
	now := p.Now()
	event := audit.Event{Action: audit.ChangeUndone, AccountID: u.AccountID, Method: string(u.What)}

	notice := delivery.NewID()

	lock := func(ctx context.Context, tx postgres.Tx) error {
		_, err := db.New(tx).ActorLock(ctx, u.AccountID)
		if postgres.IsNotFound(err) {
			return code.ErrInvalid
		} else if err != nil {
			return fmt.Errorf("lock account: %w", err)
		}

		return nil
	}
	done := func(ctx context.Context, tx postgres.Tx) (bool, error) {
		if err := lock(ctx, tx); err != nil {
			return false, err
		}

		return audit.Recorded(ctx, tx, now, event)
	}

	return p.DB.Once(ctx, done, func(ctx context.Context, tx postgres.Tx) error {
		if err := lock(ctx, tx); err != nil {
			return err
		}

		told, undone, err := p.undo(ctx, tx, u, now)

		switch {
		case postgres.ViolatesConstraint(err, "account_email_key"):
			return ErrEmailTaken // an import has taken it
		case err != nil:
			return fmt.Errorf("undo %s: %w", u.What, err)
		case !undone:
			return code.ErrInvalid
		}

		if err := p.Sessions.EndAllBut(ctx, tx, u.AccountID, "", "change undone"); err != nil {
			return err
		}

		if err := challenge.Void(ctx, tx, u.AccountID); err != nil {
			return err
		}

		if err := audit.Record(ctx, tx, now, event); err != nil || told == "" {
			return err
		}

		// The address that is given up is the owner's if the old one is in other hands.
		return p.Queue.Enqueue(ctx, tx, notice, delivery.Message{
			Kind: delivery.EmailChanged, Channel: delivery.Mail, To: told, Language: origin.From(ctx).Language,
			Content: delivery.Content{Device: origin.From(ctx).UserAgent, At: now},
		})
	})
}

// undo runs the statements of one kind, and reports whether there was something to undo, and whom to notify beside the owner
// of the mail.
func (p *Profiles) undo(ctx context.Context, tx postgres.Tx, u Undo, now time.Time) (notify string, undone bool, err error) {
	queries := db.New(tx)
	since, rows := u.At, int64(0)

	switch u.What {
	case UndoEmail:
		rows, err = queries.ReservedEmailUndo(ctx, db.ReservedEmailUndoParams{Email: u.Subject, AccountID: u.AccountID, ChangedAt: u.At, Now: now})
		if err == nil && rows > 0 {
			notify, err = queries.AccountUndoEmail(ctx, db.AccountUndoEmailParams{ID: u.AccountID, OldEmail: u.Subject, Now: now})
		}
	case UndoPhone:
		rows, err = queries.AccountUndoPhone(ctx, db.AccountUndoPhoneParams{ID: u.AccountID, Phone: u.Subject, BoundAt: u.At, Now: now})
	case UndoTOTP:
		rows, err = queries.TOTPUndo(ctx, db.TOTPUndoParams{AccountID: u.AccountID, ID: u.Subject})
		if err == nil && rows > 0 {
			var back bool
			if back, err = factor.PutBack(ctx, tx, u.AccountID, u.Subject); !back {
				since = time.Time{} // without an authenticator, no one could sign in
			}
		}
	case UndoRecoveryCodes:
		rows, err = queries.RecoveryCodeUndo(ctx, db.RecoveryCodeUndoParams{AccountID: u.AccountID, CreatedAt: u.At})
	case UndoDeletion:
		rows, err = queries.AccountComeBack(ctx, db.AccountComeBackParams{ID: u.AccountID, DeletedAt: u.At, Now: now})
	case UndoLark:
		rows, err = queries.IdentityUndo(ctx, db.IdentityUndoParams{AccountID: u.AccountID, Provider: lark.Provider, Subject: u.Subject, BoundAt: u.At})
	}

	if err != nil || rows == 0 {
		return "", false, err //nolint:wrapcheck // the caller does
	}

	if _, err := queries.AccountUndoSecondFactor(ctx, db.AccountUndoSecondFactorParams{ID: u.AccountID, Since: since}); err != nil {
		return "", false, err //nolint:wrapcheck // the caller does
	}

	if u.What == UndoEmail || u.What == UndoPhone || u.What == UndoDeletion { // counted already
		return notify, true, nil
	}

	return "", true, queries.AccountBump(ctx, db.AccountBumpParams{ID: u.AccountID, Now: now}) //nolint:wrapcheck // the caller does
}
