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

// The secret is in the answer that makes it, and in its repeat under the same key. It is in no other answer, in no column of any
// table, in no event, and in no line of the log.
func TestWebhookSecretIsToldOnce(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	r := newReceiver(t)
	key, other := "4b2a7e7c-6a8f-4c0f-9a51-0c6d1d1f3b52", "5b2a7e7c-6a8f-4c0f-9a51-0c6d1d1f3b52"

	create := func(key *string) *client.WebhookSecretResponse {
		got, err := b.Client.CreateWebhookWithResponse(t.Context(), &client.CreateWebhookParams{IdempotencyKey: key},
			client.CreateWebhookRequest{URL: r.URL + "/canary-in-the-path?token=canary"}, b.admin)
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
	b.changeHook(t, id, func(c *client.ChangeWebhookRequest) { c.Description = "changed" })

	rotated, err := b.Client.RotateWebhookSecretWithResponse(t.Context(), id,
		&client.RotateWebhookSecretParams{IfMatch: b.etagOfWebhook(t, id), IdempotencyKey: &other}, b.admin)
	if err != nil || rotated.JSON200 == nil || rotated.JSON200.Secret == created.Secret {
		t.Fatalf("rotate: %v %s", err, rotated.Body)
	}

	b.settled(t)

	for what, secret := range map[string]string{"first": created.Secret, "second": rotated.JSON200.Secret} {
		text := strings.TrimPrefix(secret, "whsec_")

		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}

		for form, value := range map[string]string{"text": text, "hex": fmt.Sprintf("%x", raw)} {
			if places := b.placesOf(t, value); len(places) > 0 {
				t.Errorf("the %s secret as %s is in %v", what, form, places)
			}
		}

		if strings.Contains(b.Log.String(), text) {
			t.Errorf("the %s secret is in the log", what)
		}

		list, err := b.Client.ListWebhooksWithResponse(t.Context(), b.admin)
		if err != nil || list.JSON200 == nil || strings.Contains(string(list.Body), text) {
			t.Errorf("the list: %v %s", err, list.Body)
		}
	}

	// The rest of an address is the key to many a receiver.
	if world.EventExists[bool](t, b.Pool, "SELECT EXISTS (SELECT 1 FROM audit_event e WHERE e::text LIKE '%canary%')") || strings.Contains(b.Log.String(), "canary") {
		t.Error("the address is in the audit log, or in the server's")
	}

	deleted, err := b.Client.DeleteWebhookWithResponse(t.Context(), id, &client.DeleteWebhookParams{IfMatch: b.etagOfWebhook(t, id)}, b.admin)
	if err != nil || deleted.StatusCode() != http.StatusNoContent {
		t.Fatalf("delete: %v %s", err, deleted.Body)
	}

	if got := world.EventExists[string](t, b.Pool, "SELECT string_agg(action, ' ' ORDER BY id) FROM audit_event WHERE subject = $1 AND actor_id IS NOT NULL", id); got != "webhook.created webhook.changed webhook.secret_rotated webhook.deleted" {
		t.Errorf("events %s", got)
	}
}

// placesOf are the tables that have the text somewhere.
func (b *bureau) placesOf(t *testing.T, text string) (places []string) {
	t.Helper()

	tables := world.EventExists[[]string](t, b.Pool, "SELECT array_agg(table_name::text) FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'")

	for _, table := range tables {
		if world.EventExists[bool](t, b.Pool, "SELECT EXISTS (SELECT 1 FROM "+table+" r WHERE position($1 IN r::text) > 0)", text) {
			places = append(places, table)
		}
	}

	return places
}

// While a secret changes a call is signed with both; a day later with the new one alone.
func TestRotatedSecretOverlaps(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	b.Account(t, world.Owner)

	r := newReceiver(t)
	created := b.webhook(t, r, hookEvent)

	rotated, err := b.Client.RotateWebhookSecretWithResponse(t.Context(), created.Webhook.ID, &client.RotateWebhookSecretParams{IfMatch: `"0"`}, b.admin)
	if err != nil || rotated.JSON200 == nil {
		t.Fatalf("rotate: %v %s", err, rotated.Body)
	}

	b.SignIn(t, world.Owner)
	r.arrived(t, 1)

	// The clean-up, which forgets the secret of before as well, comes at the start, and then not for five minutes.
	apptest.Eventually(t, "the clean-up is over", func() bool {
		return world.EventExists[int](t, b.Pool, "SELECT count(*) FROM river_job WHERE kind = 'cleaning' AND state = 'completed'") > 0
	})
	b.Clock.Advance(webhook.Overlap + time.Second)
	b.SignIn(t, world.Owner)
	r.arrived(t, 2)

	calls := r.got()
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

	b := newBureau(t)
	b.Account(t, world.Owner)

	r := newReceiver(t)
	one, other := b.webhook(t, r, hookEvent).Webhook.ID, b.webhook(t, r, "nothing.happens").Webhook.ID

	if _, err := b.Pool.Exec(t.Context(), "UPDATE webhook w SET secret = o.secret FROM webhook o WHERE w.id = $1 AND o.id = $2", one, other); err != nil {
		t.Fatal(err)
	}

	b.SignIn(t, world.Owner)
	b.attempted(t, one, 1)

	if got := b.deliveries(t, one)[0]; got.State != "failed" || !strings.HasPrefix(got.LastError, "it could not be put together") || len(r.got()) > 0 {
		t.Errorf("%d calls, %+v", len(r.got()), got)
	}
}

// Whoever may not read the audit log does not have it sent to them either.
func TestWebhooksNeedTheirEventsRight(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	r := newReceiver(t)
	id := b.webhook(t, r, "nothing.happens").Webhook.ID

	description, rights := "", []client.Right{"webhooks.write", "accounts.read"}

	made, err := b.Client.CreateGroupWithResponse(t.Context(), nil, client.CreateGroupRequest{Name: "Plumber", Description: &description, Rights: &rights}, b.admin)
	if err != nil || made.JSON201 == nil {
		t.Fatalf("create group: %v %s", err, made.Body)
	}

	plumber := b.member(t, "plumber@konec.com.au", "Plumber")

	list, err := b.Client.ListWebhooksWithResponse(t.Context(), plumber)
	if err != nil || list.JSON200 == nil {
		t.Errorf("list: %v %s", err, list.Body)
	}

	got := map[string][]byte{}

	created, err := b.Client.CreateWebhookWithResponse(t.Context(), nil, client.CreateWebhookRequest{URL: r.URL}, plumber)
	got["create"] = created.Body
	changed, err1 := b.Client.ChangeWebhookWithResponse(t.Context(), id, &client.ChangeWebhookParams{IfMatch: `"0"`}, client.ChangeWebhookRequest{URL: r.URL, Actions: []string{}}, plumber)
	got["change"] = changed.Body
	rotated, err2 := b.Client.RotateWebhookSecretWithResponse(t.Context(), id, &client.RotateWebhookSecretParams{IfMatch: `"0"`}, plumber)
	got["rotate"] = rotated.Body
	replayed, err3 := b.Client.ReplayWebhookWithResponse(t.Context(), id, nil, client.ReplayWebhookRequest{From: b.Clock.Now()}, plumber)
	got["replay"] = replayed.Body
	again, err4 := b.Client.ReplayWebhookDeliveryWithResponse(t.Context(), id, 1, nil, plumber)
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

	if after := b.hook(t, id); after.Version != 0 {
		t.Errorf("it was changed: %+v", after)
	}

	deleted, err := b.Client.DeleteWebhookWithResponse(t.Context(), id, &client.DeleteWebhookParams{IfMatch: `"0"`}, plumber)
	if err != nil || deleted.StatusCode() != http.StatusNoContent {
		t.Errorf("delete: %v %s", err, deleted.Body)
	}
}

// Where events must not go is refused when it is asked for, and named.
func TestWebhookAddressIsRefused(t *testing.T) {
	t.Parallel()

	b := newBureau(t)
	id := b.webhook(t, newReceiver(t)).Webhook.ID

	for _, address := range []string{
		"https://10.1.2.3/hook", "https://169.254.169.254/latest", "https://user:password@example.com/", "https://example.com/#part", "https://[fe80::1]/",
	} {
		created, err := b.Client.CreateWebhookWithResponse(t.Context(), nil, client.CreateWebhookRequest{URL: address}, b.admin)
		if err != nil || created.JSON400 == nil || !strings.Contains(string(created.Body), `"/url"`) {
			t.Errorf("create %s: %v %s", address, err, created.Body)
		}

		changed, err := b.Client.ChangeWebhookWithResponse(t.Context(), id, &client.ChangeWebhookParams{IfMatch: `"0"`},
			client.ChangeWebhookRequest{URL: address, Actions: []string{}}, b.admin)
		if err != nil || changed.JSON400 == nil || !strings.Contains(string(changed.Body), `"/url"`) {
			t.Errorf("change to %s: %v %s", address, err, changed.Body)
		}
	}
}
