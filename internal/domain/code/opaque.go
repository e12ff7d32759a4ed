package code

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// NewOpaque returns an opaque code, which a program carries, not a person: two identifiers of randomid, 44 characters.
// The first names its row, so that a subject may have several at once; the second is the secret, 128 random bits. These
// cannot be guessed, so guesses are not counted, and the digest needs no key.
func NewOpaque() string { return randomid.New() + randomid.New() }

// IssueOpaque makes a code of NewOpaque valid. It voids no other code, and may run again with the same code.
func (c *Codes) IssueOpaque(ctx context.Context, tx db.DBTX, purpose Purpose, subject, plain string) error {
	now := c.now()

	err := db.New(tx).CodeIssue(ctx, db.CodeIssueParams{
		Purpose:   purpose.Name,
		Subject:   subject + " " + plain[:randomid.Length],
		Digest:    opaqueDigest(plain[randomid.Length:]),
		Now:       now,
		ExpiresAt: now.Add(purpose.Lifetime),
	})
	if err != nil {
		return fmt.Errorf("issue code: %w", err)
	}

	return nil
}

// HoldsOpaque reports whether RedeemOpaque would succeed at this moment, and uses nothing up.
func (c *Codes) HoldsOpaque(ctx context.Context, tx db.DBTX, purpose Purpose, subject, plain string) (bool, error) {
	if len(plain) != 2*randomid.Length {
		return false, nil
	}

	return c.HoldsSecret(ctx, tx, purpose, subject+" "+plain[:randomid.Length], plain[randomid.Length:])
}

// RedeemOpaque uses up an opaque code of the subject, in the transaction of what it allows. Of several concurrent
// callers one succeeds; the others get ErrInvalid, as does a caller with another subject's code.
func (c *Codes) RedeemOpaque(ctx context.Context, tx db.DBTX, purpose Purpose, subject, plain string) error {
	if len(plain) != 2*randomid.Length {
		return ErrInvalid
	}

	return c.Redeem(ctx, tx, Ticket{
		Guess:  Guess{Purpose: purpose, Subject: subject + " " + plain[:randomid.Length]},
		digest: opaqueDigest(plain[randomid.Length:]),
	})
}

// IssueSecret makes an opaque code, of which a subject has one: it voids the previous one, as Issue does. The code is
// the secret alone, 22 characters.
func (c *Codes) IssueSecret(ctx context.Context, tx db.DBTX, purpose Purpose, subject string) (string, error) {
	return c.issueSecret(ctx, tx, purpose, subject, randomid.New())
}

// IssueLink is IssueSecret with 256 random bits, 44 characters: for a link that is valid for long and that only the
// secret protects.
func (c *Codes) IssueLink(ctx context.Context, tx db.DBTX, purpose Purpose, subject string) (string, error) {
	return c.issueSecret(ctx, tx, purpose, subject, randomid.New()+randomid.New())
}

func (c *Codes) issueSecret(ctx context.Context, tx db.DBTX, purpose Purpose, subject, secret string) (string, error) {
	now := c.now()

	err := db.New(tx).CodeIssue(ctx, db.CodeIssueParams{
		Purpose: purpose.Name, Subject: subject, Digest: opaqueDigest(secret), Now: now, ExpiresAt: now.Add(purpose.Lifetime),
	})
	if err != nil {
		return "", fmt.Errorf("issue code: %w", err)
	}

	return secret, nil
}

// HoldsSecret reports whether RedeemSecret would succeed at this moment, and uses nothing up.
func (c *Codes) HoldsSecret(ctx context.Context, tx db.DBTX, purpose Purpose, subject, secret string) (bool, error) {
	holds, err := db.New(tx).CodeHolds(ctx, db.CodeHoldsParams{
		Purpose: purpose.Name, Subject: subject, Digest: opaqueDigest(secret), Now: c.now(),
	})
	if err != nil {
		return false, fmt.Errorf("look for code: %w", err)
	}

	return holds, nil
}

// RedeemSecret uses up a code of IssueSecret or IssueLink, as RedeemOpaque does.
func (c *Codes) RedeemSecret(ctx context.Context, tx db.DBTX, purpose Purpose, subject, secret string) error {
	return c.Redeem(ctx, tx, Ticket{Guess: Guess{Purpose: purpose, Subject: subject}, digest: opaqueDigest(secret)})
}

func opaqueDigest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))

	return sum[:]
}
