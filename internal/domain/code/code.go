// Package code issues and redeems one-time codes of six digits: bound to a purpose and a subject, short-lived, with
// five guesses, used at most once. It stores only keyed digests, and sends nothing.
package code

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// Purpose is what a code is valid for. A code of one purpose is not valid for another.
type Purpose struct {
	Name     string
	Lifetime time.Duration
}

// Registration proves control of the address of a new account.
var Registration = Purpose{Name: "registration", Lifetime: 10 * time.Minute}

// Reset proves control of the address of an account whose password was forgotten.
var Reset = Purpose{Name: "reset", Lifetime: 10 * time.Minute}

// SignIn signs in with a phone. Phone and Email prove control of what is to be bound to an account.
var (
	SignIn = Purpose{Name: "sign-in", Lifetime: 5 * time.Minute}
	Phone  = Purpose{Name: "phone", Lifetime: 5 * time.Minute}
	Email  = Purpose{Name: "email", Lifetime: 10 * time.Minute}
)

// Renewal renews the session of a browser; opaque, see IssueOpaque.
var Renewal = Purpose{Name: "renewal", Lifetime: 15 * time.Second}

// EmailLink is Email in a link instead of six digits; see IssueSecret.
var EmailLink = Purpose{Name: "email-link", Lifetime: Email.Lifetime}

// FirstRun creates the first administrator, in a link; see IssueLink.
var FirstRun = Purpose{Name: "first-run", Lifetime: 24 * time.Hour}

// MaxAttempts is the number of guesses that a code allows.
const MaxAttempts = 5

// ErrInvalid is returned alike for a wrong, an expired, a used and a missing code.
var ErrInvalid = problem.ErrCodeInvalid

// Codes issues and redeems codes. The zero value is not usable; see New.
type Codes struct {
	db     *postgres.DB
	keys   *keyring.Keyring
	now    func() time.Time
	budget throttle.Limit
}

// New returns Codes. budget is the number of failed guesses in a day, over all codes: six digits resist guesses sprayed
// over many accounts only while G ≤ 10,000 (security.md, R-C11).
func New(database *postgres.DB, keys *keyring.Keyring, budget int32, now func() time.Time) *Codes {
	return &Codes{
		db:     database,
		keys:   keys,
		now:    now,
		budget: throttle.Limit{Name: "failed-codes", Max: budget, Window: 24 * time.Hour},
	}
}

// Issue makes a new code and voids the previous one. Run it in the transaction that enqueues its delivery, so that
// neither exists without the other.
func (c *Codes) Issue(ctx context.Context, tx db.DBTX, purpose Purpose, subject string) (plain string, expires time.Time, err error) {
	plain, err = draw(rand.Reader)
	if err != nil {
		return "", time.Time{}, err
	}

	now := c.now()
	expires = now.Add(purpose.Lifetime)
	keyID := c.keys.Current()

	err = db.New(tx).CodeIssue(ctx, db.CodeIssueParams{
		Purpose:   purpose.Name,
		Subject:   subject,
		KeyID:     int16(keyID),
		Digest:    c.digest(keyID, purpose, subject, plain),
		Now:       now,
		ExpiresAt: expires,
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("issue code: %w", err)
	}

	return plain, expires, nil
}

// Ticket is a right guess that has not been redeemed yet.
type Ticket struct {
	purpose Purpose
	subject string
	digest  []byte
}

// Attempt compares a guess, and returns a Ticket if it is right. The guess counts against the code and the day's
// budget, and this is committed before the comparison: parallel guesses each count, and a crash refunds none.
func (c *Codes) Attempt(ctx context.Context, purpose Purpose, subject, guess string) (Ticket, error) {
	var (
		row   db.CodeAttemptRow
		found bool
	)

	err := c.db.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		var err error

		row, err = db.New(tx).CodeAttempt(ctx, db.CodeAttemptParams{
			Purpose: purpose.Name, Subject: subject, Now: c.now(), MaxAttempts: MaxAttempts,
		})
		found = err == nil

		switch {
		case postgres.IsNotFound(err):
			// There is no code to hit, so the day's budget is not charged: otherwise any caller could use it up.
			// Neither the cost nor the response reveals that there is no code.
			return throttle.ConsumeAll(ctx, tx, c.now(), throttle.Use{Limit: c.budget, DryRun: true})
		case err != nil:
			return fmt.Errorf("count guess: %w", err)
		}

		return throttle.Consume(ctx, tx, c.now(), c.budget, "")
	})
	if err != nil {
		return Ticket{}, err
	}

	keyID := c.keys.Current()
	if found {
		keyID = uint8(row.KeyID) //nolint:gosec // written from a uint8
	}

	digest := c.digest(keyID, purpose, subject, guess)
	if !found || digest == nil || !hmac.Equal(digest, row.Digest) {
		return Ticket{}, ErrInvalid
	}

	return Ticket{purpose: purpose, subject: subject, digest: digest}, nil
}

// Redeem uses the ticket's code up, in the transaction of what it allows. Of several concurrent callers one succeeds;
// the others get ErrInvalid.
func (c *Codes) Redeem(ctx context.Context, tx db.DBTX, ticket Ticket) error {
	rows, err := db.New(tx).CodeRedeem(ctx, db.CodeRedeemParams{
		Purpose: ticket.purpose.Name, Subject: ticket.subject, Digest: ticket.digest, Now: c.now(),
	})
	if err != nil {
		return fmt.Errorf("redeem code: %w", err)
	}

	if rows != 1 {
		return ErrInvalid
	}

	return nil
}

// Refund takes a right guess out of the day's budget of failed guesses. Call it after the transaction of Redeem: all
// guesses of the day count in one row, which should not stay locked for long.
func (c *Codes) Refund(ctx context.Context) error {
	return c.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return throttle.Refund(ctx, conn, c.budget, "")
	})
}

// Clean deletes up to 1,000 expired codes, and returns how many.
func Clean(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	return db.New(tx).CodeClean(ctx, now)
}

// digest returns nil if the key is no longer configured.
func (c *Codes) digest(keyID uint8, purpose Purpose, subject, plain string) []byte {
	digest, _ := c.keys.Digest(keyID, "code", purpose.Name, subject, plain)

	return digest
}

// draw returns a random six-digit code, uniform over all, with leading zeros.
func draw(random io.Reader) (string, error) {
	n, err := rand.Int(random, big.NewInt(1_000_000))
	if err != nil {
		return "", fmt.Errorf("draw code: %w", err)
	}

	return fmt.Sprintf("%06d", n), nil
}
