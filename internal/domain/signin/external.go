package signin

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// ErrIdentityNotBound is returned for an identity that no account has, or only a disabled one.
var ErrIdentityNotBound = problem.New(problem.Refused, "IDENTITY_NOT_BOUND")

// ExternalIdentity is a user for whom another provider vouches. Its creator has asked the provider.
type ExternalIdentity struct {
	Provider string
	Subject  string // the provider's id of the user
	Profile  []byte // the provider's profile of the user, in JSON
}

// WithExternalIdentity signs in the account to which the identity is bound. It is one factor, as a password is: if the
// member group requires a second factor, it opens no session.
func (b Browser) WithExternalIdentity(ctx context.Context, who ExternalIdentity) (Session, error) {
	o, err := b.signin.withExternalIdentity(ctx, who, b.open)

	return b.session(o), err
}

func (s *SignIn) withExternalIdentity(ctx context.Context, who ExternalIdentity, opener openSession) (newSession, error) {
	found, err := postgres.Get(ctx, s.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.IdentityAccountRow, error) {
		return db.New(conn).IdentityAccount(ctx, db.IdentityAccountParams{Provider: who.Provider, Subject: who.Subject})
	})
	if err != nil && !postgres.IsNotFound(err) {
		return newSession{}, fmt.Errorf("look up identity: %w", err)
	}

	switch {
	case found.Status != string(account.Active):
		return newSession{}, s.refuse(ctx, who.Provider, found.ID, who.Subject, ErrIdentityNotBound)
	case found.RequiresTOTP:
		return newSession{}, s.refuse(ctx, who.Provider, found.ID, who.Subject, ErrTOTPRequired)
	}

	place, err := s.Devices.Place(ctx, found.ID)
	if err != nil {
		return newSession{}, err
	}

	o, err := s.open(ctx, proof{accountID: found.ID, method: who.Provider, place: place, use: func(ctx context.Context, tx postgres.Tx) error {
		used, err := db.New(tx).IdentityUse(ctx, db.IdentityUseParams{
			Provider: who.Provider, Subject: who.Subject, AccountID: found.ID, Profile: who.Profile, Now: s.Now(),
		})
		if err != nil {
			return fmt.Errorf("use identity: %w", err)
		} else if used == 0 {
			return errMovedOn
		}

		return nil
	}}, opener)
	if errors.Is(err, errMovedOn) {
		return newSession{}, s.refuse(ctx, who.Provider, found.ID, who.Subject, ErrIdentityNotBound)
	}

	return o, err
}
