package challenge

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// LinkTo returns what makes the link beside a code, see Request.Link: the page's address with the token.
func (c *Challenges) LinkTo(page string, kind Kind, to string) func(ctx context.Context, tx db.DBTX) (string, error) {
	return func(ctx context.Context, tx db.DBTX) (string, error) {
		token, err := c.Codes.IssueMailLink(ctx, tx, kind.purpose, to)

		return page + "?token=" + token, err
	}
}

// OpenLink opens the token of a link. A token that this server did not make gives the zero value, which never holds:
// CheckLink and AnswerLink then cost the same.
func (c *Challenges) OpenLink(kind Kind, token string) code.MailLink {
	link, err := c.Codes.OpenMailLink(kind.purpose, token)
	if err != nil {
		return code.MailLink{}
	}

	return link
}

// CheckLink returns code.ErrInvalid if the link is not valid at this moment. It uses nothing up.
func (c *Challenges) CheckLink(ctx context.Context, link code.MailLink) error {
	holds, err := postgres.Get(ctx, c.DB, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
		return c.Codes.HoldsMailLink(ctx, conn, link)
	})
	if err == nil && !holds {
		return code.ErrInvalid
	}

	return err
}

// AnswerLink verifies a link that was sent in place of a code. A wrong one counts as a failure of the networks,
// as a wrong code does. Nothing else delays or refuses it: neither a user's waits, nor the guesses at the code, nor a
// day's budget. If what the link allows does not happen, call Unused.
func (c *Challenges) AnswerLink(ctx context.Context, a Answer, link code.MailLink) (Proof, error) {
	place, err := c.Devices.Place(ctx, a.AccountID)
	if err != nil {
		return Proof{}, err
	}

	attempt, err := c.Failures.BeginNetwork(ctx, a.Kind.purpose.Name, throttle.Person{AccountID: a.AccountID, Name: a.To, Place: place})
	if err != nil {
		return Proof{}, err
	}

	err = c.CheckLink(ctx, link)
	if errors.Is(err, code.ErrInvalid) {
		return Proof{}, c.Refused(ctx, a)
	} else if err != nil {
		return Proof{}, err
	}

	return Proof{codes: c.Codes, link: &link, ticket: code.Ticket{Guess: code.Guess{Place: place}}, attempt: attempt}, nil
}

// Unused counts no failure for a right answer that is not used now, and that stays valid. An error is ignored: a network
// with one failure too many for an hour does no harm.
func (c *Challenges) Unused(ctx context.Context, proof Proof) {
	_ = c.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		if proof.link == nil {
			if err := c.Codes.Return(ctx, conn, proof.ticket); err != nil {
				return err
			}
		}

		return proof.Keep(ctx, conn)
	})
}
