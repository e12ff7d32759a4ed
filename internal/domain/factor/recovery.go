package factor

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// A recovery code is 20 characters of base32, 100 random bits, shown in groups of five.
const (
	recoverySize  = 20
	recoveryGroup = 5
	recoverySigns = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// RecoveryCodes makes new recovery codes for an account that has an authenticator, and voids the previous ones. They
// cannot be read again.
func (f *Factors) RecoveryCodes(ctx context.Context, tx postgres.Tx, accountID string, now time.Time) ([]string, error) {
	queries := db.New(tx)

	// Locks the authenticator, so that of two concurrent requests the later one voids the codes of the earlier.
	if _, err := queries.TOTPBound(ctx, accountID); postgres.IsNotFound(err) {
		return nil, ErrNotActive
	} else if err != nil {
		return nil, fmt.Errorf("look up authenticator: %w", err)
	}

	if err := queries.RecoveryCodeRemove(ctx, accountID); err != nil {
		return nil, fmt.Errorf("remove recovery codes: %w", err)
	}

	codes, digests := make([]string, RecoveryCodeCount), make([][]byte, RecoveryCodeCount)
	keyID := f.Keys.Current()

	for i := range codes {
		plain := rand.Text()[:recoverySize]
		codes[i] = grouped(plain)
		digests[i] = f.recoveryDigest(keyID, accountID, plain)
	}

	err := queries.RecoveryCodeIssue(ctx, db.RecoveryCodeIssueParams{
		AccountID: accountID, KeyID: int16(keyID), Digests: digests, Now: now,
	})
	if err != nil {
		return nil, fmt.Errorf("store recovery codes: %w", err)
	}

	return codes, nil
}

// attemptRecovery counts nothing: 100 bits cannot be guessed.
func (f *Factors) attemptRecovery(ctx context.Context, guess Guess, plain string) (Proof, error) {
	rows, err := postgres.Get(ctx, f.DB, func(ctx context.Context, conn *pgxpool.Conn) ([]db.RecoveryCodeListRow, error) {
		return db.New(conn).RecoveryCodeList(ctx, guess.AccountID)
	})
	if err != nil {
		return Proof{}, fmt.Errorf("look up recovery codes: %w", err)
	}

	// All codes of an account have one key. Without codes the computation is the same.
	keyID := f.Keys.Current()
	if len(rows) > 0 {
		keyID = uint8(rows[0].KeyID) //nolint:gosec // written from a uint8
	}

	digest := f.recoveryDigest(keyID, guess.AccountID, plain)
	found := false

	for _, row := range rows {
		if hmac.Equal(row.Digest, digest) {
			found = true
		}
	}

	if !found || digest == nil {
		return Proof{}, ErrCodeInvalid
	}

	return Proof{Guess: guess, digest: digest}, nil
}

// redeemRecovery locks the authenticator first, in the order of Bind and Remove.
func (f *Factors) redeemRecovery(ctx context.Context, tx postgres.Tx, proof Proof) error {
	queries := db.New(tx)

	rows, err := queries.TOTPForgive(ctx, proof.AccountID)
	if err == nil && rows == 1 {
		rows, err = queries.RecoveryCodeRedeem(ctx, db.RecoveryCodeRedeemParams{
			AccountID: proof.AccountID, Digest: proof.digest,
		})
	}

	if err != nil {
		return fmt.Errorf("redeem recovery code: %w", err)
	}

	if rows != 1 {
		return ErrCodeInvalid
	}

	return nil
}

// recoveryDigest returns nil if the key is no longer configured.
func (f *Factors) recoveryDigest(keyID uint8, accountID, plain string) []byte {
	digest, _ := f.Keys.Digest(keyID, "recovery code", accountID, plain)

	return digest
}

// plainRecoveryCode reads a recovery code with or without its hyphens, in upper or lower case.
func plainRecoveryCode(text string) (plain string, ok bool) {
	plain = strings.ToUpper(strings.ReplaceAll(text, "-", ""))
	if len(plain) != recoverySize || strings.Trim(plain, recoverySigns) != "" {
		return "", false
	}

	return plain, true
}

func grouped(plain string) string {
	groups := make([]string, 0, recoverySize/recoveryGroup)

	for rest := plain; rest != ""; rest = rest[recoveryGroup:] {
		groups = append(groups, rest[:recoveryGroup])
	}

	return strings.Join(groups, "-")
}
