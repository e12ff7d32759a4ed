// Package signin checks who somebody is, and opens a session for them. It never tells a wrong
// password from an unknown address, in its answer or in its cost.
package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/account"
	"github.com/konec/toolkit-gateway/internal/audit"
	"github.com/konec/toolkit-gateway/internal/caller"
	"github.com/konec/toolkit-gateway/internal/password"
	"github.com/konec/toolkit-gateway/internal/postgres"
	"github.com/konec/toolkit-gateway/internal/problem"
	"github.com/konec/toolkit-gateway/internal/session"
)

// ErrInvalidCredentials answers a wrong password, an unknown address, a disabled account and one
// without a password alike, so that nobody can learn which addresses have accounts.
var ErrInvalidCredentials = problem.New(problem.Refused, "INVALID_CREDENTIALS")

// SignIn is the sign-in by password.
type SignIn struct {
	db       *postgres.DB
	hasher   *password.Hasher
	sessions *session.Sessions
	now      func() time.Time
}

// New makes SignIn.
func New(database *postgres.DB, hasher *password.Hasher, sessions *session.Sessions, now func() time.Time) *SignIn {
	return &SignIn{db: database, hasher: hasher, sessions: sessions, now: now}
}

// errMovedOn says that the account changed between the look at it and the sign-in: another sign-in
// made its hash anew, or its password or status is no longer what was checked.
var errMovedOn = errors.New("signin: the account has changed meanwhile")

// WithPassword opens a session and answers its tokens. email is in its normal form.
func (s *SignIn) WithPassword(ctx context.Context, by caller.Caller, email, plain string) (session.Tokens, error) {
	tokens, err := s.check(ctx, by, email, plain)
	if errors.Is(err, errMovedOn) {
		tokens, err = s.check(ctx, by, email, plain)
	}

	if errors.Is(err, errMovedOn) {
		return session.Tokens{}, s.refuse(ctx, by, "", email)
	}

	return tokens, err
}

func (s *SignIn) check(ctx context.Context, by caller.Caller, email, plain string) (session.Tokens, error) {
	found, err := s.credentials(ctx, email)
	if err != nil {
		return session.Tokens{}, err
	}

	var stored string
	if found.PasswordHash != nil {
		stored = *found.PasswordHash
	}

	match, stale, err := s.hasher.Verify(ctx, stored, plain)
	if err != nil {
		return session.Tokens{}, fmt.Errorf("verify password: %w", err)
	}

	if !match || found.Status != string(account.Active) {
		return session.Tokens{}, s.refuse(ctx, by, found.ID, email)
	}

	tokens, err := s.open(ctx, by, found.ID, stored)
	if err != nil {
		return session.Tokens{}, err
	}

	if stale {
		s.rehash(ctx, found.ID, stored, plain)
	}

	return tokens, nil
}

// credentials is empty for an address without an account.
func (s *SignIn) credentials(ctx context.Context, email string) (db.AccountCredentialsRow, error) {
	var row db.AccountCredentialsRow

	err := s.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		row, err = db.New(conn).AccountCredentials(ctx, email)

		return err
	})
	if err != nil && !postgres.Missing(err) {
		return row, fmt.Errorf("look up credentials: %w", err)
	}

	return row, nil
}

func (s *SignIn) refuse(ctx context.Context, by caller.Caller, accountID, email string) error {
	err := s.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return audit.Record(ctx, conn, s.now(), by, audit.Event{
			Action: audit.SignInFailed, AccountID: accountID, Subject: email,
		})
	})
	if err != nil {
		return err
	}

	return ErrInvalidCredentials
}

func (s *SignIn) open(ctx context.Context, by caller.Caller, accountID, verified string) (session.Tokens, error) {
	var memberGroup string

	id := session.NewID()

	err := s.db.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		group, opened, err := s.sessions.Opened(ctx, tx, id)
		if opened || err != nil {
			memberGroup = group

			return err
		}

		now := s.now()

		signedIn, err := db.New(tx).AccountSignIn(ctx, db.AccountSignInParams{
			ID: accountID, PasswordHash: verified, Now: &now,
		})
		if postgres.Missing(err) {
			return errMovedOn
		} else if err != nil {
			return fmt.Errorf("sign in: %w", err)
		}

		memberGroup = signedIn.MemberGroup

		if err := s.sessions.Open(ctx, tx, by, accountID, id); err != nil {
			return err
		}

		return audit.Record(ctx, tx, s.now(), by, audit.Event{
			Action: audit.SignInSucceeded, AccountID: accountID, SessionID: id,
		})
	})
	if err != nil {
		return session.Tokens{}, err
	}

	return s.sessions.Tokens(ctx, accountID, memberGroup, id, 0)
}

// rehash is a courtesy: the sign-in has succeeded, and the next one tries again.
func (s *SignIn) rehash(ctx context.Context, accountID, stored, plain string) {
	fresh, err := s.hasher.Hash(ctx, plain)
	if err != nil {
		return
	}

	_ = s.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return db.New(conn).AccountRehash(ctx, db.AccountRehashParams{ID: accountID, OldHash: stored, NewHash: fresh})
	})
}
