// Package timeline shows why a user cannot sign in: the current reasons, and the history from the audit log and the
// sent messages. It changes nothing.
package timeline

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Code names a reason.
type Code string

// The reasons.
const (
	Disabled       Code = "DISABLED"
	Deleted        Code = "DELETED"
	Wait           Code = "WAIT"
	NoGroup        Code = "NO_GROUP"
	NoPassword     Code = "NO_PASSWORD"
	DeliveryFailed Code = "DELIVERY_FAILED"
	SendLimit      Code = "SEND_LIMIT"   // no further code is sent for a purpose
	BudgetSpent    Code = "BUDGET_SPENT" // a day's budget over all accounts is spent
)

// Reason is one reason why the user cannot sign in.
type Reason struct {
	Code   Code
	Factor string    // with Wait; the purpose with SendLimit, and the budget with BudgetSpent
	Until  time.Time // with these three
}

// Item is one entry: an event or a message.
type Item struct {
	At       time.Time
	Event    *audit.Entry
	Delivery *delivery.LogEntry
}

// Position is where a page ended, in each of the two logs.
type Position struct {
	Event    *audit.Position
	Delivery *delivery.Position
}

// Timeline is one page of an account's timeline.
type Timeline struct {
	Reasons []Reason
	Entries []Item    // newest first
	Next    *Position // nil if this is the last
}

// Deps are the dependencies of Timelines.
type Deps struct {
	DB         *postgres.DB
	Accounts   *administration.Administration
	Challenges *challenge.Challenges
	Events     *audit.Reader
	Messages   *delivery.Log
	Now        func() time.Time
}

// Timelines reads the timelines of accounts.
type Timelines struct{ Deps }

// New returns Timelines.
func New(d Deps) *Timelines { return &Timelines{Deps: d} }

// Of returns a page of an account's timeline, or account.ErrNotFound. Without the right to read the audit log it has the
// reasons only: entries show who did what, from which address and with which device.
func (t *Timelines) Of(ctx context.Context, rights authority.Rights, accountID string, after Position, limit int32) (Timeline, error) {
	found, err := t.Accounts.Get(ctx, accountID)
	if err != nil {
		return Timeline{}, err
	}

	recipients := []string{found.Email}
	if found.Phone != "" {
		recipients = append(recipients, found.Phone)
	}

	var timeline Timeline

	if rights.Has(authority.AuditRead) {
		if timeline, err = t.history(ctx, accountID, recipients, after, limit); err != nil {
			return Timeline{}, err
		}
	}

	timeline.Reasons, err = t.reasons(ctx, found, recipients)

	return timeline, err
}

// history returns a page of the entries.
func (t *Timelines) history(ctx context.Context, accountID string, recipients []string, after Position, limit int32) (Timeline, error) {
	events, err := t.Events.Find(ctx, audit.Search{AccountID: accountID, Before: after.Event, Limit: limit + 1})
	if err != nil {
		return Timeline{}, err
	}

	messages, err := t.Messages.Find(ctx, delivery.Search{Recipients: recipients, Before: after.Delivery, Limit: limit + 1})
	if err != nil {
		return Timeline{}, err
	}

	return merge(events.Items, messages.Items, after, int(limit)), nil
}

// merge returns the newest of both, as many as a page holds.
func merge(events []audit.Entry, messages []delivery.LogEntry, after Position, limit int) Timeline {
	var timeline Timeline

	for len(events)+len(messages) > 0 {
		if len(timeline.Entries) == limit {
			timeline.Next = &after

			break
		}

		if len(messages) == 0 || len(events) > 0 && !events[0].At.Before(messages[0].CreatedAt) {
			timeline.Entries = append(timeline.Entries, Item{At: events[0].At, Event: &events[0]})
			after.Event = &audit.Position{At: events[0].At, ID: events[0].ID}
			events = events[1:]

			continue
		}

		timeline.Entries = append(timeline.Entries, Item{At: messages[0].CreatedAt, Delivery: &messages[0]})
		after.Delivery = &delivery.Position{At: messages[0].CreatedAt, ID: messages[0].ID}
		messages = messages[1:]
	}

	return timeline
}

// reasons returns the reasons in the order in which a sign-in meets them.
func (t *Timelines) reasons(ctx context.Context, found administration.Details, recipients []string) ([]Reason, error) {
	var reasons []Reason

	switch found.Status {
	case account.Active:
	case account.Deleted:
		reasons = append(reasons, Reason{Code: Deleted})
	default:
		reasons = append(reasons, Reason{Code: Disabled})
	}

	waits, err := t.waits(ctx, found, recipients)
	if err != nil {
		return nil, err
	}

	reasons = append(reasons, waits...)

	if found.Factors.Password == "" {
		reasons = append(reasons, Reason{Code: NoPassword})
	}

	if found.MemberGroup == group.None {
		reasons = append(reasons, Reason{Code: NoGroup})
	}

	last, err := t.Messages.Find(ctx, delivery.Search{Recipients: recipients, Limit: 1})
	if err != nil {
		return nil, err
	}

	if len(last.Items) == 1 && last.Items[0].Failed() {
		reasons = append(reasons, Reason{Code: DeliveryFailed})
	}

	return reasons, nil
}

// mostWaits is how many waits are shown: the document allows 16 reasons.
const mostWaits = 12

// waits returns what makes the user, or those who ask in the user's name, wait: failures, codes that were sent, and the
// budgets over all accounts.
func (t *Timelines) waits(ctx context.Context, found administration.Details, recipients []string) (reasons []Reason, err error) {
	err = t.DB.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		reasons = nil

		failures, err := throttle.Waits(ctx, conn, t.Now(), administration.WaitNames(found.ID, found.Email)...)
		if err != nil {
			return err
		}

		for _, wait := range failures {
			// One user may wait at several places; the longest wait of each factor is shown.
			i := slices.IndexFunc(reasons, func(r Reason) bool { return r.Factor == wait.Factor })
			if i < 0 {
				reasons = append(reasons, Reason{Code: Wait, Factor: wait.Factor, Until: wait.Until})
			} else if wait.Until.After(reasons[i].Until) {
				reasons[i].Until = wait.Until
			}
		}

		sends, budgets, err := t.Challenges.Pauses(ctx, conn, recipients...)

		for _, pause := range sends {
			reasons = append(reasons, Reason{Code: SendLimit, Factor: pause.Name, Until: pause.Until})
		}

		for _, pause := range budgets {
			reasons = append(reasons, Reason{Code: BudgetSpent, Factor: pause.Name, Until: pause.Until})
		}

		return err
	})

	return reasons[:min(len(reasons), mostWaits)], err
}
