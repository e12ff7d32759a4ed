// Package challenge lets users prove that they control a destination: it sends a one-time code there, limits how often,
// and verifies the code that comes back. It never decides what the proof allows.
package challenge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Kind is a code's purpose, and the message that carries it.
type Kind struct {
	purpose code.Purpose
	channel delivery.Channel
	message delivery.Kind
	owned   bool // requested by a signed-in user: the code is valid for that account only
}

// The kinds.
var (
	Registration = Kind{code.Registration, delivery.Mail, delivery.RegistrationCode, false}
	Reset        = Kind{code.Reset, delivery.Mail, delivery.ResetCode, false}
	SignIn       = Kind{code.SignIn, delivery.SMS, delivery.SignInCode, false}
	Phone        = Kind{code.Phone, delivery.SMS, delivery.PhoneCode, true}
	Email        = Kind{code.Email, delivery.Mail, delivery.EmailCode, true}
)

// subject is what a code is bound to.
func (k Kind) subject(accountID, to string) string {
	if k.owned {
		return accountID + " " + to
	}

	return to
}

// Limits are how often codes are sent.
type Limits struct {
	Cooldown time.Duration // between two codes to one destination for one purpose
	PerHour  int32         // to one destination for one purpose
	PerDay   int32         // the same in a day
	Network  int32         // requested by one client address, or /64, in an hour
	SMSDay   int32         // text messages in a day, to all numbers: each costs money

	Administrator throttle.Limit // what one administrator sends to others; none if it is zero
}

// Deps are the dependencies of Challenges.
type Deps struct {
	DB       *postgres.DB
	Codes    *code.Codes
	Queue    *delivery.Queue
	Failures *throttle.Failures
	Limits   Limits
	SMSSpent func() // called once a day, when the last of Limits.SMSDay is used, to alert an administrator
	Now      func() time.Time
}

// Challenges sends codes and verifies answers.
type Challenges struct {
	Deps
}

// New returns Challenges.
func New(d Deps) *Challenges {
	return &Challenges{Deps: d}
}

// Request asks for a code.
type Request struct {
	Kind  Kind
	To    string
	Actor authority.Actor // who asks: the signed-in owner, or an administrator for a user; the zero value for a stranger

	// Link makes the link to a page that the message has beside the code, in the same transaction; nil for none.
	Link func(ctx context.Context, tx db.DBTX) (string, error)
}

// accountID returns the account for which alone the code is valid; empty for any.
func (r Request) accountID() string {
	if r.Kind.owned {
		return r.Actor.AccountID
	}

	return ""
}

// Send sends a new code and voids the previous one. The work and the response are the same whether or not an account
// has the destination: the worker that sends decides what the destination receives.
func (c *Challenges) Send(ctx context.Context, r Request) error {
	id, last := delivery.NewID(), false
	kind, to := r.Kind, r.To

	err := c.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		if queued, err := c.Queue.Queued(ctx, tx, id); queued || err != nil {
			return err
		}

		if r.Actor != (authority.Actor{}) {
			if _, err := r.Actor.Confirm(ctx, tx, c.Now()); err != nil {
				return err
			}
		}

		if err := c.take(ctx, tx, kind, to, &last); err != nil {
			return err
		}

		if r.Actor.AccountID != "" && !kind.owned && c.Limits.Administrator.Max > 0 {
			if err := throttle.Consume(ctx, tx, c.Now(), c.Limits.Administrator, r.Actor.AccountID); err != nil {
				return err
			}
		}

		plain, expires, err := c.Codes.Issue(ctx, tx, kind.purpose, kind.subject(r.accountID(), to))
		if err != nil {
			return err
		}

		var page string
		if r.Link != nil {
			if page, err = r.Link(ctx, tx); err != nil {
				return err
			}
		}

		err = audit.Record(ctx, tx, c.Now(), audit.Event{
			Action: audit.CodeSent, AccountID: r.accountID(), Subject: to, Method: kind.purpose.Name,
		})
		if err != nil {
			return err
		}

		if r.Actor.AccountID != "" && !kind.owned {
			err = audit.Record(ctx, tx, c.Now(), audit.Event{
				Action: audit.CodeResent, ActorID: r.Actor.AccountID, Subject: to, Method: kind.purpose.Name,
			})
			if err != nil {
				return err
			}
		}

		return c.Queue.Enqueue(ctx, tx, id, delivery.Message{
			Kind: kind.message, Channel: kind.channel, To: to, Language: origin.From(ctx).Language,
			Content: delivery.Content{Code: plain, Link: page}, Expires: expires,
		})
	})
	if err == nil && last {
		c.SMSSpent()
	}

	return c.recordLimit(ctx, err, kind, r.accountID(), to)
}

// recordLimit records that a limit refused the destination, if err is that refusal.
func (c *Challenges) recordLimit(ctx context.Context, err error, kind Kind, accountID, to string) error {
	return throttle.RecordRefusal(ctx, c.DB, c.Now(), err, audit.Event{AccountID: accountID, Subject: to, Method: kind.purpose.Name})
}

// take counts one message against all limits, and sets last if it is the last text message of the day. Every sender
// locks in this order, the destination first.
func (c *Challenges) take(ctx context.Context, tx postgres.Tx, kind Kind, to string, last *bool) error {
	name := "send " + kind.purpose.Name

	uses := []throttle.Use{
		{Limit: throttle.Limit{Name: name + "/cooldown", Max: 1, Window: c.Limits.Cooldown}, Subject: to},
		{Limit: throttle.Limit{Name: name + "/hour", Max: c.Limits.PerHour, Window: time.Hour}, Subject: to},
		{Limit: throttle.Limit{Name: name + "/day", Max: c.Limits.PerDay, Window: 24 * time.Hour}, Subject: to},
		{Limit: throttle.Limit{Name: "send network/hour", Max: c.Limits.Network, Window: time.Hour}, Subject: origin.From(ctx).Network()},
	}

	if kind.channel == delivery.SMS {
		sent, err := costs(ctx, tx, kind, to)
		if err != nil {
			return err
		}

		limit := throttle.Limit{Name: "send sms/day", Max: c.Limits.SMSDay, Window: 24 * time.Hour}
		uses = append(uses, throttle.Use{Limit: limit, DryRun: !sent, Last: last})
	}

	return throttle.ConsumeAll(ctx, tx, c.Now(), uses...)
}

// costs reports whether a text message is really sent. A code to sign in goes only to phones of accounts. Otherwise
// requests for codes to made-up numbers, which cost the attacker nothing, could use up the day's budget of all users.
func costs(ctx context.Context, tx postgres.Tx, kind Kind, to string) (bool, error) {
	if kind.owned {
		return true, nil
	}

	status, err := db.New(tx).AccountStatusByPhone(ctx, &to)
	if err != nil && !postgres.IsNotFound(err) {
		return false, fmt.Errorf("look for the account: %w", err)
	}

	return status == string(account.Active), nil
}

// Proof is a right answer that has not been used yet.
type Proof struct {
	codes   *code.Codes
	ticket  code.Ticket
	attempt throttle.Attempt
}

// Answer verifies an answer, and returns code.ErrInvalid if it is wrong. The answer counts as a failure of the user, of
// the network, of the code and of the day, and this is committed before the comparison. accountID is the account with
// the destination; if it is empty, failures count for the destination.
func (c *Challenges) Answer(ctx context.Context, kind Kind, accountID, to, guess string) (Proof, error) {
	attempt, err := c.Failures.Begin(ctx, kind.purpose.Name, throttle.Person{AccountID: accountID, Name: to})
	if err != nil {
		return Proof{}, err
	}

	ticket, err := c.Codes.Attempt(ctx, kind.purpose, kind.subject(accountID, to), guess)
	if errors.Is(err, code.ErrInvalid) {
		return Proof{}, c.Refused(ctx, kind, accountID, to)
	} else if err != nil {
		return Proof{}, c.recordLimit(ctx, err, kind, accountID, to)
	}

	return Proof{codes: c.Codes, ticket: ticket, attempt: attempt}, nil
}

// Use uses the code up, in the transaction of what it allows. Of several concurrent callers one succeeds; the others
// get code.ErrInvalid. Call Done after the transaction.
func (p Proof) Use(ctx context.Context, tx db.DBTX) error {
	if err := p.codes.Redeem(ctx, tx, p.ticket); err != nil {
		return err
	}

	return p.attempt.Succeeded(ctx, tx)
}

// Keep is Use for a right answer that is not enough by itself: it counts no failure, and the code stays valid.
func (p Proof) Keep(ctx context.Context, tx db.DBTX) error { return p.attempt.Succeeded(ctx, tx) }

// Done refunds the guess to the day's budget of failed guesses. An error is ignored: the operation has succeeded, and a
// budget that is one too low for a day does no harm.
func (p Proof) Done(ctx context.Context) { _ = p.codes.Refund(ctx) }

// Refused records a wrong answer, or a right one that lost the race for its code, and returns code.ErrInvalid.
func (c *Challenges) Refused(ctx context.Context, kind Kind, accountID, to string) error {
	err := audit.RecordAlone(ctx, c.DB, c.Now(), audit.Event{
		Action: audit.CodeRefused, AccountID: accountID, Subject: to, Method: kind.purpose.Name,
	})
	if err != nil {
		return err
	}

	return code.ErrInvalid
}
