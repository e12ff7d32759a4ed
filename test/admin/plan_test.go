package admin_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// largeTables grow with the number of users; no statement may scan them.
var largeTables = []string{"account", "audit_event", "delivery", "session", "failure", "audit_count", "webhook_delivery"}

// T-16: every list of administrators uses an index; none scans a large table.
func TestListsArePlannedOnIndexes(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	id := g.populate(t)
	admin := g.SignIn(t, world.Administrator).AccessToken

	moment := "2026-01-01T00:00:00.000Z"
	ago := func(days int) string { return g.Clock.Now().AddDate(0, 0, -days).UTC().Format("2006-01-02T15:04:05Z") }
	accounts, audit, deliveries := "/api/admin/accounts?", "/api/admin/audit?", "/api/admin/deliveries?"
	calls := "/api/admin/webhooks/" + webhookA + "/deliveries?"

	for _, query := range []string{
		accounts, accounts + "order=oldest", accounts + "order=seen", accounts + "email=p1234", accounts + "email=p", accounts + "name=person+12",
		accounts + "name=p", accounts + "phone=%2B86130000", accounts + "phone=%2B86", accounts + "id=" + id, accounts + "id=68ca",
		accounts + "group=None&order=oldest&status=active", accounts + "group=Member", accounts + "group=Tester&email=p", accounts + "status=disabled",
		accounts + "status=disabled&group=Member", accounts + "seenBefore=" + moment + "&order=seen", accounts + "seenAfter=" + moment + "&order=seen",
		accounts + "name=p&group=Member&status=active", accounts + "id=" + id + "&count=true", accounts + "email=p1234&count=true",
		accounts + "name=person+12&count=true", accounts + "group=Tester&count=true",
		audit, audit + "account=" + id, audit + "actor=" + id, audit + "action=sign_in.failed", audit + "action=account.group_set",
		audit + "from=" + moment, audit + "to=" + moment, audit + "from=" + moment + "&to=" + moment, audit + "account=" + id + "&action=sign_in.failed",
		audit + "action=sign_in.failed&from=" + moment,
		deliveries, deliveries + "recipient=p00012@konec.com.au", deliveries + "state=refused", deliveries + "state=queued", deliveries + "state=sent",
		deliveries + "from=" + moment, deliveries + "recipient=p00012@konec.com.au&state=refused",
		"/api/admin/statistics", "/api/admin/statistics?from=" + ago(30) + "&to=" + ago(0), "/api/admin/statistics?from=" + ago(92) + "&to=" + ago(0),
		calls, calls + "state=pending", calls + "state=delivered", calls + "state=failed", calls + "cursor=eyJlIjo0MDAwfQ",
		"/api/admin/limits", "/api/admin/accounts/" + id + "/timeline", "/api/admin/accounts/" + id + "/sessions", "/api/admin/accounts/" + id,
	} {
		path, values, _ := strings.Cut(query, "?")

		g.Statements.Take()

		got := world.Call{Method: http.MethodGet, Path: path, Query: values}.With("Authorization", "Bearer "+admin).To(t, g.Server)
		if got.Status != http.StatusOK {
			t.Errorf("%s: %s", query, got)
		}

		g.expectIndexes(t, query)
	}

	// The counting of sealed events is planned on an index too.
	g.SignIn(t, world.Administrator)
	g.awaitSeals(t)

	if names := g.expectIndexes(t, "sealing"); !slices.Contains(names, "AuditCountAdvance") {
		t.Errorf("nothing was counted: %q", names)
	}
}

// expectIndexes checks the plans of the statements since the last call and returns their names.
func (g *adminGateway) expectIndexes(t *testing.T, why string) (names []string) {
	t.Helper()

	for _, statement := range g.Statements.TakeTexts() {
		names = append(names, statement.Name)
		g.expectIndex(t, why, statement)
	}

	return names
}

// expectIndex checks that the plan of a statement scans no large table.
func (g *adminGateway) expectIndex(t *testing.T, why string, statement apptest.Statement) {
	t.Helper()

	if plan := g.plan(t, statement.Text, statement.Values); slices.ContainsFunc(largeTables, func(table string) bool {
		return strings.Contains(plan, "Seq Scan on "+table+" ")
	}) {
		t.Errorf("%s: %s is planned as\n%s", why, statement.Name, plan)
	}
}

// webhookA and webhookB have deliveries.
const (
	webhookA = "AAAAAAAAAAAAAAAAAAAAAA"
	webhookB = "BBBBBBBBBBBBBBBBBBBBBB"
)

// The statements for webhooks scan no large table either: queueing sealed events, sending, sending again, cleaning up.
func TestWebhooksArePlannedOnIndexes(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.createWebhook(t, newReceiver(t), "nothing.happens")

	seen := map[string]bool{}
	expect := func(why string) {
		for _, statement := range g.Statements.TakeTexts() {
			if strings.HasPrefix(statement.Name, "Webhook") {
				seen[statement.Name] = true
				g.expectIndex(t, why, statement)
			}
		}
	}

	// The statements of the clean-up at the start.
	g.populate(t)
	expect("at the start")

	for _, since := range []time.Duration{time.Minute, 20 * 24 * time.Hour} {
		for _, id := range []string{webhookA, webhookB} {
			if got := g.replay(t, id, g.Clock.Now().Add(-since)); got.JSON200 == nil {
				t.Errorf("replay: %s", got.Body)
			}
		}
	}

	if got, err := g.Client.ReplayWebhookDeliveryWithResponse(t.Context(), webhookA, 4711, nil, g.admin); err != nil || got.JSON200 == nil {
		t.Errorf("replay: %v %s", err, got.Body)
	}

	g.Account(t, world.Owner)
	g.SignIn(t, world.Owner)
	apptest.Eventually(t, "all is sealed", func() bool { return world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM audit_unsealed") == 0 })
	apptest.Eventually(t, "some are sent", func() bool { expect("working"); return seen["WebhookDeliveryFinish"] && seen["WebhookDeliveryAttempt"] })

	for _, name := range []string{
		"WebhookDeliveryFanOut", "WebhookDeliveryEvents", "WebhookDeliveryReplay", "WebhookDeliveryAgain", "WebhookDeliveryAbandon", "WebhookDeliveryClean",
		"WebhookDeliveryCleanDeleted", "WebhookClean",
	} {
		if !seen[name] {
			t.Errorf("%s was not executed", name)
		}
	}
}

// populate inserts so many rows that the planner prefers an index.
func (g *adminGateway) populate(t *testing.T) (id string) {
	t.Helper()

	for _, statement := range []string{
		`INSERT INTO account (id, email, name, member_group, status, phone, created_at, updated_at, seen_at)
		SELECT '68ca' || lpad(to_hex(n), 20, '0'), 'p' || lpad(n::text, 5, '0') || '@konec.com.au', 'Person ' || n,
			CASE WHEN n % 100 = 0 THEN 'None' WHEN n % 100 = 1 THEN 'Tester' ELSE 'Member' END, CASE WHEN n % 50 = 7 THEN 'disabled' ELSE 'active' END,
			'+86130' || lpad(n::text, 8, '0'), now(), now(), CASE WHEN n % 3 > 0 THEN now() - n * interval '1 hour' END
		FROM generate_series(1, 20000) n`,
		`INSERT INTO audit_event (at, action, account_id, actor_id, subject, user_agent, request_id)
		SELECT now() - n * interval '1 minute', (ARRAY['sign_in.succeeded', 'sign_in.failed', 'code.sent', 'session.ended'])[1 + n % 4],
			'68ca' || lpad(to_hex(1 + n % 20000), 20, '0'), CASE WHEN n % 1000 = 0 THEN '68ca' || lpad(to_hex(1 + n % 7), 20, '0') END, '', '', ''
		FROM generate_series(1, 60000) n`,
		`INSERT INTO delivery (id, channel, recipient, kind, language, state, created_at, expires_at, finished_at)
		SELECT 'd' || n, 'mail', 'p' || lpad((n % 20000)::text, 5, '0') || '@konec.com.au', 'reset_code', 'zh',
			CASE WHEN n % 200 = 0 THEN 'refused' ELSE 'sent' END, now() - n * interval '1 minute', now(), now()
		FROM generate_series(1, 40000) n`,
		`INSERT INTO session (id, account_id, surface, device, created_at, authenticated_at, seen_at, expires_at, ends_at)
		SELECT lpad(n::text, 22, 's'), '68ca' || lpad(to_hex(n), 20, '0'), 'toolkit', '', now(), now(), now(), now() + interval '1 day', now() + interval '1 day'
		FROM generate_series(1, 20000) n`,
		`INSERT INTO failure (key, count, blocked_until, ends_at)
		SELECT 'password ' || n, 1, now(), now() + n * interval '4 seconds' FROM generate_series(1, 20000) n`,
		`INSERT INTO audit_count (action, hour, events)
		SELECT (ARRAY['sign_in.succeeded', 'sign_in.failed', 'account.registered', 'account.created', 'code.sent', 'session.ended'])[n % 6 + 1],
			date_trunc('hour', now(), 'UTC') - n / 6 * interval '1 hour', 1
		FROM generate_series(6, 6 * 24 * 365 * 3) n`,
		// The secrets do not open, so that no webhook is called.
		`INSERT INTO webhook (id, url, description, actions, enabled, secret, created_at, updated_at)
		VALUES ('` + webhookA + `', 'https://127.0.0.1:9/', '', '{code.sent}', true, 'x', now(), now()), ('` + webhookB + `', 'https://127.0.0.1:9/', '', '{}', true, 'x', now(), now())`,
		`INSERT INTO webhook_delivery (webhook_id, event_id, state, created_at, queued_at, next_at, finished_at)
		SELECT w.id, n, s.state, now() - n * interval '1 minute', now() - n * interval '1 minute', CASE WHEN s.state = 'pending' THEN now() + interval '1 day' END,
			CASE WHEN s.state <> 'pending' THEN now() END
		FROM generate_series(1, 12000) n
		CROSS JOIN LATERAL (SELECT CASE WHEN n % 300 = 0 THEN 'failed' WHEN n % 500 = 0 THEN 'pending' ELSE 'delivered' END AS state) s
		CROSS JOIN (VALUES ('` + webhookA + `'), ('` + webhookB + `')) AS w (id)`,
		"ANALYZE webhook_delivery", "ANALYZE audit_count", "ANALYZE account", "ANALYZE audit_event", "ANALYZE delivery", "ANALYZE session", "ANALYZE failure",
	} {
		g.Exec(t, statement)
	}

	return fmt.Sprintf("68ca%020x", 1234)
}

// plan returns the database's plan for a statement with these values.
func (g *adminGateway) plan(t *testing.T, text string, values []any) string {
	t.Helper()

	if len(values) == 0 || values[0] != pgx.QueryExecModeCacheDescribe {
		values = append([]any{pgx.QueryExecModeCacheDescribe}, values...)
	}

	rows, err := g.Pool.Query(t.Context(), "EXPLAIN "+text, values...)
	if err != nil {
		t.Fatal(err)
	}

	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}

	return strings.Join(lines, "\n")
}
