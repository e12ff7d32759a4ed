// Package factor knows the authenticator app of an account (TOTP, RFC 6238) and the recovery codes that
// stand in for it: it hands out a secret, binds it, and checks codes, each of which works once. Secrets
// are stored encrypted, recovery codes as keyed digests. It signs nobody in, tells nobody, and does not
// ask how long ago the sign-in was: that is for those who call it.
package factor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// Name is what the audit, and the count of failures, call the authenticator app.
const Name = "totp"

const (
	// PendingLifetime is how long a new secret waits to be bound.
	PendingLifetime = 5 * time.Minute
	// MaxAttempts is how many guesses the binding of one secret allows.
	MaxAttempts = 5
	// MaxFailures is how many guesses in a row an authenticator bears (NIST SP 800-63B-4, 3.2.2). Then
	// its codes are refused until it is bound anew, or a recovery code was used. Delays alone would let a
	// patient guesser have some hundred guesses a week, for years.
	MaxFailures = 100
	// RecoveryCodeCount is how many recovery codes there are at a time.
	RecoveryCodeCount = 10
)

var (
	// ErrCodeInvalid answers a wrong code, a used one, and every code where there is no authenticator.
	ErrCodeInvalid = problem.ErrCodeInvalid
	// ErrNoPending says that no secret waits to be bound.
	ErrNoPending = problem.New(problem.NotFound, "NOT_FOUND")
	// ErrNotActive says that the account has no authenticator.
	ErrNotActive = problem.New(problem.NotFound, "NOT_FOUND")
	// ErrStopped is the cause of the one ErrCodeInvalid with which an authenticator reaches MaxFailures:
	// the moment to tell its owner. The caller's answer does not show it.
	ErrStopped = errors.New("factor: too many guesses in a row; the authenticator is stopped")
)

// Deps are what Factors are made of.
type Deps struct {
	DB     *postgres.DB
	Keys   *keyring.Keyring
	Issuer string // what an authenticator app shows beside the account
	// Budget is how many failed guesses at codes there may be in a day, over all accounts. Three codes of a
	// million are right at a time, so 3,333 keep the chance of a hit below 1 % a day (security.md, R-C11).
	Budget int32
	Now    func() time.Time
}

// Factors hands out, binds, checks and removes.
type Factors struct {
	Deps

	// decoy is opened and compared with where there is no secret, so that it costs the same. It is random:
	// the codes of an empty key can be computed by anybody (security.md, W-1).
	decoy []byte
}

// New makes Factors.
func New(d Deps) *Factors {
	return &Factors{Deps: d, decoy: d.Keys.Seal(newSecret(), secretContext("", "")...)}
}

// newSecret is as long as the key of HMAC-SHA-1 should be (RFC 4226, section 4, R6).
func newSecret() []byte { return randomid.Bytes(secretSize) }

// secretContext binds a sealed secret to its row: of this account, and this binding.
func secretContext(accountID, id string) []string {
	return []string{"totp", "secret", accountID, id}
}

// Active says whether the account has an authenticator.
func (f *Factors) Active(ctx context.Context, accountID string) (bool, error) {
	active, err := postgres.Get(ctx, f.DB, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
		return db.New(conn).TOTPActive(ctx, accountID)
	})
	if err != nil {
		return false, fmt.Errorf("look for authenticator: %w", err)
	}

	return active, nil
}

// Remove takes the account's authenticator away, with its recovery codes and with the secret that waits
// to be bound. removed says whether there was one.
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

// Void voids the secret that waits to be bound. The authenticator that is bound stays.
func Void(ctx context.Context, tx db.DBTX, accountID string) error {
	if err := db.New(tx).TOTPPendingRemove(ctx, accountID); err != nil {
		return fmt.Errorf("remove pending authenticator: %w", err)
	}

	return nil
}

// Clean deletes up to 1,000 secrets that waited too long, and says how many.
func Clean(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	return db.New(tx).TOTPPendingClean(ctx, now)
}
