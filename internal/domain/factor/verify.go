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
	// budgetKey is the row of the throttle that counts the day's failed guesses.
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

// Attempt compares a code with the account's authenticator, or, by its form, with the recovery codes. The
// account without an authenticator (or none at all: accountID is empty then) costs the same, and gets the
// same answer as a wrong code: ErrCodeInvalid. problem.ErrTooManyRequests says that the day's budget of
// failed guesses is spent; recovery codes cannot be guessed, and work on.
//
// The guess is counted, against the authenticator and the budget, and committed, before the comparison:
// guesses in parallel cannot share one, and a crash gives none back. The delays after failures are the
// caller's.
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

// openSecret answers the decoy's where there is no secret, and where there is one that cannot be ours: that
// of an empty key everybody knows.
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

// count has no id where no code can be right.
func (f *Factors) count(ctx context.Context, accountID string) (db.TOTPAttemptRow, error) {
	var row db.TOTPAttemptRow

	err := f.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		var err error

		now := f.Now()

		row, err = db.New(tx).TOTPAttempt(ctx, db.TOTPAttemptParams{
			AccountID: accountID, MaxFailures: MaxFailures, Budget: budgetKey, EndsAt: now.Add(budgetWindow), Now: now,
		})
		if err != nil {
			return fmt.Errorf("count guess: %w", err)
		}

		// Who has nothing to guess at has added nothing, and is told what everybody else would be.
		spent := row.Spent
		if row.ID == "" {
			spent++
		}

		if spent > f.Budget {
			// Rolled back, so that what nobody looked at is no failure of this authenticator.
			return throttle.Refuse(now, row.EndsAt, budgetKey, "")
		}

		return nil
	})

	return row, err
}

// Redeem uses the proof's code up, in the transaction of what it opens, and forgets the failures before
// it. Of any number of contenders with one code one succeeds; the others get ErrCodeInvalid, and must not
// commit. A transaction that runs again (postgres.Tx.Repeated) looks for what it opened first.
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

// Refund takes a guess that was right out of the day's budget of failed ones. Call it after the
// transaction of Redeem: every guess of the day counts in one row, which nobody should hold long.
func (f *Factors) Refund(ctx context.Context, proof Proof) error {
	if proof.digest != nil {
		return nil // it has taken none
	}

	err := f.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return db.New(conn).ThrottleGiveBack(ctx, budgetKey)
	})
	if err != nil {
		return fmt.Errorf("give guess back: %w", err)
	}

	return nil
}

// plainCode is empty for what is no code. Apps show the six digits in two groups, and people copy that.
func plainCode(text string) string {
	plain := strings.ReplaceAll(text, " ", "")
	if len(plain) != digits || strings.Trim(plain, "0123456789") != "" {
		return ""
	}

	return plain
}
