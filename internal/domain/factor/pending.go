package factor

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// Pending makes a new secret for the account, which replaces one that waits, and returns the otpauth URL for an
// authenticator app. The bound authenticator continues to work until this one is bound.
func (f *Factors) Pending(ctx context.Context, tx db.DBTX, accountID, email string) (url string, err error) {
	id, now := randomid.New(), f.Now()
	url = newURL(f.Issuer, email, newSecret())

	err = db.New(tx).TOTPPend(ctx, db.TOTPPendParams{
		AccountID: accountID, ID: id,
		URL: f.Keys.Seal([]byte(url), pendingContext(accountID, id)...),
		Now: now, ExpiresAt: now.Add(PendingLifetime),
	})
	if err != nil {
		return "", fmt.Errorf("store pending authenticator: %w", err)
	}

	return url, nil
}

// PendingURL returns the URL of the secret that waits to be bound, or ErrNoPending.
func (f *Factors) PendingURL(ctx context.Context, accountID string) (string, error) {
	row, err := postgres.Get(ctx, f.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.TOTPPendingRow, error) {
		return db.New(conn).TOTPPending(ctx, db.TOTPPendingParams{AccountID: accountID, Now: f.Now()})
	})
	if postgres.IsNotFound(err) {
		return "", ErrNoPending
	} else if err != nil {
		return "", fmt.Errorf("look up pending authenticator: %w", err)
	}

	url, err := f.Keys.Open(row.URL, pendingContext(accountID, row.ID)...)
	if err != nil {
		return "", ErrNoPending.WithCause(err)
	}

	return string(url), nil
}

// Binding is a pair of right codes that has not been redeemed yet.
type Binding struct {
	accountID, id string
	secret        []byte
	step          int64
}

// ID returns the id of the authenticator that Bind makes.
func (b Binding) ID() string { return b.id }

// AttemptBinding compares two codes with the secret that waits. They must be of two consecutive steps, the earlier one
// first, both within the window of a sign-in: two readings of the app show that it has the secret and the time. url is
// the URL that the account received, or empty if the caller does not have it.
//
// The guess counts, and this is committed, before the comparison.
func (f *Factors) AttemptBinding(ctx context.Context, accountID, url string, codes [2]string) (Binding, error) {
	row, err := postgres.Get(ctx, f.DB, func(ctx context.Context, conn *pgxpool.Conn) (db.TOTPPendingAttemptRow, error) {
		return db.New(conn).TOTPPendingAttempt(ctx, db.TOTPPendingAttemptParams{
			AccountID: accountID, Now: f.Now(), MaxAttempts: MaxAttempts,
		})
	})
	if postgres.IsNotFound(err) {
		return Binding{}, ErrCodeInvalid
	} else if err != nil {
		return Binding{}, fmt.Errorf("count guess: %w", err)
	}

	issued, err := f.Keys.Open(row.URL, pendingContext(accountID, row.ID)...)
	if err != nil {
		return Binding{}, ErrCodeInvalid.WithCause(err)
	}

	secret, err := secretOf(string(issued))
	if err != nil {
		return Binding{}, err
	}

	step, found := matchPair(secret, f.Now(), [2]string{plainCode(codes[0]), plainCode(codes[1])})
	if !found || url != "" && !same(url, string(issued)) {
		return Binding{}, ErrCodeInvalid
	}

	return Binding{accountID: accountID, id: row.ID, secret: secret, step: step}, nil
}

// Bind makes the secret the account's authenticator, and removes the previous one with its recovery codes: RecoveryCodes
// makes new ones.
// Both codes are used up. Of several concurrent callers one succeeds; the others get ErrCodeInvalid.
func (f *Factors) Bind(ctx context.Context, tx postgres.Tx, binding Binding) error {
	queries, now := db.New(tx), f.Now()

	rows, err := queries.TOTPPendingRedeem(ctx, db.TOTPPendingRedeemParams{AccountID: binding.accountID, ID: binding.id, Now: now})
	if err != nil {
		return fmt.Errorf("redeem pending authenticator: %w", err)
	}

	if rows != 1 {
		return f.boundAlready(ctx, tx, binding)
	}

	// The undo of this binding puts the previous one back.
	err = queries.TOTPReplace(ctx, db.TOTPReplaceParams{AccountID: binding.accountID, ReplacedBy: binding.id, Now: now})
	if err != nil {
		return fmt.Errorf("keep authenticator: %w", err)
	}

	err = queries.TOTPBind(ctx, db.TOTPBindParams{
		AccountID: binding.accountID, ID: binding.id,
		Secret:   f.Keys.Seal(binding.secret, secretContext(binding.accountID, binding.id)...),
		LastStep: binding.step, Now: now,
	})
	if err != nil {
		return fmt.Errorf("bind authenticator: %w", err)
	}

	if err := queries.RecoveryCodeRemove(ctx, binding.accountID); err != nil {
		return fmt.Errorf("remove recovery codes: %w", err)
	}

	return nil
}

// boundAlready lets a repeated transaction succeed if its earlier run was committed.
func (f *Factors) boundAlready(ctx context.Context, tx postgres.Tx, binding Binding) error {
	if !tx.Repeated {
		return ErrCodeInvalid
	}

	id, err := db.New(tx).TOTPBound(ctx, binding.accountID)

	switch {
	case postgres.IsNotFound(err):
		return ErrCodeInvalid
	case err != nil:
		return fmt.Errorf("look up authenticator: %w", err)
	case id != binding.id:
		return ErrCodeInvalid
	}

	return nil
}

// pendingContext differs from secretContext: a pending secret cannot pass for a bound one.
func pendingContext(accountID, id string) []string {
	return []string{"totp_pending", "url", accountID, id}
}
