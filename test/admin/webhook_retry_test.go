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

// hookEvent happens once a sign-in: what the webhooks of these tests want, and what makes nothing else of the kind.
const hookEvent = "sign_in.succeeded"

// wake lets webhooks be called that wait for their next attempt.
func (b *bureau) wake(t *testing.T) {
	t.Helper()

	if _, err := b.Pool.Exec(t.Context(), "UPDATE river_job SET scheduled_at = now(), state = 'available' WHERE kind = 'webhook' AND state IN ('retryable', 'scheduled')"); err != nil {
		t.Fatal(err)
	}
}

// attempted waits until the only delivery of a webhook was attempted so often, and answers it. Nobody is at it any more.
func (b *bureau) attempted(t *testing.T, id string, times int32) client.WebhookDelivery {
	t.Helper()

	var one client.WebhookDelivery

	busy := func() bool {
		return world.EventExists[bool](t, b.Pool, "SELECT EXISTS (SELECT 1 FROM river_job WHERE kind = 'webhook' AND state IN ('available', 'running'))")
	}

	apptest.Eventually(t, fmt.Sprintf("attempt %d", times), func() bool {
		idle, list := !busy(), b.deliveries(t, id)

		if len(list) != 1 {
			return false
		}

		if list[0].Attempts < times {
			if idle {
				b.wake(t)
			}

			return false
		}

		// It is counted before it is made; what came of it is there once nobody is at it.
		if busy() {
			return false
		}

		one = b.deliveries(t, id)[0]

		return true
	})

	return one
}

// What does not arrive is tried again, with ever longer waits, for more than a day, with the same id and a signature of its
// own time; then it has failed, and what the receiver said is nowhere but for its status.
func TestWebhookIsTriedAgain(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	b.Account(t, world.Owner)

	r := newReceiver(t)
	r.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("canary-in-the-answer"))
	})

	created := b.webhook(t, r, hookEvent)
	b.Clock.Advance(10 * time.Minute) // River goes by the real one: nothing comes due by itself
	b.SignIn(t, world.Owner)
	b.Clock.Stop() // so that a wait can be read off

	const attempts = 11

	var (
		waits []time.Duration
		sum   time.Duration
	)

	for n := int32(1); n <= attempts; n++ {
		one := b.attempted(t, created.Webhook.ID, n)
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

		waits = append(waits, next.Sub(b.Clock.Now().Truncate(time.Millisecond)))
		sum += waits[n-1]

		if n > 1 && waits[n-1] <= waits[n-2] {
			t.Errorf("waits %s do not grow", waits)
		}

		b.Clock.Advance(time.Minute) // between two attempts, for the signature
	}

	if sum < 24*time.Hour || sum > 30*time.Hour || waits[0] > 10*time.Second {
		t.Errorf("waits %s, %s in all", waits, sum)
	}

	calls := r.got()
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

	if world.EventExists[bool](t, b.Pool, "SELECT EXISTS (SELECT 1 FROM webhook_delivery d WHERE d::text LIKE '%canary%') OR EXISTS (SELECT 1 FROM river_job j WHERE j::text LIKE '%canary%')") ||
		strings.Contains(b.Log.String(), "canary") {
		t.Error("what was answered is kept")
	}
}

// What each answer means.
func TestWebhookAnswers(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	b.Account(t, world.Owner)

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
		"cut off":    {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "pending", "no answer: the connection broke"},
		"a word 200": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }, "delivered", ""},
	} {
		r := newReceiver(t)
		r.answers(c.answer)

		created := b.webhook(t, r, hookEvent)
		b.SignIn(t, world.Owner)

		var one client.WebhookDelivery

		apptest.Eventually(t, "the outcome of "+name, func() bool {
			list := b.deliveries(t, created.Webhook.ID)
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
			b.expectGone(t, created.Webhook.ID)
		}

		// The next webhook's sign-in is not for this one.
		if deleted, err := b.Client.DeleteWebhookWithResponse(t.Context(), created.Webhook.ID, &client.DeleteWebhookParams{IfMatch: b.etagOfWebhook(t, created.Webhook.ID)}, b.admin); err != nil || deleted.StatusCode() != http.StatusNoContent {
			t.Fatalf("%v %s", err, deleted.Body)
		}
	}

	if calls := target.got(); len(calls) > 0 {
		t.Errorf("a redirect was followed: %+v", calls)
	}

	b.settled(t)

	if counted := b.metric(t, `gateway_webhook_calls_total{outcome="delivered"}`); counted != "2" {
		t.Errorf("%s counted as delivered", counted)
	}
}

// metric is a line of /metrics.
func (b *bureau) metric(t *testing.T, name string) string {
	t.Helper()

	answer := httptest.NewRecorder()
	b.App.Private().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))

	_, after, _ := strings.Cut(answer.Body.String(), "\n"+name+" ")
	value, _, _ := strings.Cut(after, "\n")

	return value
}

// hook answers a webhook as the list has it.
func (b *bureau) hook(t *testing.T, id string) client.Webhook {
	t.Helper()

	list, err := b.Client.ListWebhooksWithResponse(t.Context(), b.admin)
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

func (b *bureau) etagOfWebhook(t *testing.T, id string) string {
	t.Helper()

	return fmt.Sprintf("%q", fmt.Sprint(b.hook(t, id).Version))
}

// expectGone wants the webhook to be disabled by its receiver, without an event about it.
func (b *bureau) expectGone(t *testing.T, id string) {
	t.Helper()

	if one := b.hook(t, id); one.Enabled || one.GoneAt.IsNull() || one.Version != 1 {
		t.Errorf("after 410: %+v", one)
	}

	b.changeHook(t, id, func(c *client.ChangeWebhookRequest) { c.Enabled = true })

	if one := b.hook(t, id); !one.Enabled || !one.GoneAt.IsNull() {
		t.Errorf("enabled again: %+v", one)
	}

	if !strings.Contains(b.Log.String(), "a webhook was disabled") || strings.Contains(b.Log.String(), "in-the-address") {
		t.Error("the log does not say so, or says too much")
	}

	if world.EventExists[bool](t, b.Pool, "SELECT EXISTS (SELECT 1 FROM audit_event WHERE action LIKE 'webhook.%' AND subject = $1 AND actor_id IS NULL)", id) {
		t.Error("sending wrote an event")
	}
}

// A receiver that gives no answer is left alone for a while, so that the others do not starve beside it. That costs no event an attempt.
func TestUnansweredWebhookIsLeftAlone(t *testing.T) {
	t.Parallel()

	const signIns = 6

	b := newBureau(t)
	b.Account(t, world.Owner)

	r := newReceiver(t)
	r.answers(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })

	id := b.webhook(t, r, hookEvent).Webhook.ID
	b.Clock.Stop()
	b.SignIn(t, world.Owner)
	apptest.Eventually(t, "it failed once", func() bool { list := b.deliveries(t, id); return len(list) == 1 && list[0].LastError != "" })

	for range signIns - 1 {
		b.SignIn(t, world.Owner)
	}

	apptest.Eventually(t, "the others wait", func() bool {
		return world.EventExists[int](t, b.Pool, "SELECT count(*) FROM river_job WHERE kind = 'webhook' AND state NOT IN ('running', 'completed') AND metadata ? 'snoozes' AND attempt = 0") >= signIns-1
	})

	if calls := len(r.got()); calls != 1 {
		t.Errorf("%d calls", calls)
	}

	r.answers(nil)
	b.Clock.Advance(5 * time.Second)
	apptest.Eventually(t, "all have arrived", func() bool {
		b.wake(t)

		return len(b.deliveries(t, id, "delivered")) == signIns
	})

	for _, one := range b.deliveries(t, id) {
		if one.Attempts > 2 {
			t.Errorf("%+v", one)
		}
	}
}

// A receiver that says nothing holds no connection to the database, however many calls wait for it.
func TestSilentReceiverHoldsNoConnection(t *testing.T) {
	t.Parallel()

	b := newBureau(t, func(c *apptest.Settings) { c.DatabaseMaxConns = 4 })
	b.Account(t, world.Owner)

	r := newReceiver(t)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	r.answers(func(http.ResponseWriter, *http.Request) { <-hang })
	b.webhook(t, r, hookEvent)

	for range 6 {
		b.SignIn(t, world.Owner)
	}

	apptest.Eventually(t, "six calls hang", func() bool { return len(r.got()) == 6 })

	for range 20 {
		b.SignIn(t, world.Owner)
	}

	if busy := world.EventExists[int](t, b.Pool, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'toolkit-gateway' AND state LIKE 'idle in transaction%'"); busy > 0 {
		t.Errorf("%d transactions are open", busy)
	}
}
