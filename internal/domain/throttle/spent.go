package throttle

import (
	"context"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
)

// Standing is how much of a limit a subject has used in the current window.
type Standing struct {
	Use

	Used int32
	Ends time.Time // of the window
}

// Spent reports whether one more use is refused.
func (s Standing) Spent() bool { return s.Used >= s.Limit.Max }

// Standings returns how the uses stand; without those whose window has not begun.
func Standings(ctx context.Context, tx db.DBTX, now time.Time, uses ...Use) ([]Standing, error) {
	rows, err := db.New(tx).ThrottleFind(ctx, db.ThrottleFindParams{Keys: keysOf(uses), Now: now})
	if err != nil {
		return nil, fmt.Errorf("look up limits: %w", err)
	}

	byKey := map[string]db.Throttle{}
	for _, row := range rows {
		byKey[row.Key] = row
	}

	var standings []Standing

	for _, use := range uses {
		if row, there := byKey[key(use.Limit, use.Subject)]; there {
			standings = append(standings, Standing{Use: use, Used: row.Count, Ends: row.EndsAt})
		}
	}

	return standings, nil
}

// Lift forgets how much of the limits is used.
func Lift(ctx context.Context, tx db.DBTX, uses ...Use) error {
	if err := db.New(tx).ThrottleForget(ctx, keysOf(uses)); err != nil {
		return fmt.Errorf("lift limits: %w", err)
	}

	return nil
}

// LiftBudget forgets how much of a budget is used, and of every network's share of it.
func LiftBudget(ctx context.Context, tx db.DBTX, total Use) error {
	err := db.New(tx).ThrottleForgetBudget(ctx, db.ThrottleForgetBudgetParams{
		Key: key(total.Limit, total.Subject), Shares: shareName(total.Limit.Name) + " ",
	})
	if err != nil {
		return fmt.Errorf("lift a budget: %w", err)
	}

	return nil
}

func keysOf(uses []Use) []string {
	keys := make([]string, len(uses))
	for i, use := range uses {
		keys[i] = key(use.Limit, use.Subject)
	}

	return keys
}
