package code

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// ResetLink and RegistrationLink are Reset and Registration in a link, which the same mail carries. An address may have
// several at once: neither wrong guesses nor later codes end them. They end when one of them is redeemed, or a code of
// the purpose: see Codes.Redeem and Codes.RedeemMailLink.
var (
	ResetLink        = Purpose{Name: "reset-link", Lifetime: Reset.Lifetime}
	RegistrationLink = Purpose{Name: "registration-link", Lifetime: Registration.Lifetime}
)

// linkOf returns the purpose of the links beside the codes of a purpose, and whether there are any.
func linkOf(purpose Purpose) (Purpose, bool) {
	switch purpose.Name {
	case Reset.Name:
		return ResetLink, true
	case Registration.Name:
		return RegistrationLink, true
	}

	return Purpose{}, false
}

// MailLink is the opened token of a link. Only this server can have made the token; whether the link is still valid is
// another question.
type MailLink struct {
	purpose     Purpose // of the code beside it
	address     string
	row, secret string
	keyID       uint8 // of the key of the digest
}

// Address is the address that the link was mailed to; empty for the zero value.
func (l MailLink) Address() string { return l.address }

func (l MailLink) subject() string { return l.address + " " + l.row }

// IssueMailLink makes a link beside a code of the purpose, in the same transaction, and returns its token: sealed for
// the purpose, it contains the address, the name of the row, and a secret of 256 random bits. It voids no other link.
func (c *Codes) IssueMailLink(ctx context.Context, tx db.DBTX, purpose Purpose, address string) (token string, err error) {
	kind, _ := linkOf(purpose)
	link := MailLink{purpose: purpose, address: address, row: randomid.New(), secret: randomid.New() + randomid.New(), keyID: c.keys.Current()}
	now := c.now()

	err = db.New(tx).CodeIssue(ctx, db.CodeIssueParams{
		Purpose: kind.Name, Subject: link.subject(), KeyID: int16(link.keyID), Digest: link.digest(c),
		Now: now, ExpiresAt: now.Add(kind.Lifetime),
	})
	if err != nil {
		return "", fmt.Errorf("issue link: %w", err)
	}

	content := strings.Join([]string{link.address, link.row, link.secret, strconv.Itoa(int(link.keyID))}, " ")
	sealed := c.keys.Seal([]byte(content), linkContext(kind)...)

	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

func linkContext(kind Purpose) []string { return []string{"code", "link", kind.Name} }

// OpenMailLink opens a token of IssueMailLink, or returns ErrInvalid for any other. It asks no database.
func (c *Codes) OpenMailLink(purpose Purpose, token string) (MailLink, error) {
	kind, _ := linkOf(purpose)

	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return MailLink{}, ErrInvalid
	}

	plain, err := c.keys.Open(sealed, linkContext(kind)...)
	if err != nil {
		return MailLink{}, ErrInvalid
	}

	parts := strings.Split(string(plain), " ") // none of the four contains a space

	keyID, err := strconv.ParseUint(parts[3], 10, 8)
	if err != nil {
		return MailLink{}, fmt.Errorf("open link: %w", err)
	}

	return MailLink{purpose: purpose, address: parts[0], row: parts[1], secret: parts[2], keyID: uint8(keyID)}, nil
}

// digest returns nil for the zero value.
func (l MailLink) digest(c *Codes) []byte {
	kind, _ := linkOf(l.purpose)

	return c.digest(l.keyID, kind, l.subject(), l.secret)
}

// HoldsMailLink reports whether RedeemMailLink would succeed at this moment, and uses nothing up. The zero value costs
// the same, and never holds.
func (c *Codes) HoldsMailLink(ctx context.Context, tx db.DBTX, link MailLink) (bool, error) {
	kind, _ := linkOf(link.purpose)

	holds, err := db.New(tx).CodeHolds(ctx, db.CodeHoldsParams{
		Purpose: kind.Name, Subject: link.subject(), Digest: link.digest(c), Now: c.now(),
	})
	if err != nil {
		return false, fmt.Errorf("look for link: %w", err)
	}

	return holds, nil
}

// RedeemMailLink uses the link up, in the transaction of what it allows, and ends the code and the other links of the
// purpose and the address. Of several concurrent callers one succeeds; the others get ErrInvalid.
func (c *Codes) RedeemMailLink(ctx context.Context, tx db.DBTX, link MailLink) error {
	kind, _ := linkOf(link.purpose)
	queries := db.New(tx)

	// The code first: another transaction that issues a code and a link has that row locked. What it commits ends, too.
	if err := queries.CodeEnd(ctx, db.CodeEndParams{Purpose: link.purpose.Name, Subject: link.address}); err != nil {
		return fmt.Errorf("end code: %w", err)
	}

	rows, err := queries.CodeRedeem(ctx, db.CodeRedeemParams{
		Purpose: kind.Name, Subject: link.subject(), Digest: link.digest(c), Now: c.now(),
	})
	if err != nil {
		return fmt.Errorf("redeem link: %w", err)
	}

	if rows != 1 {
		return ErrInvalid
	}

	return c.endLinks(ctx, tx, link.purpose, link.address)
}

// endLinks ends the links beside the codes of a purpose; there may be none.
func (c *Codes) endLinks(ctx context.Context, tx db.DBTX, purpose Purpose, address string) error {
	kind, there := linkOf(purpose)
	if !there {
		return nil
	}

	if err := db.New(tx).CodeLinkEnd(ctx, db.CodeLinkEndParams{Purpose: kind.Name, Address: address, Now: c.now()}); err != nil {
		return fmt.Errorf("end links: %w", err)
	}

	return nil
}
