package contract_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// A1 row 22: a parameter that is left out has the default that the document gives it. For every operation with such a
// parameter a call without it gets what the call with the default gets, and another value gets something else.
func TestDefaultsAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()

	m := world.NewMatrix(t)
	admin, user := m.Members(t, 1, world.GroupAdmin)[0], m.Members(t, 1, account.GroupNone)[0]
	hook := world.EnsureWebhook(m.Env, "defaults", true)
	other := map[string]string{"limit": "1", "count": "true", "format": "png"}
	checked := map[string]bool{}

	m.PendingAuthenticator(t, user)
	seedLists(t, m, user, hook)

	for _, o := range world.Operations() {
		for _, p := range o.Parameters {
			if p.Value.Schema == nil || p.Value.Schema.Value.Default == nil {
				continue
			}

			name, value := p.Value.Name, fmt.Sprint(p.Value.Schema.Value.Default)
			checked[name] = true

			ask := func(query string) string {
				c := o.Call(query, nil)
				c.Path = strings.NewReplacer("{accountId}", user.ID, "{webhookId}", hook).Replace(c.Path)

				sender := admin
				if !o.IsAdmin() {
					sender = user
				}

				c = m.AsMember(sender, c)
				if o.RequiresScheme("bearer") && !o.IsAdmin() {
					c = c.With("Authorization", "Bearer "+sender.AccessToken)
				}

				got := c.To(t, m.Server)
				if got.Status != http.StatusOK {
					t.Errorf("%s?%s: %s", o.OperationID, query, got)
				}

				return got.Header.Get("Content-Type") + string(got.Body)
			}

			without := ask("")
			if with := ask(url.Values{name: {value}}.Encode()); with != without {
				t.Errorf("%s: %s=%s, the default, gets something else than no %s", o.OperationID, name, value, name)
			}

			if different := ask(url.Values{name: {other[name]}}.Encode()); different == without {
				t.Errorf("%s: %s=%s gets the same as the default: the test sees nothing", o.OperationID, name, other[name])
			}
		}
	}

	if len(checked) != len(other) {
		t.Errorf("defaults of %v, and other values of %v", checked, other)
	}
}

// seedLists gives every list more entries than its default limit.
func seedLists(t *testing.T, m *world.Matrix, user *world.Member, hook string) {
	t.Helper()
	m.Members(t, 60, account.GroupNone)

	m.Update(t, `
		INSERT INTO audit_event (at, action, account_id, subject, user_agent, request_id)
		SELECT now() - n * interval '1 second', 'sign_in.succeeded', $1, '', '', '' FROM generate_series(1, 60) n`, user.ID)
	m.Update(t, `
		INSERT INTO delivery (id, channel, recipient, kind, language, state, created_at, expires_at, finished_at)
		SELECT 'default-' || n, 'mail', $1, 'reset', 'en', 'sent', now() - n * interval '1 second', now(), now() FROM generate_series(1, 60) n`, user.Email)
	m.Update(t, `
		INSERT INTO webhook_delivery (webhook_id, event_id, state, created_at, queued_at, finished_at)
		SELECT $1, 1000 + n, 'failed', now(), now(), now() FROM generate_series(1, 60) n`, hook)
}

// A1 row 24: the message of a success is in the caller's language, as that of an error is. Every operation whose success has
// one is called.
func TestSuccessMessageIsInTheCallersLanguage(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	calls := map[string]func() world.Call{
		"sendRegistrationCode": func() world.Call {
			o := world.OperationOf(t, "sendRegistrationCode")

			return o.Call("", map[string]any{"email": g.FreeAddress()})
		},
		"register": func() world.Call {
			address := g.FreeAddress()

			return world.OperationOf(t, "register").Call("", map[string]any{
				"username": "New User", "email": address, "password": apptest.Password, "verificationCode": g.RegistrationCode(t, address),
			})
		},
	}

	for id, prepare := range map[string]func(testing.TB, *world.Gateway, world.Operation) world.Call{
		"sendLoginSMS": validCall, "sendLoginMail": validCall, "sendForgottenPasswordCode": validCall, "resetForgottenPassword": rightResetCode,
		"changeMyPassword": rightOldPassword, "sendMyEmailCode": ownBrowser, "sendMyPhoneCode": ownBrowser, "bindMyPhone": rightPhoneCode,
		"bindMyLark": grantToBind,
	} {
		calls[id] = func() world.Call { return prepare(t, g, world.OperationOf(t, id)) }
	}

	for _, o := range world.Operations() {
		for status, response := range o.Responses.Map() {
			media := response.Value.Content.Get("application/json")
			if status >= "400" || media == nil || media.Schema.Value.Properties["message"] == nil {
				continue
			}

			if calls[o.OperationID] == nil {
				t.Errorf("%s: add a call to this test", o.OperationID)

				continue
			}

			for header, chinese := range map[string]bool{"": true, "zh-CN": true, "fr": true, "en": false, "en-AU,zh;q=0.5": false} {
				got := calls[o.OperationID]().With("Accept-Language", header).To(t, g.Server)

				var body struct{ Message string }
				if err := json.Unmarshal(got.Body, &body); err != nil || got.Status >= http.StatusBadRequest {
					t.Fatalf("%s: %s", o.OperationID, got)
				}

				if body.Message == "" || hasHan(body.Message) != chinese {
					t.Errorf("%s with Accept-Language %q: %s", o.OperationID, header, body.Message)
				}
			}

			delete(calls, o.OperationID)
		}
	}

	if len(calls) > 0 {
		t.Errorf("not called: %v", calls)
	}
}
