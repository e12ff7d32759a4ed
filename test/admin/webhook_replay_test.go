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

// change replaces what a webhook says.
func (b *bureau) changeHook(t *testing.T, id string, change func(*client.ChangeWebhookRequest)) {
	t.Helper()

	before := b.hook(t, id)
	request := client.ChangeWebhookRequest{URL: before.URL, Description: before.Description, Actions: before.Actions, Enabled: before.Enabled}
	change(&request)

	changed, err := b.Client.ChangeWebhookWithResponse(t.Context(), id, &client.ChangeWebhookParams{IfMatch: fmt.Sprintf("%q", fmt.Sprint(before.Version))}, request, b.admin)
	if err != nil || changed.JSON200 == nil {
		t.Fatalf("change webhook: %v %s", err, changed.Body)
	}
}

// arrived waits until the receiver got so many calls, and answers how often it got each event.
func (r *receiver) arrived(t *testing.T, calls int) map[string]int {
	t.Helper()
	apptest.Eventually(t, fmt.Sprintf("%d calls", calls), func() bool { return len(r.got()) >= calls })

	counts := map[string]int{}
	for _, c := range r.got() {
		counts[c.header.Get("webhook-id")]++
	}

	return counts
}

// replay sends events again since a time.
func (b *bureau) replay(t *testing.T, id string, since time.Time) *client.ReplayWebhookResult {
	t.Helper()

	got, err := b.Client.ReplayWebhookWithResponse(t.Context(), id, nil,
		client.ReplayWebhookRequest{From: since.UTC()}, b.admin)
	if err != nil {
		t.Fatal(err)
	}

	return got
}

// One that is disabled gets nothing, neither what waits nor what happens; once it is enabled again it can have all of it.
func TestDisabledWebhookCatchesUp(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	b.Account(t, world.Owner)

	r := newReceiver(t)
	r.answers(withStatus(http.StatusInternalServerError))

	id := b.webhook(t, r, hookEvent).Webhook.ID
	since := b.Clock.Now()

	b.SignIn(t, world.Owner)
	b.attempted(t, id, 1)
	b.changeHook(t, id, func(c *client.ChangeWebhookRequest) { c.Enabled = false })
	r.answers(nil)

	calls := len(r.got())

	for range 2 {
		b.SignIn(t, world.Owner)
	}

	apptest.Eventually(t, "what waited has failed", func() bool {
		b.wake(t)

		return b.deliveries(t, id)[0].State == "failed"
	})
	b.settled(t)

	if list := b.deliveries(t, id); len(list) != 1 || list[0].LastError != "the webhook is disabled" || len(r.got()) != calls {
		t.Errorf("%d calls, deliveries %+v", len(r.got())-calls, list)
	}

	if refused := b.replay(t, id, since); codeOfError(refused.Body) != "WEBHOOK_DISABLED" {
		t.Errorf("replay while disabled: %s", refused.Body)
	}

	b.changeHook(t, id, func(c *client.ChangeWebhookRequest) { c.Enabled = true })

	if got := b.replay(t, id, since); got.JSON200 == nil || got.JSON200.Queued != 3 || !got.JSON200.Next.IsNull() {
		t.Fatalf("replay: %s", got.Body)
	}

	if events := r.arrived(t, calls+3); len(events) != 3 {
		t.Errorf("got %v", events)
	}

	b.settled(t)

	if done := b.deliveries(t, id, "delivered"); len(done) != 3 {
		t.Errorf("delivered %+v", done)
	}

	if left := b.deliveries(t, id, "failed"); len(left) != 0 {
		t.Errorf("failed %+v", left)
	}
}

// One event is sent again at once: one that has arrived, and one that would have waited.
func TestDeliveryIsReplayed(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	b.Account(t, world.Owner)

	r := newReceiver(t)
	id := b.webhook(t, r, hookEvent).Webhook.ID
	b.SignIn(t, world.Owner)

	r.arrived(t, 1)
	b.settled(t)

	event := b.deliveries(t, id)[0].EventID
	key := "4b2a7e7c-6a8f-4c0f-9a51-0c6d1d1f3b52"

	again := func(key *string) *client.ReplayWebhookDeliveryResult {
		got, err := b.Client.ReplayWebhookDeliveryWithResponse(t.Context(), id, event, &client.ReplayWebhookDeliveryParams{IdempotencyKey: key}, b.admin)
		if err != nil || got.JSON200 == nil {
			t.Fatalf("replay: %v %s", err, got.Body)
		}

		return got
	}

	r.answers(withStatus(http.StatusInternalServerError))

	first, second := again(&key), again(&key)
	if string(first.Body) != string(second.Body) || first.JSON200.Delivery.State != "pending" || first.JSON200.Delivery.Attempts != 0 {
		t.Errorf("replayed %s and %s", first.Body, second.Body)
	}

	r.arrived(t, 2)
	apptest.Eventually(t, "it failed once", func() bool { return b.deliveries(t, id)[0].LastError != "" })

	// That one waits for its next attempt, which comes to nothing once it was sent again.
	r.answers(nil)
	again(nil)

	events := r.arrived(t, 3)
	b.settled(t)
	b.wake(t)
	apptest.Eventually(t, "no job is left", func() bool {
		b.wake(t)

		return world.EventExists[int](t, b.Pool, "SELECT count(*) FROM river_job WHERE kind = 'webhook' AND state NOT IN ('completed', 'discarded', 'cancelled')") == 0
	})

	if len(events) != 1 || len(r.got()) != 3 {
		t.Errorf("%d calls, %v", len(r.got()), events)
	}

	if one := b.deliveries(t, id); len(one) != 1 || one[0].State != "delivered" || one[0].Attempts != 1 {
		t.Errorf("in the end %+v", one)
	}

	if got := world.EventExists[int](t, b.Pool, "SELECT count(*) FROM audit_event WHERE action = 'webhook.replayed' AND subject = $1 AND actor_id IS NOT NULL", id); got != 2 {
		t.Errorf("%d events about two replays", got)
	}
}

// What is sent again is no longer sent as it would have been: there is one job for it at a time.
func TestReplayTakesThePlaceOfTheRetry(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	b.Account(t, world.Owner)

	r := newReceiver(t)
	r.answers(withStatus(http.StatusInternalServerError))

	id := b.webhook(t, r, hookEvent).Webhook.ID
	b.SignIn(t, world.Owner)
	apptest.Eventually(t, "it failed once", func() bool { list := b.deliveries(t, id); return len(list) == 1 && list[0].LastError != "" })

	got, err := b.Client.ReplayWebhookDeliveryWithResponse(t.Context(), id, b.deliveries(t, id)[0].EventID, nil, b.admin)
	if err != nil || got.JSON200 == nil {
		t.Fatalf("replay: %v %s", err, got.Body)
	}

	apptest.Eventually(t, "the job of before has nothing to do", func() bool {
		b.wake(t)

		return world.EventExists[int](t, b.Pool, "SELECT count(*) FROM river_job WHERE kind = 'webhook' AND args ->> 'round' = '0' AND state = 'completed'") == 1
	})

	if one := b.deliveries(t, id)[0]; one.State != "pending" || int(one.Attempts) > len(r.got()) {
		t.Errorf("%d calls, %+v", len(r.got()), one)
	}
}

// The log comes in pages, without a gap and without a repeat.
func TestDeliveryLogHasPages(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	b.Account(t, world.Owner)

	r := newReceiver(t)
	id := b.webhook(t, r, hookEvent).Webhook.ID

	for range 5 {
		b.SignIn(t, world.Owner)
	}

	r.arrived(t, 5)
	b.settled(t)

	var (
		cursor *string
		seen   []int64
		limit  = 2
	)

	for cursor != nil || len(seen) == 0 {
		page, err := b.Client.ListWebhookDeliveriesWithResponse(t.Context(), id, &client.ListWebhookDeliveriesParams{Limit: &limit, Cursor: cursor}, b.admin)
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
