package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// countBatch is how many links are counted in one transaction: more than are sealed in one, so that whoever comes after
// a server that did not count catches up.
const countBatch = 10 * sealBatch

// advanceCounts counts what is sealed and not counted yet, by action and hour, so that nobody has to read the log for it.
// It belongs into the transaction that seals: who writes an event waits for neither, and each event counts once.
func advanceCounts(ctx context.Context, queries *db.Queries, head Head) error {
	if err := queries.AuditCountAdvance(ctx, db.AuditCountAdvanceParams{Head: head.Seq, Most: countBatch}); err != nil {
		return fmt.Errorf("counts: %w", err)
	}

	return nil
}

// Hour is how often something happened in the hour that begins At.
type Hour struct {
	At                               time.Time
	SignIns, Failures, Registrations int64
}

// Hours returns the hours that begin at since or later, and before until, the earliest first and most of them at the
// most. One in which nothing of it happened is left out.
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
