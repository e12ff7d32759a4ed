package factor

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// BudgetName is the name of the day's budget of failed guesses.
const BudgetName = "failed-totp"

// Role is what a code is asked to do.
type Role int

const (
	// Alone signs in by itself. Guesses count against the authenticator and the day's budget.
	Alone Role = iota
	// Second confirms something else that was right, or a session. Only a user who has that guesses, and their caller
	// limits them.
	Second
	// BehindPassword is Second behind a right password: a recovery code, and a suspended authenticator, are accepted too.
	BehindPassword
)

// Guess is a code to compare.
type Guess struct {
	AccountID string // empty if there is no account
	Role      Role
	Text      string
	Place     device.Place // where it comes from, for Alone
}

// Proof is a right code that has not been redeemed yet: of an authenticator, or a recovery code.
type Proof struct {
	Guess

	// Of an authenticator.
	id     string
	secret []byte
	step   int64

	digest []byte // of a recovery code; nil for an authenticator's
}

// authenticator is a stored one; its id is empty if there is none.
type authenticator struct {
	id     string
	sealed []byte
}

// Attempt compares a code with the account's authenticator or, by its form, with the recovery codes. An account without
// an authenticator, or no account, costs the same and gets the same error as a wrong code: ErrCodeInvalid.
// problem.ErrTooManyRequests reports that the day's budget of failed guesses is spent.
//
// A guess that counts is committed before the comparison: parallel guesses each count, and a crash refunds none. Delays
// after failures are the caller's task.
func (f *Factors) Attempt(ctx context.Context, guess Guess) (Proof, error) {
	if plain, ok := plainRecoveryCode(guess.Text); ok && guess.Role == BehindPassword {
		return f.attemptRecovery(ctx, guess, plain)
	}

	plain := plainCode(guess.Text)
	if plain == "" {
		return Proof{}, ErrCodeInvalid
	}

	var (
		found   authenticator
		stopped bool
		err     error
	)

	if guess.Role == Alone {
		found, stopped, err = f.count(ctx, guess)
	} else {
		found, err = f.second(ctx, guess)
	}

	if err != nil {
		return Proof{}, err
	}

	secret, failure := f.openSecret(guess.AccountID, found)
	step, match := matchStep(secret, f.Now(), plain)

	switch {
	case failure != nil:
		return Proof{}, ErrCodeInvalid.WithCause(failure)
	case found.id != "" && match:
		return Proof{Guess: guess, id: found.id, secret: secret, step: step}, nil
	case stopped:
		return Proof{}, ErrCodeInvalid.WithCause(ErrStopped)
	}

	return Proof{}, ErrCodeInvalid
}

// openSecret returns the decoy if there is no secret, and if the secret has the wrong length: the codes of an empty key
// are known.
func (f *Factors) openSecret(accountID string, found authenticator) (secret []byte, failure error) {
	if found.id == "" {
		return f.Keys.Open(f.decoy, secretContext("", "")...)
	}

	secret, failure = f.Keys.Open(found.sealed, secretContext(accountID, found.id)...)
	if failure == nil && (len(secret) < leastSecret || len(secret) > mostSecret) {
		failure = errNoSecret
	}

	if failure != nil {
		secret = newSecret()
	}

	return secret, failure
}

// second returns the authenticator as a second factor.
func (f *Factors) second(ctx context.Context, guess Guess) (authenticator, error) {
	row, err := postgres.Get(ctx, f.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.TOTPSecondRow, error) {
		return db.New(conn).TOTPSecond(ctx, db.TOTPSecondParams{AccountID: guess.AccountID, Suspended: guess.Role == BehindPassword})
	})
	if err != nil && !postgres.IsNotFound(err) {
		return authenticator{}, fmt.Errorf("look up authenticator: %w", err)
	}

	return authenticator{row.ID, row.Secret}, nil
}

// count counts a guess against the authenticator and the day's budget, and returns no authenticator if no code can be
// right: such a guess costs the same, and spends nothing. stopped reports that this guess is the last one.
func (f *Factors) count(ctx context.Context, guess Guess) (found authenticator, stopped bool, err error) {
	var spending throttle.Spending

	err = f.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		row, err := db.New(tx).TOTPAttempt(ctx, db.TOTPAttemptParams{AccountID: guess.AccountID, MaxFailures: MaxFailures})
		if err != nil && !postgres.IsNotFound(err) {
			return fmt.Errorf("count guess: %w", err)
		}

		found, stopped = authenticator{row.ID, row.Secret}, row.Failures == MaxFailures

		var uses []throttle.Use
		uses, spending = f.Budget.Uses(ctx, guess.Place, row.ID == "")

		// Rolled back if it is refused: a guess that was not compared does not count for this authenticator.
		return throttle.ConsumeInOrder(ctx, tx, f.Now(), uses...)
	})
	if err == nil {
		spending.Report(ctx)
	}

	return found, stopped, err
}

// Redeem uses the proof's code up, in the transaction of what it allows, and forgets earlier failures. Of several
// concurrent callers with one code one succeeds; the others get ErrCodeInvalid and must not commit. A transaction that
// runs again (postgres.Tx.Repeated) first looks for what it opened.
func (f *Factors) Redeem(ctx context.Context, tx postgres.Tx, proof Proof) error {
	if proof.digest != nil {
		return f.redeemRecovery(ctx, tx, proof)
	}

	now := f.Now()

	rows, err := db.New(tx).TOTPRedeem(ctx, db.TOTPRedeemParams{
		AccountID: proof.AccountID, ID: proof.id, Step: proof.step, Suspended: proof.Role == BehindPassword, Now: now,
		Secret: f.Keys.Seal(proof.secret, secretContext(proof.AccountID, proof.id)...),
	})
	if err != nil {
		return fmt.Errorf("redeem code: %w", err)
	}

	if rows != 1 {
		return ErrCodeInvalid
	}

	return nil
}

// Refund takes a right guess out of the day's budget of failed guesses. Call it after the transaction of Redeem: all
// guesses of the day count in one row, which should not stay locked for long.
func (f *Factors) Refund(ctx context.Context, proof Proof) error {
	if proof.Role != Alone {
		return nil // nothing was consumed
	}

	return f.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		for _, use := range f.Budget.Refunds(ctx, proof.Place) {
			if err := throttle.Refund(ctx, conn, use.Limit, use.Subject); err != nil {
				return err
			}
		}

		return nil
	})
}

// plainCode returns an empty text if the input is not a code.
func plainCode(text string) string {
	if len(text) != digits || strings.Trim(text, "0123456789") != "" {
		return ""
	}

	return text
}
