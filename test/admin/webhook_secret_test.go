package admin_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/webhook"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// The secret is in the response that creates it, and in its repeat under the same idempotency key. It is in no other
// response, no column of any table, no event and no line of the log.
func TestWebhookSecretIsShownOnce(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	r := newReceiver(t)
	key, other := "4b2a7e7c-6a8f-4c0f-9a51-0c6d1d1f3b52", "5b2a7e7c-6a8f-4c0f-9a51-0c6d1d1f3b52"

	create := func(key *string) *client.WebhookSecretResponse {
		got, err := g.Client.CreateWebhookWithResponse(t.Context(), &client.CreateWebhookParams{IdempotencyKey: key},
			client.CreateWebhookRequest{URL: r.URL + "/canary-in-the-path?token=canary"}, g.admin)
		if err != nil || got.JSON201 == nil {
			t.Fatalf("create: %v %s", err, got.Body)
		}

		return got.JSON201
	}

	created, repeated, another := create(&key), create(&key), create(nil)
	if created.Secret != repeated.Secret || created.Webhook.ID != repeated.Webhook.ID || created.Secret == another.Secret {
		t.Errorf("created %+v, again %+v, another %+v", created, repeated, another)
	}

	id := created.Webhook.ID
	g.changeWebhook(t, id, func(c *client.ChangeWebhookRequest) { c.Description = "changed" })

	rotated, err := g.Client.RotateWebhookSecretWithResponse(t.Context(), id,
		&client.RotateWebhookSecretParams{IfMatch: g.etagOfWebhook(t, id), IdempotencyKey: &other}, g.admin)
	if err != nil || rotated.JSON200 == nil || rotated.JSON200.Secret == created.Secret {
		t.Fatalf("rotate: %v %s", err, rotated.Body)
	}

	g.awaitEvents(t)

	for what, secret := range map[string]string{"first": created.Secret, "second": rotated.JSON200.Secret} {
		text := strings.TrimPrefix(secret, "whsec_")

		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}

		for form, value := range map[string]string{"text": text, "hex": fmt.Sprintf("%x", raw)} {
			if places := g.tablesWith(t, value); len(places) > 0 {
				t.Errorf("the %s secret as %s is in %v", what, form, places)
			}
		}

		if strings.Contains(g.Log.String(), text) {
			t.Errorf("the %s secret is in the log", what)
		}

		list, err := g.Client.ListWebhooksWithResponse(t.Context(), g.admin)
		if err != nil || list.JSON200 == nil || strings.Contains(string(list.Body), text) {
			t.Errorf("the list: %v %s", err, list.Body)
		}
	}

	// SEC-S26: the path and query of a URL are often the key to a receiver. They are in no table in the clear, and in no
	// response.
	if places := g.tablesWith(t, "canary-in-the-path"); len(places) > 0 {
		t.Errorf("the URL is in %v", places)
	}

	list, err := g.Client.ListWebhooksWithResponse(t.Context(), g.admin)
	if err != nil || strings.Contains(string(list.Body), "canary") || "http://"+g.webhook(t, id).Host != r.URL {
		t.Errorf("the list: %v %s", err, list.Body)
	}

	if world.QueryValue[bool](t, g.Pool, "SELECT EXISTS (SELECT 1 FROM audit_event e WHERE e::text LIKE '%canary%')") || strings.Contains(g.Log.String(), "canary") {
		t.Error("the URL is in the audit log, or in the server's log")
	}

	deleted, err := g.Client.DeleteWebhookWithResponse(t.Context(), id, &client.DeleteWebhookParams{IfMatch: g.etagOfWebhook(t, id)}, g.admin)
	if err != nil || deleted.StatusCode() != http.StatusNoContent {
		t.Fatalf("delete: %v %s", err, deleted.Body)
	}

	if got := world.QueryValue[string](t, g.Pool, "SELECT string_agg(action, ' ' ORDER BY id) FROM audit_event WHERE subject = $1 AND actor_id IS NOT NULL", id); got != "webhook.created webhook.changed webhook.secret_rotated webhook.deleted" {
		t.Errorf("events %s", got)
	}
}

// tablesWith returns the tables that contain the text.
func (g *adminGateway) tablesWith(t *testing.T, text string) (places []string) {
	t.Helper()

	tables := world.QueryValue[[]string](t, g.Pool, "SELECT array_agg(table_name::text) FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'")

	for _, table := range tables {
		if world.QueryValue[bool](t, g.Pool, "SELECT EXISTS (SELECT 1 FROM "+table+" r WHERE position($1 IN r::text) > 0)", text) {
			places = append(places, table)
		}
	}

	return places
}

// While a secret is being rotated a call is signed with both secrets; a day later with the new one only.
func TestRotatedSecretOverlaps(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)

	r := newReceiver(t)
	created := g.createWebhook(t, r, hookEvent)

	rotated, err := g.Client.RotateWebhookSecretWithResponse(t.Context(), created.Webhook.ID, &client.RotateWebhookSecretParams{IfMatch: `"0"`}, g.admin)
	if err != nil || rotated.JSON200 == nil {
		t.Fatalf("rotate: %v %s", err, rotated.Body)
	}

	g.SignIn(t, world.Owner)
	r.awaitCalls(t, 1)

	// The clean-up, which also erases the previous secret, runs at the start and then not for five minutes.
	apptest.Eventually(t, "the clean-up is over", func() bool {
		return world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM river_job WHERE kind = 'cleaning' AND state = 'completed'") > 0
	})
	g.Clock.Advance(webhook.Overlap + time.Second)
	g.SignIn(t, world.Owner)
	r.awaitCalls(t, 2)

	calls := r.callsFor()
	for i, want := range []string{
		signedWith(t, rotated.JSON200.Secret, calls[0]) + " " + signedWith(t, created.Secret, calls[0]),
		signedWith(t, rotated.JSON200.Secret, calls[1]),
	} {
		if got := calls[i].header.Get("webhook-signature"); got != want {
			t.Errorf("call %d: %s, want %s", i+1, got, want)
		}
	}
}

// A sealed secret that is moved to another webhook does not open there, and nothing is sent.
func TestSwappedWebhookSecretDoesNotOpen(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)

	r := newReceiver(t)
	one, other := g.createWebhook(t, r, hookEvent).Webhook.ID, g.createWebhook(t, r, "nothing.happens").Webhook.ID

	if _, err := g.Pool.Exec(t.Context(), "UPDATE webhook w SET secret = o.secret FROM webhook o WHERE w.id = $1 AND o.id = $2", one, other); err != nil {
		t.Fatal(err)
	}

	g.SignIn(t, world.Owner)
	g.awaitAttempts(t, one, 1)

	if got := g.deliveries(t, one)[0]; got.State != "failed" || !strings.HasPrefix(got.LastError, "it could not be put together") || len(r.callsFor()) > 0 {
		t.Errorf("%d calls, %+v", len(r.callsFor()), got)
	}
}

// An administrator without the right to read the audit log cannot subscribe to it either.
func TestWebhooksNeedTheirEventsRight(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	r := newReceiver(t)
	id := g.createWebhook(t, r, "nothing.happens").Webhook.ID

	description, rights := "", []client.Right{"webhooks.write", "accounts.read"}

	made, err := g.Client.CreateGroupWithResponse(t.Context(), nil, client.CreateGroupRequest{Name: "Plumber", Description: &description, Rights: &rights}, g.admin)
	if err != nil || made.JSON201 == nil {
		t.Fatalf("create group: %v %s", err, made.Body)
	}

	webhookKeeper := g.member(t, "plumber@konec.com.au", "Plumber")

	list, err := g.Client.ListWebhooksWithResponse(t.Context(), webhookKeeper)
	if err != nil || list.JSON200 == nil {
		t.Errorf("list: %v %s", err, list.Body)
	}

	got := map[string][]byte{}

	created, err := g.Client.CreateWebhookWithResponse(t.Context(), nil, client.CreateWebhookRequest{URL: r.URL}, webhookKeeper)
	got["create"] = created.Body
	changed, err1 := g.Client.ChangeWebhookWithResponse(t.Context(), id, &client.ChangeWebhookParams{IfMatch: `"0"`}, client.ChangeWebhookRequest{URL: &r.URL, Actions: []string{}}, webhookKeeper)
	got["change"] = changed.Body
	rotated, err2 := g.Client.RotateWebhookSecretWithResponse(t.Context(), id, &client.RotateWebhookSecretParams{IfMatch: `"0"`}, webhookKeeper)
	got["rotate"] = rotated.Body
	replayed, err3 := g.Client.ReplayWebhookWithResponse(t.Context(), id, nil, client.ReplayWebhookRequest{From: g.Clock.Now()}, webhookKeeper)
	got["replay"] = replayed.Body
	again, err4 := g.Client.ReplayWebhookDeliveryWithResponse(t.Context(), id, 1, nil, webhookKeeper)
	got["replay one"] = again.Body

	for _, err := range []error{err, err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}

	for what, body := range got {
		if codeOfError(body) != "RIGHT_MISSING" {
			t.Errorf("%s: %s", what, body)
		}
	}

	if after := g.webhook(t, id); after.Version != 0 {
		t.Errorf("it was changed: %+v", after)
	}

	deleted, err := g.Client.DeleteWebhookWithResponse(t.Context(), id, &client.DeleteWebhookParams{IfMatch: `"0"`}, webhookKeeper)
	if err != nil || deleted.StatusCode() != http.StatusNoContent {
		t.Errorf("delete: %v %s", err, deleted.Body)
	}
}

// A URL to which events must not go is refused, and the error names the field.
func TestWebhookAddressIsRefused(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	id := g.createWebhook(t, newReceiver(t)).Webhook.ID

	for _, address := range []string{
		"https://10.1.2.3/hook", "https://169.254.169.254/latest", "https://user:password@example.com/", "https://example.com/#part", "https://[fe80::1]/",
	} {
		created, err := g.Client.CreateWebhookWithResponse(t.Context(), nil, client.CreateWebhookRequest{URL: address}, g.admin)
		if err != nil || created.JSON400 == nil || !strings.Contains(string(created.Body), `"/url"`) {
			t.Errorf("create %s: %v %s", address, err, created.Body)
		}

		changed, err := g.Client.ChangeWebhookWithResponse(t.Context(), id, &client.ChangeWebhookParams{IfMatch: `"0"`},
			client.ChangeWebhookRequest{URL: &address, Actions: []string{}}, g.admin)
		if err != nil || changed.JSON400 == nil || !strings.Contains(string(changed.Body), `"/url"`) {
			t.Errorf("change to %s: %v %s", address, err, changed.Body)
		}
	}
}
