package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// countBatch is how many links are counted in one transaction: more than one transaction seals, so that counting
// catches up after a server that did not count.
const countBatch = 10 * sealBatch

// advanceCounts counts sealed events that are not counted yet, by action and hour, so that no query has to read the
// whole log. It runs in the transaction that seals: requests that record events do not wait for it, and each event
// counts once.
func advanceCounts(ctx context.Context, queries *db.Queries, head Head) error {
	if err := queries.AuditCountAdvance(ctx, db.AuditCountAdvanceParams{Head: head.Seq, Most: countBatch}); err != nil {
		return fmt.Errorf("counts: %w", err)
	}

	return nil
}

// Hour is how often an action happened in the hour that begins At.
type Hour struct {
	At                               time.Time
	SignIns, Failures, Registrations int64
}

// Hours returns the hours that begin at since or later, and before until, the earliest first and no more than most of them.
// An hour without such an event is left out.
func (r *Reader) Hours(ctx context.Context, since, until time.Time, most int32) ([]Hour, error) {
	rows, err := postgres.Get(ctx, r.db, func(ctx context.Context, conn *pgxpool.Conn) ([]db.AuditCountHoursRow, error) {
		return db.New(conn).AuditCountHours(ctx, db.AuditCountHoursParams{Since: since, Until: until, Most: most})
	})
	if err != nil {
		return nil, fmt.Errorf("count hours: %w", err)
	}

	hours := make([]Hour, len(rows))
	for i, row := range rows {
		hours[i] = Hour{At: row.Hour, SignIns: row.SignIns, Failures: row.Failures, Registrations: row.Registrations}
	}

	return hours, nil
}
