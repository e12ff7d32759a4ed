package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/geo"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/outbound"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/standardwebhook"
)

// waits are the times between two attempts: 26 hours in all, so that a receiver that is down overnight misses nothing.
var waits = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 10 * time.Hour,
}

// Attempts returns how often an event is sent at most.
func Attempts() int { return len(waits) + 1 }

// Insistence returns the time between the first attempt and the last, in whole hours.
func Insistence() (sum time.Duration) {
	for _, wait := range waits {
		sum += wait
	}

	return sum.Round(time.Hour)
}

// CallTimeout is how long a receiver may take to respond.
const CallTimeout = 10 * time.Second

// The status with which a receiver refuses all further events (Standard Webhooks, "Operational considerations").
const statusGone = 410

// limits are those of one call. The response's content is not used, but a short one is read to its end.
var limits = outbound.Settings{Timeout: CallTimeout, Handshake: 10 * time.Second, MaxAnswer: 4 << 10}

// Outcome is how an attempt ended, for metrics.
type Outcome string

// The outcomes.
const (
	Arrived   Outcome = "delivered"
	Postponed Outcome = "postponed" // a retry follows
	GivenUp   Outcome = "failed"    // that was the last attempt
	Gone      Outcome = "gone"      // the receiver responded with 410
)

// Outcomes are all of them.
func Outcomes() []Outcome { return []Outcome{Arrived, Postponed, GivenUp, Gone} }

// WorkerDeps are the dependencies of a Worker.
type WorkerDeps struct {
	DB     *postgres.DB
	Keys   *keyring.Keyring
	Places *geo.Locator
	Policy outbound.Policy // which addresses may be called
	Count  func(Outcome)
	Log    *slog.Logger
	Now    func() time.Time
}

// Worker calls webhooks.
type Worker struct {
	river.WorkerDefaults[job]

	db     *postgres.DB
	keys   *keyring.Keyring
	places *geo.Locator
	client *outbound.Client
	count  func(Outcome)
	log    *slog.Logger
	now    func() time.Time

	pauses *pauses
}

// NewWorker returns a Worker.
func NewWorker(d WorkerDeps) *Worker {
	return &Worker{
		db: d.DB, keys: d.Keys, places: d.Places, client: outbound.NewGuarded(d.Policy, limits), count: d.Count, log: d.Log, now: d.Now, pauses: newPauses(),
	}
}

// Register adds the worker to those of a River client.
func (w *Worker) Register(workers *river.Workers) { river.AddWorker(workers, w) }

// Timeout is River's time limit of one attempt.
func (w *Worker) Timeout(*river.Job[job]) time.Duration {
	return limits.Timeout + 15*time.Second
}

// NextRetry follows waits. Jobs go by the clock of the database.
func (w *Worker) NextRetry(j *river.Job[job]) time.Time { return w.db.Now().Add(wait(j)) }

func wait(j *river.Job[job]) time.Duration { return waits[min(j.Attempt, len(waits))-1] }

// attempt is a call to be made.
type attempt struct {
	*river.Job[job]

	url     string
	sealed  []byte // the stored form of url; nil if an earlier version of the server stored it
	plain   string
	secrets []standardwebhook.Secret
	body    []byte
}

// Work makes one attempt. It holds no connection to the database while it waits for the receiver. The outcome is
// recorded afterwards: if the worker dies in between, it calls twice, with the same id, rather than never.
func (w *Worker) Work(ctx context.Context, j *river.Job[job]) error {
	if left := w.pauses.left(j.Args.WebhookID, w.now()); left > 0 {
		return river.JobSnooze(left)
	}

	row, err := postgres.Get(ctx, w.db, func(ctx context.Context, conn *pgxpool.Conn) (db.WebhookDeliveryAttemptRow, error) {
		return db.New(conn).WebhookDeliveryAttempt(ctx, db.WebhookDeliveryAttemptParams(j.Args))
	})

	switch {
	case postgres.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("read delivery: %w", err)
	case !row.Enabled:
		return w.finish(ctx, j, Failed, 0, "the webhook is disabled")
	}

	one, err := w.prepare(j, row)
	if err != nil {
		// A retry would not help: a key is missing, or an event was tampered with.
		w.log.Error("a webhook cannot be called", "webhook", j.Args.WebhookID, "event", j.Args.EventID, "error", err.Error())
		w.count(GivenUp)

		return w.finish(ctx, j, Failed, 0, "it could not be put together; the server's log says why")
	}

	return w.call(ctx, one)
}

func (w *Worker) prepare(j *river.Job[job], row db.WebhookDeliveryAttemptRow) (attempt, error) {
	address, err := openURL(w.keys, j.Args.WebhookID, row.URL, row.SealedURL)
	if err != nil {
		return attempt{}, err
	}

	one := attempt{Job: j, url: address, sealed: row.SealedURL, plain: row.URL}

	sealed := [][]byte{row.Secret}
	if row.PreviousUntil != nil && w.now().Before(*row.PreviousUntil) {
		sealed = append(sealed, row.PreviousSecret)
	}

	for _, value := range sealed {
		secret, err := w.keys.Open(value, secretContext(j.Args.WebhookID)...)
		if err != nil {
			return attempt{}, fmt.Errorf("secret: %w", err)
		}

		one.secrets = append(one.secrets, secret)
	}

	one.body, err = w.payload(row)

	return one, err
}

func (w *Worker) call(ctx context.Context, one attempt) error {
	id := messageID(one.Args.EventID)
	header := standardwebhook.Header(id, w.now(), one.body, one.secrets...)

	answer, err := w.client.Post(ctx, one.url, header, one.body)
	status := answer.Status

	reason := fmt.Sprintf("status %d", status)
	if err != nil {
		reason = w.reasonOf(one, err)

		w.pauses.unanswered(one.Args.WebhookID, w.now())
	} else {
		w.pauses.answered(one.Args.WebhookID)
	}

	switch {
	case answer.Accepted():
		w.count(Arrived)

		return w.finish(ctx, one.Job, Delivered, status, "")
	case status == statusGone:
		return w.gone(ctx, one, reason)
	case one.Attempt >= one.MaxAttempts:
		w.count(GivenUp)

		return w.finish(ctx, one.Job, Failed, status, reason)
	}

	w.count(Postponed)

	return w.postpone(ctx, one.Job, status, reason)
}

// reasonOf returns the error's text for the delivery. Why there was no answer is for the operator's log only.
func (w *Worker) reasonOf(one attempt, err error) string {
	if errors.Is(err, outbound.ErrAddress) {
		return "not the address of a webhook"
	}

	if none, ok := errors.AsType[outbound.NoAnswer](err); ok {
		w.log.Info("a webhook did not answer", "webhook", one.Args.WebhookID, "event", one.Args.EventID, "reason", none.Reason)
	}

	return err.Error()
}

// gone disables the webhook and records that (SEC-S26): from then on no event reaches it. Other webhooks receive the event.
func (w *Worker) gone(ctx context.Context, one attempt, reason string) error {
	var disabled int64

	err := w.db.InTx(ctx, func(ctx context.Context, tx postgres.Tx) error {
		queries := db.New(tx)

		var err error

		disabled, err = queries.WebhookGone(ctx, db.WebhookGoneParams{ID: one.Args.WebhookID, URL: one.plain, SealedURL: one.sealed, Now: w.now()})
		if err != nil {
			return fmt.Errorf("disable webhook: %w", err)
		}

		if disabled > 0 {
			err = audit.Record(ctx, tx, w.now(), audit.Event{
				Action: audit.WebhookDisabled, Subject: one.Args.WebhookID, Detail: map[string]string{"host": hostOf(one.url), "status": "410"},
			})
			if err != nil {
				return err
			}
		}

		return queries.WebhookDeliveryFinish(ctx, w.outcome(one.Job, Failed, statusGone, reason+": the receiver wants no more"))
	})
	if err != nil {
		return err
	}

	w.count(Gone)

	if disabled > 0 {
		w.log.Warn("a webhook was disabled: its receiver responded with 410", "webhook", one.Args.WebhookID, "host", hostOf(one.url))
	}

	return nil
}

func (w *Worker) outcome(j *river.Job[job], state State, status int, reason string) db.WebhookDeliveryFinishParams {
	return db.WebhookDeliveryFinishParams{
		WebhookID: j.Args.WebhookID, EventID: j.Args.EventID, Round: j.Args.Round,
		State: string(state), LastStatus: statusOrNil(status), LastError: reason, Now: w.now(),
	}
}

func (w *Worker) finish(ctx context.Context, j *river.Job[job], state State, status int, reason string) error {
	return w.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return db.New(conn).WebhookDeliveryFinish(ctx, w.outcome(j, state, status, reason))
	})
}

// postpone records the failure, and returns it, so that River retries.
func (w *Worker) postpone(ctx context.Context, j *river.Job[job], status int, reason string) error {
	err := w.db.Do(ctx, func(ctx context.Context, conn *pgxpool.Conn) error {
		return db.New(conn).WebhookDeliveryPostpone(ctx, db.WebhookDeliveryPostponeParams{
			WebhookID: j.Args.WebhookID, EventID: j.Args.EventID, Round: j.Args.Round,
			LastStatus: statusOrNil(status), LastError: reason, NextAt: w.now().Add(wait(j)),
		})
	})

	return errors.Join(errors.New(reason), err)
}

// statusOrNil returns nil if there was no response.
func statusOrNil(status int) *int32 {
	if status == 0 {
		return nil
	}

	narrow := int32(status) //nolint:gosec // three digits

	return &narrow
}
