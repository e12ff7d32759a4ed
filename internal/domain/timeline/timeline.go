// Package timeline shows why a user cannot sign in: the current reasons, and the history from the audit log and the
// sent messages. It changes nothing.
package timeline

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
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
)

// Reason is one reason why the user cannot sign in.
type Reason struct {
	Code   Code
	Factor string    // with Wait
	Until  time.Time // with Wait
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
	DB       *postgres.DB
	Accounts *administration.Administration
	Events   *audit.Reader
	Messages *delivery.Log
	Now      func() time.Time
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

	waits, err := postgres.Get(ctx, t.DB, func(ctx context.Context, conn *pgxpool.Conn) ([]throttle.Wait, error) {
		return throttle.Waits(ctx, conn, t.Now(), administration.WaitFactors, administration.WaitNames(found.ID, found.Email)...)
	})
	if err != nil {
		return nil, err
	}

	for _, wait := range waits {
		reasons = append(reasons, Reason{Code: Wait, Factor: wait.Factor, Until: wait.Until})
	}

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
