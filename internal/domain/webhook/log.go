package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/page"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// State is the state of an event's delivery to a webhook.
type State string

// The states.
const (
	Pending   State = "pending"   // it waits for its first attempt, or for the next
	Delivered State = "delivered" // the receiver answered 2xx
	Failed    State = "failed"    // no more attempts are made
)

// Delivery is an event that was sent, or was to be sent, to a webhook.
type Delivery struct {
	WebhookID  string
	EventID    int64
	Action     string
	State      State
	Attempts   int32
	LastStatus *int32 // of the receiver's response; nil if there was none
	LastError  string
	CreatedAt  time.Time
	QueuedAt   time.Time  // when it was last requested
	NextAt     *time.Time // of the next attempt
	FinishedAt *time.Time
}

// Search selects deliveries of one webhook. An empty field selects all.
type Search struct {
	WebhookID string
	State     State

	Before *Position // where the previous page ended; nil for the first
	Limit  int32
}

// Position is a delivery's place in the list.
type Position struct {
	EventID int64
}

// Deliveries returns a page of the events that a webhook received, the newest first.
func (w *Webhooks) Deliveries(ctx context.Context, search Search) (page.Page[Delivery, Position], error) {
	params := db.WebhookDeliveryListParams{WebhookID: search.WebhookID, Most: search.Limit + 1} // one more says that there is a next page
	if search.State != "" {
		state := string(search.State)
		params.State = &state
	}

	if search.Before != nil {
		params.Before = &search.Before.EventID
	}

	rows, err := postgres.Get(ctx, w.DB, func(ctx context.Context, conn *pgxpool.Conn) ([]db.WebhookDeliveryListRow, error) {
		if _, err := w.find(ctx, db.New(conn), search.WebhookID); err != nil {
			return nil, err
		}

		return db.New(postgres.Planned(conn)).WebhookDeliveryList(ctx, params)
	})
	if err != nil {
		return page.Page[Delivery, Position]{}, fmt.Errorf("list webhook deliveries: %w", err)
	}

	position := func(last db.WebhookDeliveryListRow) Position { return Position{EventID: last.EventID} }

	return page.Cut(rows, search.Limit, position, func(row db.WebhookDeliveryListRow) (Delivery, error) { return deliveryOf(row), nil })
}

func deliveryOf(row db.WebhookDeliveryListRow) Delivery {
	return Delivery{
		WebhookID: row.WebhookID, EventID: row.EventID, Action: row.Action, State: State(row.State), Attempts: row.Attempts,
		LastStatus: row.LastStatus, LastError: row.LastError, CreatedAt: row.CreatedAt, QueuedAt: row.QueuedAt, NextAt: row.NextAt,
		FinishedAt: row.FinishedAt,
	}
}

const (
	// retention is how long a delivery is kept after it was last requested.
	retention = 30 * 24 * time.Hour
	// abandoned is how long after its next attempt a delivery's job must have run.
	abandoned = 3 * 24 * time.Hour
)

// Clean forgets previous secrets that no longer sign, deletes up to 1,000 deliveries that are older than 30 days or
// whose webhook was deleted, and then that webhook. It marks up to 1,000 abandoned deliveries as failed. It returns how
// many rows it changed. It also encrypts the addresses that an earlier version of the server wrote.
func Clean(ctx context.Context, tx db.DBTX, keys *keyring.Keyring, now time.Time) (int64, error) {
	queries, before := db.New(tx), now.Add(-abandoned)

	for _, clean := range []func() (int64, error){
		func() (int64, error) { return sealURLs(ctx, queries, keys) },
		func() (int64, error) { return queries.WebhookForget(ctx, now) },
		func() (int64, error) {
			return queries.WebhookDeliveryAbandon(ctx, db.WebhookDeliveryAbandonParams{Now: now, Before: &before})
		},
		func() (int64, error) { return queries.WebhookDeliveryClean(ctx, now.Add(-retention)) },
		func() (int64, error) { return queries.WebhookDeliveryCleanDeleted(ctx) },
		func() (int64, error) { return queries.WebhookClean(ctx) },
	} {
		if count, err := clean(); err != nil || count > 0 {
			return count, err
		}
	}

	return 0, nil
}

func sealURLs(ctx context.Context, queries *db.Queries, keys *keyring.Keyring) (sealed int64, err error) {
	rows, err := queries.WebhookUnsealed(ctx, Most)
	if err != nil {
		return 0, fmt.Errorf("addresses of webhooks: %w", err)
	}

	for _, row := range rows {
		count, err := queries.WebhookSealURL(ctx, db.WebhookSealURLParams{ID: row.ID, URL: row.URL, SealedURL: sealURL(keys, row.ID, row.URL)})
		if err != nil {
			return sealed, fmt.Errorf("encrypt the address of a webhook: %w", err)
		}

		sealed += count
	}

	return sealed, nil
}
