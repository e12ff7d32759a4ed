package administration

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/account"
)

// FillSearch prepares accounts for a search that are not prepared yet: those whose address, name or number has changed, and
// those of a previous version. It returns how many; zero means that none are left.
func FillSearch(ctx context.Context, tx db.DBTX, _ time.Time) (int64, error) {
	queries := db.New(tx)

	rows, err := queries.AccountWithoutSearch(ctx)
	if err != nil || len(rows) == 0 {
		return 0, wrapped("list accounts without search", err)
	}

	fill := make([]db.AccountFillSearchParams, len(rows))

	for i, row := range rows {
		phone := ""
		if row.Phone != nil {
			phone = *row.Phone
		}

		fill[i] = db.AccountFillSearchParams{
			ID: row.ID, Email: row.Email, Name: row.Name, Phone: phone,
			FoldedName: account.Fold(row.Name), Search: account.SearchText(row.Email, row.Name, phone),
		}
	}

	var failed error

	queries.AccountFillSearch(ctx, fill).Exec(func(_ int, err error) {
		if failed == nil {
			failed = err
		}
	})

	return int64(len(rows)), wrapped("fill search", failed)
}

func wrapped(what string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}

	return nil
}

// fillBatches is how many batches of accounts one search prepares. The chores prepare the rest.
const fillBatches = 4

// fillSome prepares some accounts. A failure, such as a full disk, is ignored: the search finds what is prepared.
func fillSome(ctx context.Context, conn *pgxpool.Conn, now time.Time) {
	for range fillBatches {
		if filled, err := FillSearch(ctx, conn, now); err != nil || filled == 0 {
			return
		}
	}
}
