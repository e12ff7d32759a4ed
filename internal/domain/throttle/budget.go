package throttle

import (
	"context"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
)

// budgetWindow is how long a budget lasts.
const budgetWindow = 24 * time.Hour

// NetworkShare is the usual Budget.Share.
const NetworkShare = 100

// Budget is a number of uses in a day over all accounts. A device or a session of the account spends nothing of it, and
// still works when it is spent.
type Budget struct {
	Name  string
	Max   int32
	Share int32                              // one network, at its widest, may spend one part in Share: no stranger turns off for everybody what is limited
	Alarm func(ctx context.Context, a Alarm) // called when half of it is spent, and when all of it is; may be nil
}

// Alarm says how much of a budget is spent.
type Alarm struct {
	Budget    string
	Used, Max int32
}

// Spending is a use of a budget that is to be reported after its transaction.
type Spending struct {
	budget Budget
	count  *int32
}

// Uses returns one use of the budget, by the network of the request and then by all; none for a device or a session of
// the account. A dry run costs the same and is refused alike, but spends nothing.
func (b Budget) Uses(ctx context.Context, place device.Place, dryRun bool) ([]Use, Spending) {
	spending := Spending{budget: b, count: new(int32)}
	if place.Owned() {
		return nil, spending
	}

	share := Limit{Name: shareName(b.Name), Max: max(1, b.Max/b.Share), Window: budgetWindow}

	return []Use{
		{Limit: share, Subject: origin.From(ctx).Widest(), DryRun: dryRun},
		{Limit: b.limit(), DryRun: dryRun, Count: spending.count},
	}, spending
}

// shareName is the name of the limit of each network.
func shareName(budget string) string { return budget + "/network" }

// Total returns a use of the budget by all.
func (b Budget) Total() Use { return Use{Limit: b.limit()} }

func (b Budget) limit() Limit { return Limit{Name: b.Name, Max: b.Max, Window: budgetWindow} }

// Report raises the alarm if the use was the one that spent half of the budget, or the last of it.
func (s Spending) Report(ctx context.Context) {
	if s.count == nil || s.budget.Alarm == nil {
		return
	}

	if used := *s.count; used > 0 && (used == s.budget.Max || used == (s.budget.Max+1)/2) {
		s.budget.Alarm(ctx, Alarm{Budget: s.budget.Name, Used: used, Max: s.budget.Max})
	}
}

// Refunds returns what to refund for a use that was none, such as a right guess.
func (b Budget) Refunds(ctx context.Context, place device.Place) []Use {
	uses, _ := b.Uses(ctx, place, false)

	return uses
}
