package factor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	// budgetKey is the throttle's row that counts the day's failed guesses.
	budgetKey    = "failed-totp"
	budgetWindow = 24 * time.Hour
)

// Proof is a right code that has not been redeemed yet: of an authenticator, or a recovery code.
type Proof struct {
	accountID string

	// Of an authenticator.
	id     string
	secret []byte
	step   int64

	digest []byte // of a recovery code; nil for an authenticator's
}

// Attempt compares a code with the account's authenticator or, by its form, with the recovery codes. An account without
// an authenticator, or no account (accountID is empty), costs the same and gets the same error as a wrong code:
// ErrCodeInvalid. problem.ErrTooManyRequests reports that the day's budget of failed guesses is spent; recovery codes,
// which cannot be guessed, still work.
//
// The guess counts against the authenticator and the budget, and this is committed before the comparison: parallel
// guesses each count, and a crash refunds none. Delays after failures are the caller's task.
func (f *Factors) Attempt(ctx context.Context, accountID, code string) (Proof, error) {
	if plain, ok := plainRecoveryCode(code); ok {
		return f.attemptRecovery(ctx, accountID, plain)
	}

	plain := plainCode(code)
	if plain == "" {
		return Proof{}, ErrCodeInvalid
	}

	row, err := f.count(ctx, accountID)
	if err != nil {
		return Proof{}, err
	}

	secret, failure := f.openSecret(accountID, row)
	step, found := matchStep(secret, f.Now(), plain)

	switch {
	case failure != nil:
		return Proof{}, ErrCodeInvalid.WithCause(failure)
	case row.ID != "" && found:
		return Proof{accountID: accountID, id: row.ID, secret: secret, step: step}, nil
	case row.Failures == MaxFailures:
		return Proof{}, ErrCodeInvalid.WithCause(ErrStopped)
	}

	return Proof{}, ErrCodeInvalid
}

// openSecret returns the decoy if there is no secret, and if the secret has the wrong length: the codes of an empty key
// are known.
func (f *Factors) openSecret(accountID string, row db.TOTPAttemptRow) (secret []byte, failure error) {
	if row.ID == "" {
		return f.Keys.Open(f.decoy, secretContext("", "")...)
	}

	secret, failure = f.Keys.Open(row.Secret, secretContext(accountID, row.ID)...)
	if failure == nil && len(secret) != secretSize {
		failure = errNoSecret
	}

	if failure != nil {
		secret = newSecret()
	}

	return secret, failure
}

// count returns no id if no code can be right.
func (f *Factors) count(ctx context.Context, accountID string) (db.TOTPAttemptRow, error) {
	return postgres.TxGet(ctx, f.DB, func(ctx context.Context, tx postgres.Tx) (db.TOTPAttemptRow, error) {
		now := f.Now()

		row, err := db.New(tx).TOTPAttempt(ctx, db.TOTPAttemptParams{
			AccountID: accountID, MaxFailures: MaxFailures, Budget: budgetKey, EndsAt: now.Add(budgetWindow), Now: now,
		})
		if err != nil {
			return row, fmt.Errorf("count guess: %w", err)
		}

		// Without an authenticator the query has added nothing; the caller gets the same error as with one.
		spent := row.Spent
		if row.ID == "" {
			spent++
		}

		if spent > f.Budget {
			// Rolled back: a guess that was not compared does not count for this authenticator.
			return row, throttle.Refuse(now, row.EndsAt, budgetKey, "")
		}

		return row, nil
	})
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
		AccountID: proof.accountID, ID: proof.id, Step: proof.step, Now: now,
		Secret: f.Keys.Seal(proof.secret, secretContext(proof.accountID, proof.id)...),
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
	if proof.digest != nil {
		return nil // nothing was consumed
	}

	err := f.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return db.New(conn).ThrottleGiveBack(ctx, budgetKey)
	})
	if err != nil {
		return fmt.Errorf("refund guess: %w", err)
	}

	return nil
}

// plainCode returns an empty text if the input is not a code. Apps show the six digits in two groups, and users copy
// the space.
func plainCode(text string) string {
	plain := strings.ReplaceAll(text, " ", "")
	if len(plain) != digits || strings.Trim(plain, "0123456789") != "" {
		return ""
	}

	return plain
}
