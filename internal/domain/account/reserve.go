package account

import (
	"context"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Undoable is how long a change of an account's factors or its address can be undone with the mailed link.
const Undoable = 7 * 24 * time.Hour

// MoveReservation reserves the address that an account leaves, for Undoable: no other account gets it. If the account
// returns to an address that it had left, the changes since are undone instead, and reserved reports false.
func MoveReservation(ctx context.Context, tx postgres.Tx, now time.Time, id, left, taken string) (reserved bool, err error) {
	queries := db.New(tx)

	returned, err := queries.ReservedEmailReturn(ctx, db.ReservedEmailReturnParams{Email: taken, AccountID: id, Now: now})
	if err != nil {
		return false, fmt.Errorf("end reservations: %w", err)
	} else if returned > 0 {
		return false, nil
	}

	err = queries.ReservedEmailAdd(ctx, db.ReservedEmailAddParams{Email: left, AccountID: id, Now: now, ExpiresAt: now.Add(Undoable)})
	if err != nil {
		return false, fmt.Errorf("reserve address: %w", err)
	}

	return true, nil
}

// EnsureUnreserved returns ErrTaken if the address is reserved for another account than id. It is a statement after the one
// that took the address: that one has waited for the account that just left it.
func EnsureUnreserved(ctx context.Context, tx postgres.Tx, now time.Time, id, email string) error {
	reserved, err := db.New(tx).ReservedEmailOfOther(ctx, db.ReservedEmailOfOtherParams{Email: email, AccountID: id, Now: now})
	if err != nil {
		return fmt.Errorf("look for reservations: %w", err)
	} else if reserved {
		return ErrTaken
	}

	return nil
}

// CleanReservations deletes up to 1,000 expired reservations, and returns how many.
func CleanReservations(ctx context.Context, tx db.DBTX, now time.Time) (int64, error) {
	return db.New(tx).ReservedEmailClean(ctx, now)
}
