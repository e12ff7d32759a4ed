package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// hookEvent happens once per sign-in. The webhooks of these tests subscribe to it, because nothing else causes it.
const hookEvent = "sign_in.succeeded"

// retryNow makes waiting webhook jobs run now.
func (g *adminGateway) retryNow(t *testing.T) {
	t.Helper()

	if _, err := g.Pool.Exec(t.Context(), "UPDATE river_job SET scheduled_at = now(), state = 'available' WHERE kind = 'webhook' AND state IN ('retryable', 'scheduled')"); err != nil {
		t.Fatal(err)
	}
}

// awaitAttempts waits until the only delivery of a webhook was attempted this often and no job works on it, and returns
// it.
func (g *adminGateway) awaitAttempts(t *testing.T, id string, times int32) client.WebhookDelivery {
	t.Helper()

	var one client.WebhookDelivery

	busy := func() bool {
		return world.QueryValue[bool](t, g.Pool, "SELECT EXISTS (SELECT 1 FROM river_job WHERE kind = 'webhook' AND state IN ('available', 'running'))")
	}

	apptest.Eventually(t, fmt.Sprintf("attempt %d", times), func() bool {
		idle, list := !busy(), g.deliveries(t, id)

		if len(list) != 1 {
			return false
		}

		if list[0].Attempts < times {
			if idle {
				g.retryNow(t)
			}

			return false
		}

		// An attempt is counted before it is made; its result is stored once no job works on it.
		if busy() {
			return false
		}

		one = g.deliveries(t, id)[0]

		return true
	})

	return one
}

// A failed delivery is retried for more than a day with growing delays, with the same id and a fresh signature. Then it
// has failed. Of the receiver's response only the status is stored.
func TestWebhookIsTriedAgain(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)

	r := newReceiver(t)
	r.respondWith(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("canary-in-the-response"))
	})

	created := g.createWebhook(t, r, hookEvent)
	// Only this test makes jobs due. River uses the real clock, and tries again after five seconds first.
	g.Exec(t, `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.state = 'retryable'; NEW.scheduled_at = now() + interval '1 day'; RETURN NEW; END $$`)
	g.Exec(t, `CREATE TRIGGER wait BEFORE UPDATE ON river_job FOR EACH ROW
		WHEN (OLD.state = 'running' AND NEW.state IN ('retryable', 'available')) EXECUTE FUNCTION wait()`)
	g.SignIn(t, world.Owner)
	g.Clock.Stop() // so that the delay can be computed exactly

	const attempts = 11

	var (
		waits []time.Duration
		sum   time.Duration
	)

	for n := int32(1); n <= attempts; n++ {
		one := g.awaitAttempts(t, created.Webhook.ID, n)
		if one.Attempts != n || one.LastStatus.MustGet() != http.StatusServiceUnavailable || one.LastError != "status 503" {
			t.Fatalf("after %d attempts: %+v", n, one)
		}

		if n == attempts {
			if one.State != "failed" || one.FinishedAt.IsNull() || !one.NextAttemptAt.IsNull() {
				t.Errorf("in the end: %+v", one)
			}

			break
		}

		next := one.NextAttemptAt.MustGet()
		if one.State != "pending" {
			t.Fatalf("after %d attempts: %+v", n, one)
		}

		waits = append(waits, next.Sub(g.Clock.Now().Truncate(time.Millisecond)))
		sum += waits[n-1]

		if n > 1 && waits[n-1] <= waits[n-2] {
			t.Errorf("the delays %s do not grow", waits)
		}

		g.Clock.Advance(time.Minute) // between two attempts, so that the signatures differ
	}

	if sum < 24*time.Hour || sum > 30*time.Hour || waits[0] > 10*time.Second {
		t.Errorf("the delays are %s, %s in total", waits, sum)
	}

	calls := r.callsFor()
	if len(calls) != attempts {
		t.Fatalf("%d calls", len(calls))
	}

	times := map[string]bool{}

	for _, c := range calls {
		times[c.header.Get("webhook-timestamp")] = true

		if c.body != calls[0].body || c.header.Get("webhook-id") != calls[0].header.Get("webhook-id") ||
			c.header.Get("webhook-signature") != signedWith(t, created.Secret, c) {
			t.Errorf("call %+v", c)
		}
	}

	if len(times) != attempts {
		t.Errorf("times %v", times)
	}

	if world.QueryValue[bool](t, g.Pool, "SELECT EXISTS (SELECT 1 FROM webhook_delivery d WHERE d::text LIKE '%canary%') OR EXISTS (SELECT 1 FROM river_job j WHERE j::text LIKE '%canary%')") ||
		strings.Contains(g.Log.String(), "canary") {
		t.Error("the receiver's response is stored")
	}
}

// What each response of a receiver causes.
func TestWebhookResponses(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)

	target := newReceiver(t)

	for name, c := range map[string]struct {
		answer http.HandlerFunc
		state  client.WebhookDeliveryState
		reason string
	}{
		"204": {withStatus(http.StatusNoContent), "delivered", ""},
		"302": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, http.StatusFound) }, "pending", "status 302"},
		"308": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, target.URL, http.StatusPermanentRedirect)
		}, "pending", "status 308"},
		"400":        {withStatus(http.StatusBadRequest), "pending", "status 400"},
		"404":        {withStatus(http.StatusNotFound), "pending", "status 404"},
		"429":        {withStatus(http.StatusTooManyRequests), "pending", "status 429"},
		"500":        {withStatus(http.StatusInternalServerError), "pending", "status 500"},
		"410":        {withStatus(http.StatusGone), "failed", "status 410: the receiver wants no more"},
		"cut off":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "pending", "no answer"}, // SEC-S26: not why,
		"a word 200": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }, "delivered", ""},
	} {
		r := newReceiver(t)
		r.respondWith(c.answer)

		created := g.createWebhook(t, r, hookEvent)
		g.SignIn(t, world.Owner)

		var one client.WebhookDelivery

		apptest.Eventually(t, "the outcome of "+name, func() bool {
			list := g.deliveries(t, created.Webhook.ID)
			if len(list) == 0 {
				return false
			}

			one = list[0]

			return one.Attempts > 0 && (one.State != "pending" || one.LastError != "")
		})

		if one.State != c.state || one.LastError != c.reason {
			t.Errorf("%s: %+v", name, one)
		}

		if name == "410" {
			g.expectDisabledByReceiver(t, created.Webhook.ID)
		}

		// The sign-in for the next webhook is not an event for this one.
		if deleted, err := g.Client.DeleteWebhookWithResponse(t.Context(), created.Webhook.ID, &client.DeleteWebhookParams{IfMatch: g.etagOfWebhook(t, created.Webhook.ID)}, g.admin); err != nil || deleted.StatusCode() != http.StatusNoContent {
			t.Fatalf("%v %s", err, deleted.Body)
		}
	}

	if calls := target.callsFor(); len(calls) > 0 {
		t.Errorf("a redirect was followed: %+v", calls)
	}

	g.awaitEvents(t)

	if counted := g.metric(t, `gateway_webhook_calls_total{outcome="delivered"}`); counted != "2" {
		t.Errorf("%s counted as delivered", counted)
	}
}

// metric returns the value of a line of /metrics.
func (g *adminGateway) metric(t *testing.T, name string) string {
	t.Helper()

	response := httptest.NewRecorder()
	g.App.Private().ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))

	_, after, _ := strings.Cut(response.Body.String(), "\n"+name+" ")
	value, _, _ := strings.Cut(after, "\n")

	return value
}

// webhook returns a webhook as the list shows it.
func (g *adminGateway) webhook(t *testing.T, id string) client.Webhook {
	t.Helper()

	list, err := g.Client.ListWebhooksWithResponse(t.Context(), g.admin)
	if err != nil || list.JSON200 == nil {
		t.Fatalf("webhooks: %v %s", err, list.Body)
	}

	for _, one := range list.JSON200.Webhooks {
		if one.ID == id {
			return one
		}
	}

	t.Fatalf("no webhook %s in %s", id, list.Body)

	return client.Webhook{}
}

func (g *adminGateway) etagOfWebhook(t *testing.T, id string) string {
	t.Helper()

	return fmt.Sprintf("%q", fmt.Sprint(g.webhook(t, id).Version))
}

// expectDisabledByReceiver checks that the receiver has disabled the webhook, and that it is an audit event (SEC-S26).
func (g *adminGateway) expectDisabledByReceiver(t *testing.T, id string) {
	t.Helper()

	if one := g.webhook(t, id); one.Enabled || one.GoneAt.IsNull() || one.Version != 1 {
		t.Errorf("after 410: %+v", one)
	}

	g.changeWebhook(t, id, func(c *client.ChangeWebhookRequest) { c.Enabled = true })

	if one := g.webhook(t, id); !one.Enabled || !one.GoneAt.IsNull() {
		t.Errorf("enabled again: %+v", one)
	}

	if !strings.Contains(g.Log.String(), "a webhook was disabled") || strings.Contains(g.Log.String(), "in-the-address") {
		t.Error("the log lacks the warning, or reveals too much")
	}

	got := world.QueryValue[string](t, g.Pool, "SELECT string_agg(action || ' ' || detail::text, ' ') FROM audit_event WHERE action LIKE 'webhook.%' AND subject = $1 AND actor_id IS NULL", id)
	if !strings.HasPrefix(got, `webhook.disabled {"host":"127.0.0.1:`) || !strings.HasSuffix(got, `"status":"410"}`) {
		t.Errorf("events without an actor: %q", got)
	}
}

// A receiver that does not respond is paused, so that the other webhooks do not starve. The pause costs no delivery an
// attempt.
func TestUnresponsiveWebhookIsPaused(t *testing.T) {
	t.Parallel()

	const signIns = 6

	g := newAdminGateway(t)
	g.Account(t, world.Owner)

	r := newReceiver(t)
	r.respondWith(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })

	id := g.createWebhook(t, r, hookEvent).Webhook.ID
	g.Clock.Stop()
	g.SignIn(t, world.Owner)
	apptest.Eventually(t, "it failed once", func() bool { list := g.deliveries(t, id); return len(list) == 1 && list[0].LastError != "" })

	for range signIns - 1 {
		g.SignIn(t, world.Owner)
	}

	apptest.Eventually(t, "the others wait", func() bool {
		return world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM river_job WHERE kind = 'webhook' AND state NOT IN ('running', 'completed') AND metadata ? 'snoozes' AND attempt = 0") >= signIns-1
	})

	if calls := len(r.callsFor()); calls != 1 {
		t.Errorf("%d calls", calls)
	}

	r.respondWith(nil)
	g.Clock.Advance(5 * time.Second)
	apptest.Eventually(t, "all have arrived", func() bool {
		g.retryNow(t)

		return len(g.deliveries(t, id, "delivered")) == signIns
	})

	for _, one := range g.deliveries(t, id) {
		if one.Attempts > 2 {
			t.Errorf("%+v", one)
		}
	}
}

// A silent receiver holds no connection to the database, however many calls wait for it.
func TestSilentReceiverHoldsNoConnection(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t, func(c *apptest.Settings) { c.DatabaseMaxConns = 4 })
	g.Account(t, world.Owner)

	r := newReceiver(t)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	r.respondWith(func(http.ResponseWriter, *http.Request) { <-hang })
	g.createWebhook(t, r, hookEvent)

	for range 6 {
		g.SignIn(t, world.Owner)
	}

	apptest.Eventually(t, "six calls hang", func() bool { return len(r.callsFor()) == 6 })

	for range 20 {
		g.SignIn(t, world.Owner)
	}

	if busy := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'toolkit-gateway' AND state LIKE 'idle in transaction%'"); busy > 0 {
		t.Errorf("%d transactions are open", busy)
	}
}
