package challenge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// kinds are all kinds of challenges.
var kinds = []Kind{Registration, Reset, SignIn, SignInMail, Phone, Email}

// Pause is a limit that is spent until a moment.
type Pause struct {
	Name  string // of the code's purpose, or of the budget
	Until time.Time
}

// Pauses returns the purposes for which strangers get no further code sent to the destinations, each with its longest
// wait, and the budgets over all accounts that are spent.
func (c *Challenges) Pauses(ctx context.Context, tx db.DBTX, destinations ...string) (sends, budgets []Pause, err error) {
	for _, kind := range kinds {
		var uses []throttle.Use
		for _, to := range destinations {
			uses = append(uses, c.destinationUses(kind, to, device.Strangers)...)
		}

		standings, err := throttle.Standings(ctx, tx, c.Now(), uses...)
		if err != nil {
			return nil, nil, fmt.Errorf("limits of %s: %w", kind.purpose.Name, err)
		}

		pause := Pause{Name: kind.purpose.Name}
		for _, standing := range standings {
			if standing.Spent() && standing.Ends.After(pause.Until) {
				pause.Until = standing.Ends
			}
		}

		if !pause.Until.IsZero() {
			sends = append(sends, pause)
		}
	}

	standings, err := throttle.Standings(ctx, tx, c.Now(), c.budgetUses()...)
	for _, standing := range standings {
		if standing.Spent() {
			budgets = append(budgets, Pause{Name: standing.Limit.Name, Until: standing.Ends})
		}
	}

	return sends, budgets, err
}

// budgetUses returns a use of each budget over all accounts.
func (c *Challenges) budgetUses() []throttle.Use {
	budgets := []throttle.Budget{{Name: MailBudget, Max: c.Limits.MailDay}, {Name: SMSBudget, Max: c.Limits.SMSDay}}

	for _, kind := range kinds {
		if budget, limited := c.Codes.BudgetOf(kind.purpose); limited {
			budgets = append(budgets, budget)
		}
	}

	budgets = append(budgets, c.Budgets...)

	uses := make([]throttle.Use, len(budgets))
	for i, budget := range budgets {
		uses[i] = budget.Total()
	}

	return uses
}

// Balance is how much of a budget over all accounts is spent.
type Balance struct {
	Name      string
	Used, Max int32
	Ends      time.Time // of the day that began with its first use; zero if nothing is spent
}

// ErrNoBudget is returned for a name that no budget has.
var ErrNoBudget = errors.New("there is no such budget")

// Balances returns how the budgets over all accounts stand.
func (c *Challenges) Balances(ctx context.Context) ([]Balance, error) {
	uses := c.budgetUses()

	standings, err := postgres.Get(ctx, c.DB, func(ctx context.Context, conn *pgxpool.Conn) ([]throttle.Standing, error) {
		return throttle.Standings(ctx, conn, c.Now(), uses...)
	})
	if err != nil {
		return nil, err
	}

	balances := make([]Balance, len(uses))

	for i, use := range uses {
		balances[i] = Balance{Name: use.Limit.Name, Max: use.Limit.Max}

		for _, standing := range standings {
			if standing.Limit.Name == use.Limit.Name {
				balances[i].Used, balances[i].Ends = standing.Used, standing.Ends
			}
		}
	}

	return balances, nil
}

// LiftBudget forgets what is spent of a budget over all accounts, and of every network's share of it. It returns
// ErrNoBudget for another name.
func (c *Challenges) LiftBudget(ctx context.Context, actor authority.Actor, name string) error {
	uses := c.budgetUses()

	i := slices.IndexFunc(uses, func(use throttle.Use) bool { return use.Limit.Name == name })
	if i < 0 {
		return ErrNoBudget
	}

	event := audit.Event{Action: audit.WaitLifted, ActorID: actor.AccountID, Subject: name}

	return authority.Recorded(ctx, c.DB, c.Now(), actor, &event, func(ctx context.Context, tx postgres.Tx, _ authority.Rights) error {
		return throttle.LiftBudget(ctx, tx, uses[i])
	})
}

// HeldLimits returns the limits of sending that a destination, a network or an account can use up for longer than the time
// between two codes.
func (c *Challenges) HeldLimits() (limits []throttle.Limit, networks []throttle.NetworkLimit) {
	for _, kind := range kinds {
		limits = append(limits, c.destinationLimits(kind)[1:]...)
	}

	limits = append(limits, c.newPhones())
	if c.Limits.Administrator.Max > 0 {
		limits = append(limits, c.Limits.Administrator)
	}

	return limits, []throttle.NetworkLimit{c.networkSends()}
}

// Lift forgets how many codes the destinations have received, from strangers and from the account's devices: the next
// is sent at once.
func Lift(ctx context.Context, tx db.DBTX, accountID string, destinations ...string) error {
	ids, err := db.New(tx).DeviceIDs(ctx, accountID)
	if err != nil {
		return fmt.Errorf("list devices: %w", err)
	}

	places := []device.Place{device.Strangers}
	for _, id := range ids {
		places = append(places, device.Known(id))
	}

	var (
		none Challenges // the numbers of the limits do not matter
		uses []throttle.Use
	)

	for _, kind := range kinds {
		for _, to := range destinations {
			for _, place := range places {
				uses = append(uses, none.destinationUses(kind, to, place)...)
			}
		}
	}

	return throttle.Lift(ctx, tx, uses...)
}
