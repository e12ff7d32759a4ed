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
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// Purpose is what a code is valid for. A code of one purpose is not valid for another.
type Purpose struct {
	Name     string
	Lifetime time.Duration

	signsIn bool // a code lets its holder into an account
}

// Registration proves control of the address of a new account.
var Registration = Purpose{Name: "registration", Lifetime: 10 * time.Minute}

// Reset proves control of the address of an account whose password was forgotten.
var Reset = Purpose{Name: "reset", Lifetime: 10 * time.Minute, signsIn: true}

// SignIn signs in with a phone, and SignInMail with an e-mail address. Phone and Email prove control of what is to be bound to an account.
var (
	SignIn     = Purpose{Name: "sign-in", Lifetime: 5 * time.Minute, signsIn: true}
	SignInMail = Purpose{Name: "sign-in-mail", Lifetime: 10 * time.Minute, signsIn: true}
	Phone      = Purpose{Name: "phone", Lifetime: 5 * time.Minute}
	Email      = Purpose{Name: "email", Lifetime: 10 * time.Minute}
)

// Renewal renews the session of a browser; opaque, see IssueOpaque.
var Renewal = Purpose{Name: "renewal", Lifetime: 15 * time.Second}

// IdentityTicket stands for an external identity while the second factor is awaited; opaque, see IssueOpaque.
var IdentityTicket = Purpose{Name: "identity-ticket", Lifetime: 5 * time.Minute}

// AppGrant stands for an external identity on its way to an app; opaque, see IssueOpaque.
var AppGrant = Purpose{Name: "app-grant", Lifetime: 2 * time.Minute}

// EmailLink is Email in a link instead of six digits; see IssueSecret.
var EmailLink = Purpose{Name: "email-link", Lifetime: Email.Lifetime}

// FirstRun creates the first administrator, in a link; see IssueLink.
var FirstRun = Purpose{Name: "first-run", Lifetime: 24 * time.Hour}

// MaxAttempts is the number of guesses that a code allows.
const MaxAttempts = 5

// Digits is the length of a code.
const Digits = 6

// codes is how many codes there are.
var codes = new(big.Int).Exp(big.NewInt(10), big.NewInt(Digits), nil)

// ErrInvalid is returned alike for a wrong, an expired, a used and a missing code.
var ErrInvalid = problem.ErrCodeInvalid

// Codes issues and redeems codes. The zero value is not usable; see New.
type Codes struct {
	db     *postgres.DB
	keys   *keyring.Keyring
	now    func() time.Time
	budget Budget
}

// Budget is the number of failed guesses in a day at the codes of one purpose, over all accounts: six digits resist
// guesses sprayed over many accounts only while all purposes together allow at most 10,000 (security.md, R-C11).
type Budget struct {
	Max   int32
	Share int32 // see throttle.Budget
	Alarm func(ctx context.Context, a throttle.Alarm)
}

// New returns Codes.
func New(database *postgres.DB, keys *keyring.Keyring, budget Budget, now func() time.Time) *Codes {
	return &Codes{db: database, keys: keys, now: now, budget: budget}
}

// BudgetOf returns the budget of failed guesses at the codes of a purpose, and whether there is one.
func (c *Codes) BudgetOf(purpose Purpose) (throttle.Budget, bool) {
	return c.budgetOf(purpose), purpose.signsIn
}

func (c *Codes) budgetOf(purpose Purpose) throttle.Budget {
	return throttle.Budget{Name: BudgetName(purpose), Max: c.budget.Max, Share: c.budget.Share, Alarm: c.budget.Alarm}
}

// BudgetName returns the name of the budget of failed guesses at the codes of a purpose.
func BudgetName(purpose Purpose) string { return "failed-codes/" + purpose.Name }

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

// Guess is a guess at a code.
type Guess struct {
	Purpose Purpose
	Subject string
	Text    string
	Place   device.Place // where it comes from
	// OpensAccount reports that a right guess would open an account that exists. Only such a guess counts
	// against the day's budget: otherwise a stranger could spend it at codes that they asked for themselves.
	OpensAccount bool
}

// Ticket is a right guess that has not been redeemed yet.
type Ticket struct {
	Guess

	digest []byte
}

// Attempt compares a guess, and returns a Ticket if it is right. The guess counts against the code and the day's
// budget, and this is committed before the comparison: parallel guesses each count, and a crash refunds none.
func (c *Codes) Attempt(ctx context.Context, guess Guess) (Ticket, error) {
	var (
		row      db.CodeAttemptRow
		found    bool
		spending throttle.Spending
	)

	err := c.db.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		var err error

		row, err = db.New(tx).CodeAttempt(ctx, db.CodeAttemptParams{
			Purpose: guess.Purpose.Name, Subject: guess.Subject, Now: c.now(), MaxAttempts: MaxAttempts,
		})
		found = err == nil

		if err != nil && !postgres.IsNotFound(err) {
			return fmt.Errorf("count guess: %w", err)
		}

		if !guess.Purpose.signsIn {
			return nil
		}

		// Neither the cost nor the response reveals whether there is a code or an account.
		uses, spent := c.budgetOf(guess.Purpose).Uses(ctx, guess.Place, !found || !guess.OpensAccount)
		spending = spent

		return throttle.ConsumeInOrder(ctx, tx, c.now(), uses...)
	})
	if err != nil {
		return Ticket{}, err
	}

	spending.Report(ctx)

	keyID := c.keys.Current()
	if found {
		keyID = uint8(row.KeyID) //nolint:gosec // written from a uint8
	}

	digest := c.digest(keyID, guess.Purpose, guess.Subject, guess.Text)
	if !found || digest == nil || !hmac.Equal(digest, row.Digest) {
		return Ticket{}, ErrInvalid
	}

	return Ticket{Guess: guess, digest: digest}, nil
}

// Redeem uses the ticket's code up, in the transaction of what it allows, and ends the links beside it. Of several
// concurrent callers one succeeds; the others get ErrInvalid.
func (c *Codes) Redeem(ctx context.Context, tx db.DBTX, ticket Ticket) error {
	rows, err := db.New(tx).CodeRedeem(ctx, db.CodeRedeemParams{
		Purpose: ticket.Purpose.Name, Subject: ticket.Subject, Digest: ticket.digest, Now: c.now(),
	})
	if err != nil {
		return fmt.Errorf("redeem code: %w", err)
	}

	if rows != 1 {
		return ErrInvalid
	}

	return c.endLinks(ctx, tx, ticket.Purpose, ticket.Subject)
}

// Return takes back a right guess that was not redeemed: the code may be guessed as often as before.
func (c *Codes) Return(ctx context.Context, tx db.DBTX, ticket Ticket) error {
	err := db.New(tx).CodeReturn(ctx, db.CodeReturnParams{Purpose: ticket.Purpose.Name, Subject: ticket.Subject, Digest: ticket.digest})
	if err != nil {
		return fmt.Errorf("return guess: %w", err)
	}

	return nil
}

// Refund takes a right guess out of the day's budget of failed guesses. Call it after the transaction of Redeem: all
// guesses of the day count in one row, which should not stay locked for long.
func (c *Codes) Refund(ctx context.Context, ticket Ticket) error {
	if !ticket.Purpose.signsIn || !ticket.OpensAccount {
		return nil // nothing was spent
	}

	return c.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		for _, use := range c.budgetOf(ticket.Purpose).Refunds(ctx, ticket.Place) {
			if err := throttle.Refund(ctx, conn, use.Limit, use.Subject); err != nil {
				return err
			}
		}

		return nil
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

// draw returns a random code of Digits digits, uniform over all, with leading zeros.
func draw(random io.Reader) (string, error) {
	n, err := rand.Int(random, codes)
	if err != nil {
		return "", fmt.Errorf("draw code: %w", err)
	}

	return fmt.Sprintf("%0*d", Digits, n), nil
}
