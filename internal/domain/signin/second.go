package signin

import (
	"context"
	"errors"
	"fmt"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// askSecond returns ErrTOTPRequired. The first proof was right, so this is not a failure of the user or the network:
// otherwise every sign-in in two steps from an office would count one. It is recorded all the same, because the caller
// had the first proof.
func (s *SignIn) askSecond(ctx context.Context, first proof, name string, takeBack func(context.Context, db.DBTX) error) error {
	now := s.Now()
	event := audit.Event{Action: audit.SecondFactorAsked, AccountID: first.accountID, Subject: name, Method: first.method}

	done := func(ctx context.Context, tx postgres.Tx) (bool, error) { return audit.Recorded(ctx, tx, now, event) }

	err := s.DB.Once(ctx, done, func(ctx context.Context, tx postgres.Tx) error {
		if err := audit.Record(ctx, tx, now, event); err != nil {
			return err
		}

		return takeBack(ctx, tx)
	})
	if err != nil {
		return err
	}

	return ErrTOTPRequired
}

// withRecoveryCode adds to ErrTOTPRequired that a recovery code is accepted, too: behind a password.
func withRecoveryCode(err error) error {
	if errors.Is(err, ErrTOTPRequired) {
		return ErrTOTPRequired.WithMethods(ByApp, ByRecoveryCode)
	}

	return err
}

// compareCode compares a code of the authenticator app. The guess that stops the authenticator is the moment to notify its
// owner: from then on it signs no one in by itself.
func (s *SignIn) compareCode(ctx context.Context, guess factor.Guess) (factor.Proof, error) {
	right, err := s.Factors.Attempt(ctx, guess)
	if !errors.Is(err, factor.ErrStopped) {
		return right, err
	}

	if untold := s.notifyTOTPStopped(ctx, guess.AccountID); untold != nil {
		return factor.Proof{}, untold
	}

	return right, err
}

// notifyTOTPStopped sets no language: the caller may be an attacker.
func (s *SignIn) notifyTOTPStopped(ctx context.Context, accountID string) error {
	notice := delivery.NewID()

	return s.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		if queued, err := s.Queue.Queued(ctx, tx, notice); queued || err != nil {
			return err
		}

		owner, err := db.New(tx).AccountByID(ctx, accountID)
		if err != nil {
			return fmt.Errorf("look up account: %w", err)
		}

		now := s.Now()

		err = audit.Record(ctx, tx, now, audit.Event{Action: audit.TOTPStopped, AccountID: accountID})
		if err != nil {
			return err
		}

		return s.Queue.Enqueue(ctx, tx, notice, delivery.Message{
			Kind: delivery.TOTPStopped, Channel: delivery.Mail, To: owner.Email, Language: language.Chinese, Content: delivery.Content{At: now},
		})
	})
}
