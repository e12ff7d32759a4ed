package admin_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// changeWebhook changes the settings of a webhook.
func (g *adminGateway) changeWebhook(t *testing.T, id string, change func(*client.ChangeWebhookRequest)) {
	t.Helper()

	before := g.webhook(t, id)
	request := client.ChangeWebhookRequest{Description: before.Description, Actions: before.Actions, Enabled: before.Enabled}
	change(&request)

	changed, err := g.Client.ChangeWebhookWithResponse(t.Context(), id, &client.ChangeWebhookParams{IfMatch: fmt.Sprintf("%q", fmt.Sprint(before.Version))}, request, g.admin)
	if err != nil || changed.JSON200 == nil {
		t.Fatalf("change webhook: %v %s", err, changed.Body)
	}
}

// awaitCalls waits until the receiver has received this many calls and returns how often it received each event.
func (r *receiver) awaitCalls(t *testing.T, calls int) map[string]int {
	t.Helper()
	apptest.Eventually(t, fmt.Sprintf("%d calls", calls), func() bool { return len(r.callsFor()) >= calls })

	counts := map[string]int{}
	for _, c := range r.callsFor() {
		counts[c.header.Get("webhook-id")]++
	}

	return counts
}

// replay sends the events since a time again.
func (g *adminGateway) replay(t *testing.T, id string, since time.Time) *client.ReplayWebhookResult {
	t.Helper()

	got, err := g.Client.ReplayWebhookWithResponse(t.Context(), id, nil,
		client.ReplayWebhookRequest{From: since.UTC()}, g.admin)
	if err != nil {
		t.Fatal(err)
	}

	return got
}

// A disabled webhook receives nothing, neither waiting events nor new ones. Once it is enabled again, all of them can
// be replayed.
func TestDisabledWebhookCatchesUp(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)

	r := newReceiver(t)
	r.respondWith(withStatus(http.StatusInternalServerError))

	id := g.createWebhook(t, r, hookEvent).Webhook.ID
	since := g.Clock.Now()

	g.SignIn(t, world.Owner)
	g.awaitAttempts(t, id, 1)
	g.changeWebhook(t, id, func(c *client.ChangeWebhookRequest) { c.Enabled = false })
	r.respondWith(nil)

	calls := len(r.callsFor())

	for range 2 {
		g.SignIn(t, world.Owner)
	}

	apptest.Eventually(t, "what waited has failed", func() bool {
		g.retryNow(t)

		return g.deliveries(t, id)[0].State == "failed"
	})
	g.awaitEvents(t)

	if list := g.deliveries(t, id); len(list) != 1 || list[0].LastError != "the webhook is disabled" || len(r.callsFor()) != calls {
		t.Errorf("%d calls, deliveries %+v", len(r.callsFor())-calls, list)
	}

	if refused := g.replay(t, id, since); codeOfError(refused.Body) != "WEBHOOK_DISABLED" {
		t.Errorf("replay while disabled: %s", refused.Body)
	}

	g.changeWebhook(t, id, func(c *client.ChangeWebhookRequest) { c.Enabled = true })

	if got := g.replay(t, id, since); got.JSON200 == nil || got.JSON200.Queued != 3 || !got.JSON200.Next.IsNull() {
		t.Fatalf("replay: %s", got.Body)
	}

	if events := r.awaitCalls(t, calls+3); len(events) != 3 {
		t.Errorf("got %v", events)
	}

	g.awaitEvents(t)

	if done := g.deliveries(t, id, "delivered"); len(done) != 3 {
		t.Errorf("delivered %+v", done)
	}

	if left := g.deliveries(t, id, "failed"); len(left) != 0 {
		t.Errorf("failed %+v", left)
	}
}

// One delivery is sent again at once, whether it had arrived or waited for a retry.
func TestDeliveryIsReplayed(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)

	r := newReceiver(t)
	id := g.createWebhook(t, r, hookEvent).Webhook.ID
	g.SignIn(t, world.Owner)

	r.awaitCalls(t, 1)
	g.awaitEvents(t)

	event := g.deliveries(t, id)[0].EventID
	key := "4b2a7e7c-6a8f-4c0f-9a51-0c6d1d1f3b52"

	again := func(key *string) *client.ReplayWebhookDeliveryResult {
		got, err := g.Client.ReplayWebhookDeliveryWithResponse(t.Context(), id, event, &client.ReplayWebhookDeliveryParams{IdempotencyKey: key}, g.admin)
		if err != nil || got.JSON200 == nil {
			t.Fatalf("replay: %v %s", err, got.Body)
		}

		return got
	}

	r.respondWith(withStatus(http.StatusInternalServerError))

	first, second := again(&key), again(&key)
	if string(first.Body) != string(second.Body) || first.JSON200.Delivery.State != "pending" || first.JSON200.Delivery.Attempts != 0 {
		t.Errorf("replayed %s and %s", first.Body, second.Body)
	}

	r.awaitCalls(t, 2)
	apptest.Eventually(t, "it failed once", func() bool { return g.deliveries(t, id)[0].LastError != "" })

	// This delivery waits for its next attempt, which does nothing once the delivery has been sent again.
	r.respondWith(nil)
	again(nil)

	events := r.awaitCalls(t, 3)
	g.awaitEvents(t)
	g.retryNow(t)
	apptest.Eventually(t, "no job is left", func() bool {
		g.retryNow(t)

		return world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM river_job WHERE kind = 'webhook' AND state NOT IN ('completed', 'discarded', 'cancelled')") == 0
	})

	if len(events) != 1 || len(r.callsFor()) != 3 {
		t.Errorf("%d calls, %v", len(r.callsFor()), events)
	}

	if one := g.deliveries(t, id); len(one) != 1 || one[0].State != "delivered" || one[0].Attempts != 1 {
		t.Errorf("in the end %+v", one)
	}

	if got := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM audit_event WHERE action = 'webhook.replayed' AND subject = $1 AND actor_id IS NOT NULL", id); got != 2 {
		t.Errorf("%d events about two replays", got)
	}
}

// A replay replaces the waiting retry: a delivery has one job at a time.
func TestReplayTakesThePlaceOfTheRetry(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)

	r := newReceiver(t)
	r.respondWith(withStatus(http.StatusInternalServerError))

	id := g.createWebhook(t, r, hookEvent).Webhook.ID
	g.SignIn(t, world.Owner)
	apptest.Eventually(t, "it failed once", func() bool { list := g.deliveries(t, id); return len(list) == 1 && list[0].LastError != "" })

	got, err := g.Client.ReplayWebhookDeliveryWithResponse(t.Context(), id, g.deliveries(t, id)[0].EventID, nil, g.admin)
	if err != nil || got.JSON200 == nil {
		t.Fatalf("replay: %v %s", err, got.Body)
	}

	apptest.Eventually(t, "the earlier job has finished", func() bool {
		g.retryNow(t)

		return world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM river_job WHERE kind = 'webhook' AND args ->> 'round' = '0' AND state = 'completed'") == 1
	})

	if one := g.deliveries(t, id)[0]; one.State != "pending" || int(one.Attempts) > len(r.callsFor()) {
		t.Errorf("%d calls, %+v", len(r.callsFor()), one)
	}
}

// The pages of the delivery log have no gap and no repeat.
func TestDeliveryLogHasPages(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)

	r := newReceiver(t)
	id := g.createWebhook(t, r, hookEvent).Webhook.ID

	for range 5 {
		g.SignIn(t, world.Owner)
	}

	r.awaitCalls(t, 5)
	g.awaitEvents(t)

	var (
		cursor *string
		seen   []int64
		limit  = 2
	)

	for cursor != nil || len(seen) == 0 {
		page, err := g.Client.ListWebhookDeliveriesWithResponse(t.Context(), id, &client.ListWebhookDeliveriesParams{Limit: &limit, Cursor: cursor}, g.admin)
		if err != nil || page.JSON200 == nil {
			t.Fatalf("page: %v %s", err, page.Body)
		}

		for _, one := range page.JSON200.Deliveries {
			seen = append(seen, one.EventID)
		}

		cursor = nil
		if !page.JSON200.Next.IsNull() {
			next := page.JSON200.Next.MustGet()
			cursor = &next
		}
	}

	for i := range seen {
		if i > 0 && seen[i] >= seen[i-1] {
			t.Errorf("order %d", seen)
		}
	}

	if len(seen) != 5 {
		t.Errorf("seen %d", seen)
	}
}
