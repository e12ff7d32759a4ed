// Package profile changes the account of the signed-in user.
package profile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// ErrInvalidCredentials is returned for a wrong old password. It is invalid input: the caller is signed in and stays so, and
// apps take a 401 for the end of the session.
var ErrInvalidCredentials = problem.New(problem.Invalid, problem.ErrInvalidCredentials.Code)

// Deps are the dependencies of Profiles.
type Deps struct {
	DB           *postgres.DB
	Sessions     *session.Sessions
	Challenges   *challenge.Challenges
	Codes        *code.Codes
	Keys         *keyring.Keyring
	Factors      *factor.Factors
	Queue        *delivery.Queue
	Hasher       *password.Hasher
	Policy       password.Policy
	Failures     *throttle.Failures
	EmailAllowed func(email string) bool // whether an account may have the address
	EmailPage    string                  // the address of the page behind the link of an e-mail change
	Retention    time.Duration           // how long a deleted account is kept
	TOTPSignIn   bool                    // whether a code of an authenticator app alone signs in
	Now          func() time.Time
}

// Profiles changes accounts for their owners.
type Profiles struct {
	Deps
}

// New returns Profiles.
func New(d Deps) *Profiles {
	return &Profiles{Deps: d}
}

// ChangePassword sets a new password with the old one, ends every other session, and voids outstanding codes and
// secrets. A wrong old password counts as a failed sign-in does.
func (p *Profiles) ChangePassword(ctx context.Context, who session.Principal, old, fresh string) error {
	if err := p.Policy.Check(fresh, who.Account.Email, who.Account.Name); err != nil {
		return err
	}

	turn, err := p.Hasher.Slot(ctx)
	if err != nil {
		return err
	}
	defer turn.Release()

	attempt, err := p.Failures.Begin(ctx, password.Factor, throttle.Person{
		AccountID: who.Account.ID, SessionID: who.SessionID, Place: device.InSession(who.SessionID),
	})
	if err != nil {
		return err
	}

	stored, err := p.passwordHash(ctx, who.Account.ID)
	if err != nil {
		return err
	}

	match, _, err := turn.Verify(stored, old)
	if err != nil {
		return fmt.Errorf("verify password: %w", err)
	}

	if !match {
		return p.refuse(ctx, who)
	}

	hash, err := turn.Hash(fresh)
	if err != nil {
		return err
	}

	err = p.changePassword(ctx, who, stored, hash, attempt)
	attempt.Outage(ctx, err)

	if errors.Is(err, ErrInvalidCredentials) {
		return p.refuse(ctx, who) // another change came first
	}

	return err
}

// passwordHash returns an empty text for an account without a password, and problem.ErrTokenInvalid if the account was
// disabled at this moment.
func (p *Profiles) passwordHash(ctx context.Context, id string) (string, error) {
	row, err := postgres.Get(ctx, p.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.AccountPasswordRow, error) {
		return db.New(conn).AccountPassword(ctx, id)
	})
	if postgres.IsNotFound(err) {
		return "", problem.ErrTokenInvalid
	} else if err != nil {
		return "", fmt.Errorf("look up password: %w", err)
	}

	if row.PasswordHash == nil {
		return "", nil
	}

	return *row.PasswordHash, nil
}

func (p *Profiles) changePassword(ctx context.Context, who session.Principal, stored, hash string, attempt throttle.Attempt) error {
	notice := delivery.NewID()

	return p.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		if queued, err := p.Queue.Queued(ctx, tx, notice); queued || err != nil {
			return err
		}

		now := p.Now()

		if _, err := who.Actor(0).Unlimited().Confirm(ctx, tx, now); err != nil {
			return err
		}

		email, err := db.New(tx).AccountChangePassword(ctx, db.AccountChangePasswordParams{
			ID: who.Account.ID, OldHash: stored, NewHash: hash, Now: now,
		})
		if postgres.IsNotFound(err) {
			return ErrInvalidCredentials
		} else if err != nil {
			return fmt.Errorf("change password: %w", err)
		}

		if err := p.Sessions.EndAllBut(ctx, tx, who.Account.ID, who.SessionID, "password changed"); err != nil {
			return err
		}

		if err := challenge.Void(ctx, tx, who.Account.ID); err != nil {
			return err
		}

		if err := attempt.Succeeded(ctx, tx); err != nil {
			return err
		}

		err = audit.Record(ctx, tx, now, audit.Event{
			Action: audit.PasswordChanged, AccountID: who.Account.ID, SessionID: who.SessionID,
		})
		if err != nil {
			return err
		}

		return p.Queue.Enqueue(ctx, tx, notice, delivery.Message{
			Kind: delivery.PasswordChanged, Channel: delivery.Mail, To: email, Language: origin.From(ctx).Language,
			Content: delivery.Content{Device: origin.From(ctx).UserAgent, At: now},
		})
	})
}

func (p *Profiles) refuse(ctx context.Context, who session.Principal) error {
	err := audit.RecordAlone(ctx, p.DB, p.Now(), audit.Event{
		Action: audit.PasswordRefused, AccountID: who.Account.ID, SessionID: who.SessionID,
	})
	if err != nil {
		return err
	}

	return ErrInvalidCredentials
}
