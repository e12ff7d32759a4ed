package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/page"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// LogEntry is a message and what became of it. What stood in it is not kept.
type LogEntry struct {
	ID         string
	Channel    Channel
	Recipient  string
	Kind       Kind
	State      string // queued, sent, expired or refused
	Attempts   int32
	LastError  string
	CreatedAt  time.Time
	FinishedAt *time.Time
	ExpiresAt  time.Time
}

// Failed says that it did not arrive, or not yet though it was tried.
func (r LogEntry) Failed() bool {
	return r.State != "sent" && (r.State != "queued" || r.LastError != "")
}

// Search says which messages. What is empty is not asked for.
type Search struct {
	Recipients []string
	State      string
	Since      *time.Time // at or after
	Until      *time.Time // before

	Before *Position // where the page before ended; nil for the first
	Limit  int32
}

// Position is a message's place among the others.
type Position struct {
	At time.Time
	ID string
}

// Log lists the messages that were sent.
type Log struct {
	db *postgres.DB
}

// NewLog makes a Log.
func NewLog(database *postgres.DB) *Log { return &Log{db: database} }

// Find returns a page of messages, the newest first.
func (l *Log) Find(ctx context.Context, search Search) (page.Page[LogEntry, Position], error) {
	params := db.DeliveryListParams{
		Recipients: search.Recipients, Since: search.Since, Until: search.Until, Most: search.Limit + 1, // one more says that there is a next page
	}
	if search.State != "" {
		params.State = &search.State
	}

	if search.Before != nil {
		params.Before, params.BeforeID = &search.Before.At, &search.Before.ID
	}

	rows, err := postgres.Get(ctx, l.db, func(ctx context.Context, conn *pgxpool.Conn) ([]db.DeliveryListRow, error) {
		return db.New(postgres.Planned(conn)).DeliveryList(ctx, params)
	})
	if err != nil {
		return page.Page[LogEntry, Position]{}, fmt.Errorf("list messages: %w", err)
	}

	position := func(last db.DeliveryListRow) Position { return Position{At: last.CreatedAt, ID: last.ID} }

	return page.Cut(rows, search.Limit, position, func(row db.DeliveryListRow) (LogEntry, error) {
		return LogEntry{
			ID: row.ID, Channel: Channel(row.Channel), Recipient: row.Recipient, Kind: Kind(row.Kind), State: row.State, Attempts: row.Attempts,
			LastError: row.LastError, CreatedAt: row.CreatedAt, FinishedAt: row.FinishedAt, ExpiresAt: row.ExpiresAt,
		}, nil
	})
}
