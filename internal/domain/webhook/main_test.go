package webhook_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/outbound"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

// env is a database, webhooks in it, and a chain that notifies them. No worker runs the jobs.
type env struct {
	*webhook.Webhooks

	chain      *audit.Chain
	db         *postgres.DB
	pool       *pgxpool.Pool // to read the tables directly
	clock      *apptest.Clock
	keys       *keyring.Keyring
	statements *apptest.Statements
}

func setup(t *testing.T) *env {
	t.Helper()

	e := &env{clock: &apptest.Clock{}, statements: &apptest.Statements{}}
	url := postgrestest.New(t)

	var err error

	if e.pool, err = pgxpool.New(t.Context(), url); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(e.pool.Close)

	if e.db, err = postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 8, Tracer: e.statements}); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(e.db.Close)

	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}

	e.keys = keys

	if e.Webhooks, err = webhook.New(webhook.Deps{DB: e.db, Keys: keys, Policy: outbound.Policy{}, Now: e.clock.Now}); err != nil {
		t.Fatal(err)
	}

	e.chain = audit.NewChain(e.db, keys, slog.New(slog.DiscardHandler), e.clock.Now)
	e.chain.OnSeal(e.FanOut)

	return e
}

// make creates a webhook for the actions.
func (e *env) make(t *testing.T, actions ...string) webhook.Webhook {
	t.Helper()

	created, err := e.create(t.Context(), webhook.Wanted{URL: "https://receiver.test/hook", Actions: actions, Enabled: true})
	if err != nil {
		t.Fatal(err)
	}

	e.seal(t) // its own event

	return created.Webhook
}

func (e *env) create(ctx context.Context, wanted webhook.Wanted) (webhook.Created, error) {
	return e.Create(origin.With(ctx, origin.Command("test")), authority.Change{Actor: authority.Operator()}, wanted)
}

// record records events of the action.
func (e *env) record(t *testing.T, count int, action audit.Action) {
	t.Helper()

	for range count {
		if err := audit.RecordAlone(origin.With(t.Context(), origin.Command("test")), e.db, e.clock.Now(), audit.Event{Action: action}); err != nil {
			t.Fatal(err)
		}
	}
}

// seal seals all waiting events.
func (e *env) seal(t *testing.T) {
	t.Helper()

	for {
		count, err := e.chain.Seal(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		if count == 0 {
			return
		}
	}
}

func (e *env) exec(t *testing.T, statement string, args ...any) {
	t.Helper()

	if _, err := e.pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// value reads one value from the database.
func value[T any](t *testing.T, e *env, query string, args ...any) (v T) {
	t.Helper()

	if err := e.pool.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}

	return v
}

// expect expects this number of waiting deliveries, each of another event, and with its own job.
func (e *env) expect(t *testing.T, hook webhook.Webhook, want int) {
	t.Helper()

	deliveries := value[int](t, e, "SELECT count(*) FROM webhook_delivery WHERE webhook_id = $1 AND state = 'pending'", hook.ID)
	jobs := value[int](t, e, "SELECT count(*) FROM river_job WHERE kind = 'webhook' AND args ->> 'webhookId' = $1", hook.ID)
	matched := value[int](t, e, `
		SELECT count(*) FROM (
			SELECT d.event_id, d.round FROM webhook_delivery d WHERE d.webhook_id = $1 AND d.state = 'pending'
			INTERSECT SELECT (j.args ->> 'eventId')::bigint, (j.args ->> 'round')::int FROM river_job j WHERE j.args ->> 'webhookId' = $1) matched`, hook.ID)

	if got := fmt.Sprint(deliveries, jobs, matched); got != fmt.Sprint(want, want, want) {
		t.Errorf("%s: deliveries, jobs and those of both: %s, want %d of each", hook.ID, got, want)
	}
}

// operator is an operator's change of the webhook at the version that the test has seen.
func operator(hook webhook.Webhook) authority.Change {
	return authority.Change{Actor: authority.Operator(), Target: authority.Target{ID: hook.ID, Version: &hook.Version}}
}
