package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
)

// The commands about the daily budgets over all accounts.
type (
	limitsCommand struct {
		List limitsListCommand `cmd:"" default:"1" help:"List the daily budgets, and how much of each is spent. Needs DATABASE_URL and MASTER_KEY."`
		Lift limitsLiftCommand `cmd:"" help:"Forget what is spent of a budget, and of every network's share of it."`
	}
	limitsListCommand struct{}
	limitsLiftCommand struct {
		Budget string `arg:"" help:"The name of the budget, as in the list."`
	}
)

// Run lists the budgets.
func (limitsListCommand) Run(ctx context.Context, i invocation) error {
	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		balances, err := a.Challenges.Balances(ctx)
		if err != nil {
			return err
		}

		table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "BUDGET\tSPENT\tOF\tUNTIL")

		for _, one := range balances {
			until := "-"
			if !one.Ends.IsZero() {
				until = one.Ends.UTC().Format(time.RFC3339)
			}

			fmt.Fprintf(table, "%s\t%d\t%d\t%s\n", one.Name, one.Used, one.Max, until)
		}

		return table.Flush()
	})
}

// Run lifts a budget.
func (command limitsLiftCommand) Run(ctx context.Context, i invocation) error {
	return i.operate(ctx, func(ctx context.Context, a *app.App) error {
		err := a.Challenges.LiftBudget(ctx, authority.Operator(), command.Budget)
		if errors.Is(err, challenge.ErrNoBudget) {
			return withBudgets(ctx, a, err)
		} else if err != nil {
			return err
		}

		fmt.Printf("nothing is spent of %q\n", command.Budget)

		return nil
	})
}

// withBudgets adds the names of the budgets to the refusal of an unknown one.
func withBudgets(ctx context.Context, a *app.App, refusal error) error {
	balances, err := a.Challenges.Balances(ctx)
	if err != nil {
		return refusal
	}

	names := make([]string, len(balances))
	for i, one := range balances {
		names[i] = fmt.Sprintf("%q", one.Name)
	}

	return fmt.Errorf("%w; the budgets are %s", refusal, strings.Join(names, ", "))
}
