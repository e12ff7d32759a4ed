package webhook

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	// mostReplayed is how many events one replay sends again.
	mostReplayed = 10_000
	// replayTimeout is the time limit of a replay, which usually takes half a second.
	replayTimeout = 5 * time.Second
)

// Replay selects the events to send again.
type Replay struct {
	Since time.Time    // at this time or later
	After *ReplayPoint // where the previous replay ended; nil for the first
}

// ReplayPoint is how far a replay has come.
type ReplayPoint struct {
	At time.Time
	ID int64
}

// Replayed is the result of a replay.
type Replayed struct {
	Queued int32
	Next   *ReplayPoint // where to continue; nil if that was all
}

// Again sends one event again at once, whatever its state.
func (w *Webhooks) Again(ctx context.Context, c authority.Change, eventID int64) (Delivery, error) {
	return authority.Once(ctx, w.DB, w.Now(), c, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) (Delivery, error) {
		if err := mayRead(rights); err != nil {
			return Delivery{}, err
		}

		hook, err := w.enabled(ctx, tx, c.Target.ID)
		if err != nil {
			return Delivery{}, err
		}

		row, err := db.New(tx).WebhookDeliveryAgain(ctx, db.WebhookDeliveryAgainParams{WebhookID: c.Target.ID, EventID: eventID, Now: w.Now()})
		if postgres.IsNotFound(err) {
			return Delivery{}, ErrDeliveryNotFound
		} else if err != nil {
			return Delivery{}, fmt.Errorf("replay: %w", err)
		}

		if err := w.enqueue(ctx, tx, []job{{row.WebhookID, row.EventID, row.Round}}); err != nil {
			return Delivery{}, err
		}

		return Delivery{
				WebhookID: row.WebhookID, EventID: row.EventID, Action: row.Action, State: State(row.State), Attempts: row.Attempts,
				LastStatus: row.LastStatus, LastError: row.LastError, CreatedAt: row.CreatedAt, QueuedAt: row.QueuedAt, NextAt: row.NextAt,
				FinishedAt: row.FinishedAt,
			},
			w.record(ctx, tx, c.Actor, audit.WebhookReplayed, hook, map[string]string{"event": strconv.FormatInt(eventID, 10)})
	})
}

// Replay sends again the events that the webhook's current settings select, the oldest first: delivered ones, failed
// ones, and those that were never queued because the webhook was disabled or did not exist.
func (w *Webhooks) Replay(ctx context.Context, c authority.Change, wanted Replay) (Replayed, error) {
	ctx = postgres.WithRetryBudget(ctx, replayTimeout)

	return authority.Once(ctx, w.DB, w.Now(), c, func(ctx context.Context, tx postgres.Tx, rights authority.Rights) (Replayed, error) {
		if err := mayRead(rights); err != nil {
			return Replayed{}, err
		}

		hook, err := w.enabled(ctx, tx, c.Target.ID)
		if err != nil {
			return Replayed{}, err
		}

		ids, next, err := events(ctx, tx, hook, wanted)
		if err != nil {
			return Replayed{}, err
		}

		rows, err := db.New(tx).WebhookDeliveryReplay(ctx, db.WebhookDeliveryReplayParams{WebhookID: c.Target.ID, EventIds: ids, Now: w.Now()})
		if err != nil {
			return Replayed{}, fmt.Errorf("replay: %w", err)
		}

		jobs := make([]job, len(rows))
		for i, row := range rows {
			jobs[i] = job(row)
		}

		if err := w.enqueue(ctx, tx, jobs); err != nil {
			return Replayed{}, err
		}

		return Replayed{int32(len(jobs)), next}, w.record(ctx, tx, c.Actor, audit.WebhookReplayed, hook, map[string]string{ //nolint:gosec // mostReplayed
			"since": wanted.Since.UTC().Format(time.RFC3339Nano), "events": strconv.Itoa(len(jobs)),
		})
	})
}

// enabled returns a webhook to which events can be sent.
func (w *Webhooks) enabled(ctx context.Context, tx postgres.Tx, id string) (Webhook, error) {
	hook, err := w.find(ctx, db.New(tx), id)
	if err == nil && !hook.Enabled {
		return Webhook{}, ErrDisabled
	}

	return hook, err
}

// events returns those to send again, and where the next ones begin.
func events(ctx context.Context, tx postgres.Tx, hook Webhook, wanted Replay) ([]int64, *ReplayPoint, error) {
	params := db.WebhookDeliveryEventsParams{Since: wanted.Since, Most: mostReplayed + 1} // one more shows that there are more
	if len(hook.Actions) > 0 {
		params.Actions = hook.Actions
	}

	if wanted.After != nil {
		params.After, params.AfterID = &wanted.After.At, &wanted.After.ID
	}

	rows, err := db.New(postgres.Planned(tx)).WebhookDeliveryEvents(ctx, params)
	if err != nil {
		return nil, nil, fmt.Errorf("events to replay: %w", err)
	}

	var next *ReplayPoint

	if len(rows) > mostReplayed {
		rows = rows[:mostReplayed]
		last := rows[len(rows)-1]
		next = &ReplayPoint{At: last.At, ID: last.ID}
	}

	ids := make([]int64, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}

	return ids, next, nil
}
