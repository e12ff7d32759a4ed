// Package challenge lets users prove that they control a destination: it sends a one-time code there, limits how often,
// and verifies the code that comes back. It never decides what the proof allows.
package challenge

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// Kind is a code's purpose, and the message that carries it.
type Kind struct {
	purpose code.Purpose
	channel delivery.Channel
	message delivery.Kind
	owned   bool // requested by a signed-in user: the code is valid for that account only
	waits   bool // wrong answers delay the user at the place where they come from
}

// The kinds.
var (
	Registration = Kind{code.Registration, delivery.Mail, delivery.RegistrationCode, false, false}
	Reset        = Kind{code.Reset, delivery.Mail, delivery.ResetCode, false, false}
	SignIn       = Kind{code.SignIn, delivery.SMS, delivery.SignInCode, false, true}
	SignInMail   = Kind{code.SignInMail, delivery.Mail, delivery.SignInMailCode, false, true}
	Phone        = Kind{code.Phone, delivery.SMS, delivery.PhoneCode, true, true}
	Email        = Kind{code.Email, delivery.Mail, delivery.EmailCode, true, true}
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
	Cooldown  time.Duration // between two codes to one destination for one purpose
	PerHour   int32         // to one destination for one purpose
	PerDay    int32         // the same in a day
	Network   int32         // requested by one client address, or /64, in an hour; its wider networks have a multiple
	NewPhones int32         // numbers that an account asks to bind in a day
	Share     int32         // see throttle.Budget
	MailDay   int32         // mails with codes in a day, to all addresses
	SMSDay    int32         // text messages in a day, to all numbers: each costs money
	Countries []string      // the beginnings of the numbers that receive text messages, for example +86

	Administrator throttle.Limit // what one administrator sends to others; none if it is zero
}

// The names of the limits over all accounts.
const (
	MailBudget = "send mail/day"
	SMSBudget  = "send sms/day"
)

// ErrPhoneNotAllowed is returned for a number in a country to which no text messages are sent.
var ErrPhoneNotAllowed = problem.New(problem.Invalid, "PHONE_NOT_ALLOWED")

// Deps are the dependencies of Challenges.
type Deps struct {
	DB       *postgres.DB
	Codes    *code.Codes
	Queue    *delivery.Queue
	Failures *throttle.Failures
	Devices  *device.Devices
	Limits   Limits
	Budgets  []throttle.Budget                           // further budgets over all accounts, for Balances and LiftBudget
	Alarm    func(ctx context.Context, a throttle.Alarm) // called when half of a day's messages is sent, and when all are
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
	kind, to := r.Kind, r.To

	if kind.channel == delivery.SMS && !slices.ContainsFunc(c.Limits.Countries, func(country string) bool { return strings.HasPrefix(to, country) }) {
		return ErrPhoneNotAllowed
	}

	id := delivery.NewID()

	var spending throttle.Spending

	err := c.DB.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		if queued, err := c.Queue.Queued(ctx, tx, id); queued || err != nil {
			return err
		}

		if r.Actor != (authority.Actor{}) {
			if _, err := r.Actor.Confirm(ctx, tx, c.Now()); err != nil {
				return err
			}
		}

		var err error
		if spending, err = c.take(ctx, tx, r); err != nil {
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
	if err == nil {
		spending.Report(ctx)
	}

	return c.recordLimit(ctx, err, kind, r.accountID(), to)
}

// recordLimit records that a limit refused the destination, if err is that refusal.
func (c *Challenges) recordLimit(ctx context.Context, err error, kind Kind, accountID, to string) error {
	return throttle.RecordRefusal(ctx, c.DB, c.Now(), err, audit.Event{AccountID: accountID, Subject: to, Method: kind.purpose.Name})
}

// take counts one message against all limits. Every sender locks in this order, the destination first. A device or a
// session of the account, and administrators, have an allowance of their own at the destination: strangers cannot spend it.
func (c *Challenges) take(ctx context.Context, tx postgres.Tx, r Request) (throttle.Spending, error) {
	place, sent, err := c.addressee(ctx, tx, r)
	if err != nil {
		return throttle.Spending{}, err
	}

	uses := c.destinationUses(r.Kind, r.To, place)
	uses = append(uses, c.networkSends().Uses(ctx, place)...)

	budget := throttle.Budget{Name: MailBudget, Max: c.Limits.MailDay, Share: c.Limits.Share, Alarm: c.Alarm}
	if r.Kind.channel == delivery.SMS {
		budget = throttle.Budget{Name: SMSBudget, Max: c.Limits.SMSDay, Share: c.Limits.Share, Alarm: c.Alarm}
	}

	ofBudget, spending := budget.Uses(ctx, place, !sent)

	if r.Kind == Phone {
		if err := c.takeNewPhone(ctx, tx, r); err != nil {
			return spending, err
		}
	}

	return spending, throttle.ConsumeAll(ctx, tx, c.Now(), append(uses, ofBudget...)...)
}

func (c *Challenges) networkSends() throttle.NetworkLimit {
	return throttle.NetworkLimit{Name: "send network/hour", Most: c.Limits.Network, Window: time.Hour}
}

func (c *Challenges) newPhones() throttle.Limit {
	return throttle.Limit{Name: "new phones/day", Max: c.Limits.NewPhones, Window: 24 * time.Hour}
}

func (c *Challenges) destinationUses(kind Kind, to string, place device.Place) []throttle.Use {
	var uses []throttle.Use

	for _, limit := range c.destinationLimits(kind) {
		uses = append(uses, throttle.Use{Limit: limit, Subject: allowance(to, place)})
	}

	return uses
}

func (c *Challenges) destinationLimits(kind Kind) []throttle.Limit {
	name := "send " + kind.purpose.Name

	return []throttle.Limit{
		{Name: name + "/cooldown", Max: 1, Window: c.Limits.Cooldown},
		{Name: name + "/hour", Max: c.Limits.PerHour, Window: time.Hour},
		{Name: name + "/day", Max: c.Limits.PerDay, Window: 24 * time.Hour},
	}
}

// allowance returns the subject of the limits of a destination. All addresses of one mailbox, which differ in what
// follows a plus, are one.
func allowance(to string, place device.Place) string {
	if local, domain, mail := strings.Cut(to, "@"); mail {
		local, _, _ = strings.Cut(local, "+")
		to = local + "@" + domain
	}

	if place.Owned() {
		return to + " " + place.String()
	}

	return to
}

// takeNewPhone limits how many numbers an account tries in a day. A number that it has tried today is not new.
func (c *Challenges) takeNewPhone(ctx context.Context, tx postgres.Tx, r Request) error {
	var tried int32

	number := throttle.Use{
		Limit:   throttle.Limit{Name: "phone tried", Max: math.MaxInt32, Window: 24 * time.Hour},
		Subject: r.Actor.AccountID + " " + r.To, Count: &tried,
	}
	if err := throttle.ConsumeAll(ctx, tx, c.Now(), number); err != nil || tried > 1 {
		return err
	}

	return throttle.Consume(ctx, tx, c.Now(), c.newPhones(), r.Actor.AccountID)
}

// addressee returns where the request stands towards the account of the destination, and whether a message is really
// sent. A code to sign in or to reset goes only to accounts. Otherwise requests for codes to made-up destinations, which
// cost the attacker nothing, could use up the day's budget of all users.
func (c *Challenges) addressee(ctx context.Context, tx postgres.Tx, r Request) (device.Place, bool, error) {
	switch {
	case r.Kind.owned:
		return device.Strangers, true, nil // the destination is not the account's yet, and may be a stranger's
	case r.Actor != (authority.Actor{}):
		return device.OfAdministrator(r.Actor.AccountID), true, nil
	}

	var (
		accountID, status string
		err               error
	)

	if r.Kind.channel == delivery.SMS {
		var row db.AccountByPhoneRow
		row, err = db.New(tx).AccountByPhone(ctx, &r.To)
		accountID, status = row.ID, row.Status
	} else {
		var row db.AccountCredentialsRow
		row, err = db.New(tx).AccountCredentials(ctx, r.To)
		accountID, status = row.ID, row.Status
	}

	if err != nil && !postgres.IsNotFound(err) {
		return device.Place{}, false, fmt.Errorf("look for the account: %w", err)
	}

	place, err := c.Devices.PlaceIn(ctx, tx, accountID)

	return place, r.Kind == Registration || status == string(account.Active), err
}
