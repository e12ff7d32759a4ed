// Package factor owns the authenticator app of an account (TOTP, RFC 6238) and the recovery codes that replace it: it
// issues a secret, binds it, and verifies codes, each of which works once. Secrets are stored encrypted, recovery codes
// as keyed digests. It signs no one in, sends no notification, and does not check how recent the sign-in is: its
// callers do.
package factor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// Name is the name of the authenticator app in the audit and in the counts of failures.
const Name = "totp"

const (
	// PendingLifetime is how long a new secret waits to be bound.
	PendingLifetime = 5 * time.Minute
	// MaxAttempts is the number of guesses that the binding of one secret allows.
	MaxAttempts = 5
	// MaxFailures is the number of wrong guesses in a row at an authenticator that signs in by itself (NIST SP 800-63B-4,
	// 3.2.2). After them it signs no one in by itself until its user has signed in another way. Delays alone would allow a
	// patient attacker some hundred guesses a week, for years. As a second factor it continues to work.
	MaxFailures = 100
	// RecoveryCodeCount is the number of recovery codes of an account.
	RecoveryCodeCount = 10
)

var (
	// ErrCodeInvalid is returned for a wrong code, a used one, and every code if there is no authenticator.
	ErrCodeInvalid = problem.ErrCodeInvalid
	// ErrNoPending reports that no secret waits to be bound.
	ErrNoPending = problem.New(problem.NotFound, "NOT_FOUND")
	// ErrNotActive reports that the account has no authenticator.
	ErrNotActive = problem.New(problem.NotFound, "NOT_FOUND")
	// ErrStopped is the cause of the one ErrCodeInvalid with which an authenticator reaches MaxFailures: the moment to
	// notify its owner. The response does not show it.
	ErrStopped = errors.New("factor: too many guesses in a row; the authenticator signs no one in by itself")
)

// Deps are the dependencies of Factors.
type Deps struct {
	DB     *postgres.DB
	Keys   *keyring.Keyring
	Issuer string // what an authenticator app shows beside the account
	// Budget is that of failed guesses at codes that sign in by themselves, over all accounts. Three codes of a million are
	// right at a time, so 3,333 a day keep the chance of a hit below 1 % (security.md, R-C11).
	Budget throttle.Budget
	Now    func() time.Time
}

// Factors issues, binds, verifies and removes authenticators.
type Factors struct {
	Deps

	// decoy is decrypted and compared if there is no secret, so that the cost is the same. It is random: anyone can
	// compute the codes of an empty key (security.md, W-1).
	decoy []byte
}

// New returns Factors.
func New(d Deps) *Factors {
	return &Factors{Deps: d, decoy: d.Keys.Seal(newSecret(), secretContext("", "")...)}
}

// newSecret returns a secret as long as a key of HMAC-SHA-1 should be (RFC 4226, section 4, R6).
func newSecret() []byte { return randomid.Bytes(secretSize) }

// secretContext binds a sealed secret to its row: to this account and this binding.
func secretContext(accountID, id string) []string {
	return []string{"totp", "secret", accountID, id}
}

// Remove removes the account's authenticator, its recovery codes and the secret that waits to be bound. removed reports
// whether there was an authenticator.
func Remove(ctx context.Context, tx postgres.Tx, accountID string) (removed bool, err error) {
	// In the order of Bind, so that the two never wait for each other.
	if err := Void(ctx, tx, accountID); err != nil {
		return false, err
	}

	rows, err := db.New(tx).TOTPRemove(ctx, accountID)
	if err != nil {
		return false, fmt.Errorf("remove authenticator: %w", err)
	}

	return rows == 1, nil
}

// Void voids the secret that waits to be bound. A bound authenticator stays.
func Void(ctx context.Context, tx db.DBTX, accountID string) error {
	if err := db.New(tx).TOTPPendingRemove(ctx, accountID); err != nil {
		return fmt.Errorf("remove pending authenticator: %w", err)
	}

	return nil
}

// PutBack binds the authenticator again that the one with the id had replaced, and reports whether there was one. Its recovery
// codes are gone.
func PutBack(ctx context.Context, tx postgres.Tx, accountID, id string) (bool, error) {
	rows, err := db.New(tx).TOTPPutBack(ctx, db.TOTPPutBackParams{AccountID: accountID, ReplacedBy: id})
	if err != nil {
		return false, fmt.Errorf("put authenticator back: %w", err)
	}

	return rows == 1, nil
}

// CleanReplaced deletes up to 1,000 authenticators that were replaced more than RecentlyBound ago, and returns how many.
func CleanReplaced(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	return db.New(tx).TOTPReplacedClean(ctx, now.Add(-RecentlyBound))
}

// Clean deletes up to 1,000 expired pending secrets, and returns how many.
func Clean(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	return db.New(tx).TOTPPendingClean(ctx, now)
}
