// Package webhook sends audit events to other programs: signed as Standard Webhooks specifies, once for each event and
// webhook, retried for about a day, sent again on request, and recorded with the outcome. The job that seals events
// queues them, in its transaction, so that no request waits and no event is lost. A worker sends them afterwards, in no
// order. Sending records no event, or it would never end, but for one: that a receiver has disabled its webhook.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/konec/toolkit-gateway/gen/db"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/platform/jobclock"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/outbound"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// Most is the limit of webhooks: each event is recorded for each of them when it is sealed.
const Most = 16

// The errors.
var (
	ErrNotFound         = problem.New(problem.NotFound, "WEBHOOK_NOT_FOUND")
	ErrDeliveryNotFound = problem.New(problem.NotFound, "WEBHOOK_DELIVERY_NOT_FOUND")
	ErrTooMany          = problem.New(problem.Conflict, "WEBHOOK_LIMIT")
	ErrDisabled         = problem.New(problem.Conflict, "WEBHOOK_DISABLED")
	// ErrAddress refuses an address that may not be called.
	ErrAddress = errors.New("webhook: not the address of a webhook")
)

// Webhook is a receiver of events.
type Webhook struct {
	ID          string
	Host        string // of its address, the rest of which is a secret of many receivers
	Description string
	Actions     []string // of the events to send; empty for all
	Enabled     bool
	GoneAt      *time.Time // when its receiver responded with 410, and it was disabled
	Version     int32
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Wanted is the requested settings of a webhook.
type Wanted struct {
	URL         string // empty to keep the address
	Description string
	Actions     []string
	Enabled     bool
}

// Deps are the dependencies of Webhooks.
type Deps struct {
	DB     *postgres.DB
	Keys   *keyring.Keyring
	Policy outbound.Policy // which addresses a webhook may have
	Now    func() time.Time
}

// Webhooks lists and changes webhooks, and records what they are to receive.
type Webhooks struct {
	Deps

	jobs *river.Client[pgx.Tx]
}

// New returns Webhooks. It only inserts jobs; a Worker runs them.
func New(d Deps) (*Webhooks, error) {
	jobs, err := river.NewClient(riverpgxv5.New(d.DB.Pool()), &river.Config{Test: jobclock.ForInserts(d.DB)})
	if err != nil {
		return nil, fmt.Errorf("job client: %w", err)
	}

	return &Webhooks{Deps: d, jobs: jobs}, nil
}

// List returns all webhooks, the oldest first.
func (w *Webhooks) List(ctx context.Context) ([]Webhook, error) {
	rows, err := postgres.Get(ctx, w.DB, func(ctx context.Context, conn *pgxpool.Conn) ([]db.WebhookListRow, error) {
		return db.New(conn).WebhookList(ctx, Most)
	})
	if err != nil {
		return nil, fmt.Errorf("list webhooks: %w", err)
	}

	list := make([]Webhook, len(rows))
	for i, row := range rows {
		list[i] = w.fromRow(db.WebhookByIDRow(row))
	}

	return list, nil
}

// find returns one webhook.
func (w *Webhooks) find(ctx context.Context, queries *db.Queries, id string) (Webhook, error) {
	row, err := queries.WebhookByID(ctx, id)
	if postgres.IsNotFound(err) {
		return Webhook{}, ErrNotFound
	} else if err != nil {
		return Webhook{}, fmt.Errorf("look up webhook: %w", err)
	}

	return w.fromRow(row), nil
}

// findIn returns a webhook if it is at the version that the administrator has seen.
func (w *Webhooks) findIn(ctx context.Context, queries *db.Queries, target authority.Target) (Webhook, error) {
	found, err := w.find(ctx, queries, target.ID)
	if err == nil && !target.Expects(found.Version) {
		return Webhook{}, problem.ErrVersionConflict
	}

	return found, err
}

// fromRow leaves the host out if the address cannot be decrypted: then the webhook can still be given another one.
func (w *Webhooks) fromRow(row db.WebhookByIDRow) Webhook {
	address, _ := openURL(w.Keys, row.ID, row.URL, row.SealedURL)

	return Webhook{
		ID: row.ID, Host: hostOf(address), Description: row.Description, Actions: row.Actions, Enabled: row.Enabled, GoneAt: row.GoneAt,
		Version: row.Version, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt,
	}
}

// mayRead refuses an actor who may not read the audit log: by setting where events go, the actor could read them there.
func mayRead(rights authority.Rights) error {
	if !rights.Has(authority.AuditRead) {
		return problem.ErrRightMissing
	}

	return nil
}

// record records a change. Only the host of the address is recorded: the rest is a secret of many receivers.
func (w *Webhooks) record(
	ctx context.Context, tx postgres.Tx, who authority.Actor, action audit.Action, hook Webhook, detail map[string]string,
) error {
	detail["host"] = hook.Host

	return audit.Record(ctx, tx, w.Now(), audit.Event{Action: action, ActorID: who.AccountID, Subject: hook.ID, Detail: detail})
}

// described returns the audit log's text for a webhook's settings.
func described(hook Webhook) map[string]string {
	actions := strings.Join(hook.Actions, " ")
	if len(actions) > mostDetail {
		actions = fmt.Sprintf("%d actions", len(hook.Actions))
	}

	return map[string]string{"enabled": fmt.Sprint(hook.Enabled), "actions": actions}
}

// mostDetail is the document's limit of a detail.
const mostDetail = 512
