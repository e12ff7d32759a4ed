package admin_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// webhookCall is a call that a receiver received.
type webhookCall struct {
	header http.Header
	body   string
}

func messageOf(t *testing.T, c webhookCall) (message client.WebhookMessage) {
	t.Helper()

	if err := json.Unmarshal([]byte(c.body), &message); err != nil {
		t.Fatalf("%s: %v", c.body, err)
	}

	return message
}

// receiver is a program that webhooks call. It records the calls and responds as the test asks.
type receiver struct {
	*httptest.Server

	mu      sync.Mutex
	calls   []webhookCall
	respond http.HandlerFunc
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()

	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}

		r.mu.Lock()
		r.calls = append(r.calls, webhookCall{request.Header, string(body)})
		response := r.respond
		r.mu.Unlock()

		if response != nil {
			response(w, request)
		}
	}))
	t.Cleanup(r.Close)

	return r
}

// respondWith sets how the receiver responds to further calls. Nil accepts them.
func (r *receiver) respondWith(response http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()

	r.respond = response
}

func withStatus(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func (r *receiver) callsFor() []webhookCall {
	r.mu.Lock()
	defer r.mu.Unlock()

	return slices.Clone(r.calls)
}

// createWebhook creates a webhook that calls the receiver and returns it with its secret. It receives no earlier event.
func (g *adminGateway) createWebhook(t *testing.T, r *receiver, actions ...string) *client.WebhookSecretResponse {
	t.Helper()
	apptest.Eventually(t, "what happened is sealed", func() bool { return world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM audit_unsealed") == 0 })

	request := client.CreateWebhookRequest{URL: r.URL + "/hook?key=in-the-address"}
	if len(actions) > 0 {
		request.Actions = &actions
	}

	created, err := g.Client.CreateWebhookWithResponse(t.Context(), nil, request, g.admin)
	if err != nil || created.JSON201 == nil {
		t.Fatalf("create webhook: %v %s", err, created.Body)
	}

	return created.JSON201
}

// awaitEvents waits until every event is sealed and no delivery waits for its first attempt.
func (g *adminGateway) awaitEvents(t *testing.T) {
	t.Helper()
	apptest.Eventually(t, "every event is sealed, and sent once", func() bool {
		return world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM audit_unsealed") == 0 &&
			world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM webhook_delivery WHERE state = 'pending' AND (attempts = 0 OR last_error = '')") == 0
	})
}

// deliveries returns the delivery log of a webhook.
func (g *adminGateway) deliveries(t *testing.T, id string, state ...client.ListWebhookDeliveriesParamsState) []client.WebhookDelivery {
	t.Helper()

	params := &client.ListWebhookDeliveriesParams{}
	if len(state) > 0 {
		params.State = &state[0]
	}

	list, err := g.Client.ListWebhookDeliveriesWithResponse(t.Context(), id, params, g.admin)
	if err != nil || list.JSON200 == nil {
		t.Fatalf("deliveries: %v %s", err, list.Body)
	}

	return list.JSON200.Deliveries
}

// signedWith computes the signature without the gateway's code.
func signedWith(t *testing.T, secret string, c webhookCall) string {
	t.Helper()

	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}

	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", c.header.Get("webhook-id"), c.header.Get("webhook-timestamp"), c.body)

	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Every event arrives once, is signed, and contains what the audit log contains.
func TestWebhookGetsEvents(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	r := newReceiver(t)
	before := world.QueryValue[int64](t, g.Pool, "SELECT max(id) FROM audit_event")
	created := g.createWebhook(t, r)

	g.Account(t, world.Owner)
	g.SignIn(t, world.Owner)
	g.assign(t, g.admin, g.account(t, world.Owner), "Member")
	g.awaitEvents(t)

	events, err := g.Client.ListAuditEventsWithResponse(t.Context(), nil, g.admin)
	if err != nil || events.JSON200 == nil {
		t.Fatalf("events: %v %s", err, events.Body)
	}

	logged := map[int64]client.AuditEvent{}

	for _, event := range events.JSON200.Events {
		if event.ID > before {
			logged[event.ID] = event
		}
	}

	calls := r.callsFor()
	if len(calls) != len(logged) || len(calls) < 4 {
		t.Fatalf("%d calls for %d events", len(calls), len(logged))
	}

	for _, c := range calls {
		message := messageOf(t, c)
		event := logged[message.Data.ID]
		delete(logged, message.Data.ID)

		if !reflect.DeepEqual(message.Data, event) || message.Type != event.Action || message.Timestamp != event.At {
			t.Errorf("sent %s, logged %+v", c.body, event)
		}

		if c.header.Get("webhook-id") != fmt.Sprintf("evt_%d", event.ID) || c.header.Get("Content-Type") != "application/json" {
			t.Errorf("header %v", c.header)
		}

		if got := c.header.Get("webhook-signature"); got != signedWith(t, created.Secret, c) {
			t.Errorf("signature %s", got)
		}
	}

	for _, one := range g.deliveries(t, created.Webhook.ID) {
		if one.State != "delivered" || one.Attempts != 1 || one.LastStatus.MustGet() != http.StatusOK || one.FinishedAt.IsNull() || !one.NextAttemptAt.IsNull() {
			t.Errorf("delivery %+v", one)
		}
	}
}
