// Package passwordreset lets users who have forgotten their password set a new one, with a code or a link that only the
// owner of the address receives. It signs no one in, and never reveals whether an address has an account.
package passwordreset

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
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
	Devices    *device.Devices
	Sessions   *session.Sessions
	Queue      *delivery.Queue
	Hasher     *password.Hasher
	Policy     password.Policy
	Page       string // the address of the page behind the link
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

// SendCode sends a code and a link to the address if it has an account that may sign in. The worker that sends decides that, so
// that the request does the same work for every address. actor is the administrator who asks for a user, or the zero
// value.
func (r *Resets) SendCode(ctx context.Context, actor authority.Actor, email string) error {
	return r.Challenges.Send(ctx, challenge.Request{
		Kind: challenge.Reset, To: email, Actor: actor, Link: r.Challenges.LinkTo(r.Page, challenge.Reset, email),
	})
}

// Reset redeems the code, sets the password, ends every session and every device, and suspends the factors that were bound
// lately, all or nothing. It returns a token for the device that reset. A refused password is reported before the code is checked, so it costs no guess. If the
// account was disabled since, the error is that of a wrong code.
func (r *Resets) Reset(ctx context.Context, email, guess, plain string) (device.Token, error) {
	if err := r.Policy.Check(plain, email); err != nil {
		return "", err
	}

	turn, err := r.Hasher.Slot(ctx)
	if err != nil {
		return "", err
	}
	defer turn.Release()

	found, err := r.account(ctx, email)
	if err != nil {
		return "", err
	}

	answer := challenge.Answer{
		Kind: challenge.Reset, AccountID: found.ID, OpensAccount: found.Status == string(account.Active), To: email, Text: guess,
	}

	proof, err := r.Challenges.Answer(ctx, answer)
	if err != nil {
		return "", err
	}

	return r.finish(ctx, turn, answer, proof, plain)
}

// LinkedEmail returns the address whose password the link's token sets, or code.ErrInvalid if the link is not valid at
// this moment. It uses nothing up.
func (r *Resets) LinkedEmail(ctx context.Context, token string) (string, error) {
	link := r.Challenges.OpenLink(challenge.Reset, token)

	return link.Address(), r.Challenges.CheckLink(ctx, link)
}

// ResetWithLink is Reset with the token of a link in place of address and code. Only a caller with a valid link learns why
// a password is refused, which costs nothing, and only then is a password hashed.
func (r *Resets) ResetWithLink(ctx context.Context, token, plain string) (device.Token, error) {
	link := r.Challenges.OpenLink(challenge.Reset, token)

	found, err := r.account(ctx, link.Address())
	if err != nil {
		return "", err
	}

	answer := challenge.Answer{Kind: challenge.Reset, AccountID: found.ID, To: link.Address()}

	proof, err := r.Challenges.AnswerLink(ctx, answer, link)
	if err != nil {
		return "", err
	}

	if err := r.Policy.Check(plain, link.Address()); err != nil {
		r.Challenges.Unused(ctx, proof)

		return "", err
	}

	turn, err := r.Hasher.Slot(ctx)
	if err != nil {
		r.Challenges.Unused(ctx, proof)

		return "", err
	}
	defer turn.Release()

	return r.finish(ctx, turn, answer, proof, plain)
}

// finish sets the password for a right answer.
func (r *Resets) finish(
	ctx context.Context, turn *password.Slot, answer challenge.Answer, proof challenge.Proof, plain string,
) (device.Token, error) {
	hash, err := turn.Hash(plain)
	if err != nil {
		return "", err
	}

	fresh := device.NewToken()

	err = r.reset(ctx, answer.To, hash, fresh, proof)
	r.Challenges.Finish(ctx, proof, err)

	if errors.Is(err, code.ErrInvalid) {
		return "", r.Challenges.Refused(ctx, answer)
	} else if err != nil {
		return "", err
	}

	return fresh, nil
}

// account returns an empty row if there is no such account.
func (r *Resets) account(ctx context.Context, email string) (db.AccountCredentialsRow, error) {
	row, err := postgres.Get(ctx, r.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.AccountCredentialsRow, error) {
		return db.New(conn).AccountCredentials(ctx, email)
	})
	if err != nil && !postgres.IsNotFound(err) {
		return row, fmt.Errorf("look up account: %w", err)
	}

	return row, nil
}

func (r *Resets) reset(ctx context.Context, email, hash string, fresh device.Token, proof challenge.Proof) error {
	notice := delivery.NewID()

	return r.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		if queued, err := r.Queue.Queued(ctx, tx, notice); queued || err != nil {
			return err
		}

		// The account first: every change of an account locks it before its code and its sessions.
		now := r.Now()

		id, err := db.New(tx).AccountResetPassword(ctx, db.AccountResetPasswordParams{
			Email: email, NewHash: hash, Now: now, BoundAfter: now.Add(-factor.RecentlyBound),
		})
		if postgres.IsNotFound(err) {
			return code.ErrInvalid
		} else if err != nil {
			return fmt.Errorf("reset password: %w", err)
		}

		if err := proof.Use(ctx, tx); err != nil {
			return err
		}

		// The attacker who made the reset necessary may have bound them.
		if err := factor.Suspend(ctx, tx, id, now); err != nil {
			return err
		}

		if err := r.Sessions.EndAllBut(ctx, tx, id, "", "password reset"); err != nil {
			return err
		}

		if err := challenge.Void(ctx, tx, id); err != nil {
			return err
		}

		// No failure delays the owner, and no device of before is the owner's.
		if err := throttle.Forget(ctx, tx, id, email); err != nil {
			return err
		}

		if err := device.EndAll(ctx, tx, id); err != nil {
			return err
		}

		if err := r.Devices.Remember(ctx, tx, id, fresh, false); err != nil {
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
