// Package passwordreset lets users who have forgotten their password set a new one, with a code that only the owner of
// the address receives. It signs no one in, and never reveals whether an address has an account.
package passwordreset

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Deps are the dependencies of Resets.
type Deps struct {
	DB         *postgres.DB
	Challenges *challenge.Challenges
	Sessions   *session.Sessions
	Queue      *delivery.Queue
	Hasher     *password.Hasher
	Policy     password.Policy
	Now        func() time.Time
}

// Resets sets forgotten passwords anew.
type Resets struct {
	Deps
}

// New returns Resets.
func New(d Deps) *Resets {
	return &Resets{Deps: d}
}

// SendCode sends a code to the address if it has an account that may sign in. The worker that sends decides that, so
// that the request does the same work for every address. actor is the administrator who asks for a user, or the zero
// value.
func (r *Resets) SendCode(ctx context.Context, actor authority.Actor, email string) error {
	return r.Challenges.Send(ctx, challenge.Request{Kind: challenge.Reset, To: email, Actor: actor})
}

// Reset redeems the code, sets the password and ends every session, all or nothing. A refused password is reported
// before the code is checked, so it costs no guess. If the account was disabled since, the error is that of a wrong
// code.
func (r *Resets) Reset(ctx context.Context, email, guess, plain string) error {
	if err := r.Policy.Check(plain, email); err != nil {
		return err
	}

	turn, err := r.Hasher.Slot(ctx)
	if err != nil {
		return err
	}
	defer turn.Release()

	proof, err := r.Challenges.Answer(ctx, challenge.Reset, "", email, guess)
	if err != nil {
		return err
	}

	hash, err := turn.Hash(plain)
	if err != nil {
		return err
	}

	err = r.reset(ctx, email, hash, proof)
	if errors.Is(err, code.ErrInvalid) {
		return r.Challenges.Refused(ctx, challenge.Reset, "", email)
	} else if err != nil {
		return err
	}

	proof.Done(ctx)

	return nil
}

func (r *Resets) reset(ctx context.Context, email, hash string, proof challenge.Proof) error {
	notice := delivery.NewID()

	return r.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		if queued, err := r.Queue.Queued(ctx, tx, notice); queued || err != nil {
			return err
		}

		// The account first: every change of an account locks it before its code and its sessions.
		now := r.Now()

		id, err := db.New(tx).AccountResetPassword(ctx, db.AccountResetPasswordParams{
			Email: email, NewHash: hash, Now: now,
		})
		if postgres.IsNotFound(err) {
			return code.ErrInvalid
		} else if err != nil {
			return fmt.Errorf("reset password: %w", err)
		}

		if err := proof.Use(ctx, tx); err != nil {
			return err
		}

		if err := r.Sessions.EndAllBut(ctx, tx, id, "", "password reset"); err != nil {
			return err
		}

		if err := challenge.Void(ctx, tx, id); err != nil {
			return err
		}

		// Failures with the old password do not delay the new one.
		if err := throttle.Forget(ctx, tx, password.Factor, id); err != nil {
			return err
		}

		err = audit.Record(ctx, tx, now, audit.Event{Action: audit.PasswordReset, AccountID: id})
		if err != nil {
			return err
		}

		return r.Queue.Enqueue(ctx, tx, notice, delivery.Message{
			Kind: delivery.PasswordChanged, Channel: delivery.Mail, To: email, Language: origin.From(ctx).Language,
			Content: delivery.Content{Device: origin.From(ctx).UserAgent, At: now},
		})
	})
}
