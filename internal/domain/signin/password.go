package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// queueWait is how long an attempt waits for earlier ones.
const queueWait = 2 * time.Second

var errTooMany = errors.New("signin: too many attempts of one person at once")

// withPassword waits for the earlier attempts from the same place, where others do not keep the user waiting, and for a
// slot to hash: if the server is full, the request is refused before it counts as a failure. Then the attempt is counted,
// and only then compared.
//
// If the password was changed or hashed anew during the comparison, it is compared once more.
func (s *SignIn) withPassword(ctx context.Context, c Credentials, opener openSession) (newSession, error) {
	waiting, cancel := context.WithTimeoutCause(ctx, queueWait, errTooMany)
	defer cancel()

	found, err := s.credentials(ctx, c.Email)
	if err != nil {
		return newSession{}, err
	}

	place, err := s.Devices.Place(ctx, found.ID)
	if err != nil {
		return newSession{}, err
	}

	leave, err := s.perPerson.Acquire(waiting, c.Email+" "+place.String())
	if err != nil {
		return newSession{}, problem.ErrUnavailable.WithRetryAfter(queueWait).WithCause(err)
	}
	defer leave()

	slot, err := s.Hasher.Slot(waiting)
	if err != nil {
		return newSession{}, err
	}
	defer slot.Release()

	attempt, err := s.Failures.Begin(ctx, methodPassword, throttle.Person{AccountID: found.ID, Name: c.Email, Place: place})
	if err != nil {
		return newSession{}, err
	}

	o, err := s.comparePassword(ctx, slot, place, attempt, found, c, opener)
	if errors.Is(err, errMovedOn) {
		if found, err = s.credentials(ctx, c.Email); err != nil {
			return newSession{}, err
		}

		o, err = s.comparePassword(ctx, slot, place, attempt, found, c, opener)
	}

	if errors.Is(err, errMovedOn) || errors.Is(err, ErrInvalidCredentials) {
		return newSession{}, slot.Refuse(s.refuse(ctx, methodPassword, found.ID, c.Email, ErrInvalidCredentials))
	}

	return o, err
}

func (s *SignIn) comparePassword(
	ctx context.Context, slot *password.Slot, place device.Place, attempt throttle.Attempt, found db.AccountCredentialsRow, c Credentials,
	opener openSession,
) (newSession, error) {
	var stored string
	if found.PasswordHash != nil {
		stored = *found.PasswordHash
	}

	match, stale, err := slot.Verify(stored, c.Plain)
	if err != nil {
		return newSession{}, fmt.Errorf("verify password: %w", err)
	}

	if !match || found.Status != string(account.Active) {
		return newSession{}, ErrInvalidCredentials
	}

	p := proof{accountID: found.ID, method: methodPassword, methods: session.Methods{session.ByPassword}, hash: &stored, place: place, use: func(ctx context.Context, tx postgres.Tx) error {
		return attempt.Succeeded(ctx, tx)
	}}

	o, err := s.openWithPassword(ctx, p, attempt, found.TwoFactors, c, opener)
	attempt.Outage(ctx, err)

	if err == nil && stale {
		s.rehash(ctx, slot, found.ID, stored, c.Plain)
	}

	return o, err
}

// openWithPassword opens the session for a right password, and asks for the second factor if the account needs one.
func (s *SignIn) openWithPassword(
	ctx context.Context, p proof, attempt throttle.Attempt, twoFactors bool, c Credentials, opener openSession,
) (newSession, error) {
	if !twoFactors {
		return s.open(ctx, p, opener)
	}

	o, err := s.withSecond(ctx, p, factor.BehindPassword, c.Second, opener)

	switch {
	case errors.Is(err, ErrTOTPRequired):
		return newSession{}, withRecoveryCode(s.askSecond(ctx, p, c.Email, attempt.Succeeded))
	case secondFailed(err):
		if err := s.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error { return attempt.Succeeded(ctx, tx) }); err != nil {
			return newSession{}, err
		}
	}

	return o, asInvalidCredentials(err)
}

// credentials returns an empty row if there is no such account.
func (s *SignIn) credentials(ctx context.Context, email string) (db.AccountCredentialsRow, error) {
	row, err := postgres.Get(ctx, s.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.AccountCredentialsRow, error) {
		return db.New(conn).AccountCredentials(ctx, email)
	})
	if err != nil && !postgres.IsNotFound(err) {
		return row, fmt.Errorf("look up credentials: %w", err)
	}

	return row, nil
}

// rehash ignores errors: the sign-in has succeeded, and the next one tries again.
func (s *SignIn) rehash(ctx context.Context, slot *password.Slot, accountID, stored, plain string) {
	fresh, err := slot.Hash(plain)
	if err != nil {
		return
	}

	_ = s.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return db.New(conn).AccountRehash(ctx, db.AccountRehashParams{ID: accountID, OldHash: stored, NewHash: fresh})
	})
}
