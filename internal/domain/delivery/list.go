package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// LogEntry is a message and its state. The content is not kept.
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

// Failed reports whether the message did not arrive, or a first attempt failed.
func (r LogEntry) Failed() bool {
	return r.State != "sent" && (r.State != "queued" || r.LastError != "")
}

// Search selects messages. An empty field selects all.
type Search struct {
	Recipients []string
	State      string
	Since      *time.Time // at this time or later
	Until      *time.Time // before this time

	Before *Position // where the previous page ended; nil for the first
	Limit  int32
}

// Position is a message's place in the list.
type Position struct {
	At time.Time `json:"a"`
	ID string    `json:"i"`
}

// Log lists sent messages.
type Log struct {
	db *postgres.DB
}

// NewLog returns a Log.
func NewLog(database *postgres.DB) *Log { return &Log{db: database} }

// Find returns a page of messages, the newest first, and where the next one begins; nil if this is the last.
func (l *Log) Find(ctx context.Context, search Search) ([]LogEntry, *Position, error) {
	params := db.DeliveryListParams{
		Recipients: search.Recipients, Since: search.Since, Until: search.Until, Most: search.Limit + 1, // one more shows that there is a next page
	}
	if search.State != "" {
		params.State = &search.State
	}

	if search.Before != nil {
		params.Before, params.BeforeID = &search.Before.At, &search.Before.ID
	}

	var rows []db.DeliveryListRow

	err := l.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		var err error
		rows, err = db.New(postgres.Planned(conn)).DeliveryList(ctx, params)

		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list messages: %w", err)
	}

	var next *Position

	if len(rows) > int(search.Limit) {
		rows = rows[:search.Limit]
		last := rows[len(rows)-1]
		next = &Position{At: last.CreatedAt, ID: last.ID}
	}

	records := make([]LogEntry, len(rows))
	for i, row := range rows {
		records[i] = LogEntry{
			ID: row.ID, Channel: Channel(row.Channel), Recipient: row.Recipient, Kind: Kind(row.Kind), State: row.State, Attempts: row.Attempts,
			LastError: row.LastError, CreatedAt: row.CreatedAt, FinishedAt: row.FinishedAt, ExpiresAt: row.ExpiresAt,
		}
	}

	return records, next, nil
}
