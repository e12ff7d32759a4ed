package webhook

import (
	"context"
	"fmt"

	"github.com/riverqueue/river"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// Queue is the one in which calls wait. It is not that of mails, which a slow receiver must not hold up.
const Queue = "webhook"

// job names a row and carries nothing else: job tables are read by many eyes.
type job struct {
	WebhookID string `json:"webhookId"`
	EventID   int64  `json:"eventId"`
	Round     int32  `json:"round"`
}

func (job) Kind() string { return "webhook" }

func (job) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: len(waits) + 1}
}

// FanOut writes down, in the transaction that seals the events, who is to get which of them. It is what audit.Chain
// wants to be told with: one statement for the deliveries and one for their jobs, however many there are.
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
