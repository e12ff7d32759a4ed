package webhook

import (
	"context"
	"fmt"

	"github.com/riverqueue/river"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Queue is the queue of webhook calls. It is separate from that of mails, which a slow receiver must not delay.
const Queue = "webhook"

// job names a row and contains nothing else: many tools and people read job tables.
type job struct {
	WebhookID string `json:"webhookId"`
	EventID   int64  `json:"eventId"`
	Round     int32  `json:"round"`
}

func (job) Kind() string { return "webhook" }

func (job) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: Attempts()}
}

// FanOut records, in the transaction that seals the events, which webhook receives which events. audit.Chain calls it
// with sealed events. It runs one statement for the deliveries and one for their jobs, for any number of events.
func (w *Webhooks) FanOut(ctx context.Context, tx postgres.Tx, events []int64) error {
	rows, err := db.New(tx).WebhookDeliveryFanOut(ctx, db.WebhookDeliveryFanOutParams{EventIds: events, Now: w.Now()})
	if err != nil {
		return fmt.Errorf("webhook deliveries: %w", err)
	}

	jobs := make([]job, len(rows))
	for i, row := range rows {
		jobs[i] = job(row)
	}

	return w.enqueue(ctx, tx, jobs)
}

func (w *Webhooks) enqueue(ctx context.Context, tx postgres.Tx, jobs []job) error {
	if len(jobs) == 0 {
		return nil
	}

	params := make([]river.InsertManyParams, len(jobs))
	for i, one := range jobs {
		params[i].Args = one
	}

	if _, err := w.jobs.InsertManyFastTx(ctx, tx.Tx, params); err != nil {
		return fmt.Errorf("enqueue webhook calls: %w", err)
	}

	return nil
}
