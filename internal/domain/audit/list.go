package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/page"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Entry is an event as the log holds it.
type Entry struct {
	Event

	ID        int64
	At        time.Time
	Address   netip.Addr // not valid where none is known
	UserAgent string
	RequestID string
}

// Search says which events. What is empty is not asked for.
type Search struct {
	AccountID string
	ActorID   string
	Action    Action
	Since     *time.Time // at or after
	Until     *time.Time // before

	Before *Position // where the page before ended; nil for the first
	Limit  int32
}

// Position is an event's place among the others.
type Position struct {
	At time.Time
	ID int64
}

// Find returns a page of events, the newest first.
func (r *Reader) Find(ctx context.Context, search Search) (page.Page[Entry, Position], error) {
	params := db.AuditEventListParams{
		AccountID: orNil(search.AccountID), ActorID: orNil(search.ActorID), Action: orNil(string(search.Action)),
		Since: search.Since, Until: search.Until, Most: search.Limit + 1, // one more says that there is a next page
	}
	if search.Before != nil {
		params.Before, params.BeforeID = &search.Before.At, &search.Before.ID
	}

	rows, err := postgres.Get(ctx, r.db, func(ctx context.Context, conn *pgxpool.Conn) ([]db.AuditEventListRow, error) {
		return db.New(postgres.Planned(conn)).AuditEventList(ctx, params)
	})
	if err != nil {
		return page.Page[Entry, Position]{}, fmt.Errorf("list events: %w", err)
	}

	return page.Cut(rows, search.Limit, func(last db.AuditEventListRow) Position { return Position{At: last.At, ID: last.ID} }, entryOf)
}

func entryOf(row db.AuditEventListRow) (Entry, error) {
	entry := Entry{
		Event: Event{
			Action: Action(row.Action), AccountID: orEmpty(row.AccountID), ActorID: orEmpty(row.ActorID), SessionID: orEmpty(row.SessionID),
			Subject: row.Subject, Method: row.Method,
		},
		ID: row.ID, At: row.At, UserAgent: row.UserAgent, RequestID: row.RequestID,
	}

	if row.Address != nil {
		entry.Address = *row.Address
	}

	if row.Detail != nil {
		if err := json.Unmarshal(row.Detail, &entry.Detail); err != nil {
			return Entry{}, fmt.Errorf("detail of event %d: %w", row.ID, err)
		}
	}

	return entry, nil
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}

	return *s
}
