package challenge

import (
	"context"
	"errors"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// Answer is an answer to a challenge.
type Answer struct {
	Kind         Kind
	AccountID    string // the account that has the destination, or whose user is signed in; empty if there is none
	OpensAccount bool   // a right answer lets its sender into the account
	SessionID    string // of a user who is signed in; empty if none is
	To           string
	Text         string
}

// Proof is a right answer that has not been used yet.
type Proof struct {
	codes   *code.Codes
	ticket  code.Ticket
	link    *code.MailLink // in place of the ticket's code, of AnswerLink
	attempt throttle.Attempt
}

// Answer verifies an answer, and returns code.ErrInvalid if it is wrong. The answer counts as a failure of the networks,
// of the code and of the day, and this is committed before the comparison. An answer that signs in, or that a signed-in
// user sends, counts as a failure of the user at this place, too; one that resets or registers does not, or strangers
// could delay the user.
func (c *Challenges) Answer(ctx context.Context, a Answer) (Proof, error) {
	place := device.InSession(a.SessionID)
	if a.SessionID == "" {
		var err error
		if place, err = c.Devices.Place(ctx, a.AccountID); err != nil {
			return Proof{}, err
		}
	}

	begin := c.Failures.BeginNetwork
	if a.Kind.waits {
		begin = c.Failures.Begin
	}

	attempt, err := begin(ctx, a.Kind.purpose.Name, throttle.Person{AccountID: a.AccountID, Name: a.To, SessionID: a.SessionID, Place: place})
	if err != nil {
		return Proof{}, err
	}

	subject := a.To
	if a.Kind.owned {
		subject = a.Kind.subject(a.AccountID, a.To)
	}

	ticket, err := c.Codes.Attempt(ctx, code.Guess{
		Purpose: a.Kind.purpose, Subject: subject, Text: a.Text, Place: place, OpensAccount: a.OpensAccount,
	})
	if errors.Is(err, code.ErrInvalid) {
		return Proof{}, c.Refused(ctx, a)
	} else if err != nil {
		return Proof{}, c.recordLimit(ctx, err, a.Kind, a.AccountID, a.To)
	}

	return Proof{codes: c.Codes, ticket: ticket, attempt: attempt}, nil
}

// Place is where the answer came from.
func (p Proof) Place() device.Place { return p.ticket.Place }

// Use uses the code or the link up, in the transaction of what it allows. Of several concurrent callers one succeeds; the others
// get code.ErrInvalid. Call Finish after the transaction.
func (p Proof) Use(ctx context.Context, tx db.DBTX) error {
	redeem := func() error { return p.codes.Redeem(ctx, tx, p.ticket) }
	if p.link != nil {
		redeem = func() error { return p.codes.RedeemMailLink(ctx, tx, *p.link) }
	}

	if err := redeem(); err != nil {
		return err
	}

	return p.attempt.Succeeded(ctx, tx)
}

// Keep is Use for a right answer that is not enough by itself: it counts no failure, and the code stays valid.
func (p Proof) Keep(ctx context.Context, tx db.DBTX) error { return p.attempt.Succeeded(ctx, tx) }

// Finish ends the use of a right answer, with the error of the transaction of Use. If it succeeded, the guess does not count
// against the day's budget. After an outage nothing counts: the caller repeats the request with the same code, perhaps more
// often than a code may be guessed. An error is ignored: a budget that is one too low for a day does no harm.
func (c *Challenges) Finish(ctx context.Context, proof Proof, err error) {
	outage := errors.Is(err, problem.ErrUnavailable)
	if outage {
		ctx = postgres.WithRetryBudget(context.WithoutCancel(ctx), returnBudget)
		c.Unused(ctx, proof)
	}

	if err == nil || outage {
		_ = proof.codes.Refund(ctx, proof.ticket)
	}
}

// returnBudget is how long giving a guess back may wait for the database, before the response of an outage.
const returnBudget = 500 * time.Millisecond

// Refused records a wrong answer, or a right one that lost the race for its code, and returns code.ErrInvalid.
func (c *Challenges) Refused(ctx context.Context, a Answer) error {
	err := audit.RecordAlone(ctx, c.DB, c.Now(), audit.Event{
		Action: audit.CodeRefused, AccountID: a.AccountID, Subject: a.To, Method: a.Kind.purpose.Name,
	})
	if err != nil {
		return err
	}

	return code.ErrInvalid
}
