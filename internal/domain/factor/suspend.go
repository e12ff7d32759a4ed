package factor

import (
	"context"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// RecentlyBound is how long before a password reset a factor must have been bound so that the reset leaves it alone. A
// younger factor may be that of the attacker who made the reset necessary.
const RecentlyBound = 7 * 24 * time.Hour

// Suspend suspends the factors that were bound less than RecentlyBound ago, but for the phone, which is a column of the
// account. A suspended factor opens nothing by itself.
func Suspend(ctx context.Context, tx postgres.Tx, accountID string, now time.Time) error {
	err := db.New(tx).FactorSuspend(ctx, db.FactorSuspendParams{AccountID: accountID, Now: now, BoundAfter: now.Add(-RecentlyBound)})
	if err != nil {
		return fmt.Errorf("suspend factors: %w", err)
	}

	return nil
}
