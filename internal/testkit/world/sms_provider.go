package world

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// SMSSecret is the secret with which the gateway signs its calls to the provider.
const SMSSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// SMSBehavior is how an SMSProvider responds.
type SMSBehavior int

// The behaviors of an SMSProvider.
const (
	AcceptSMS          SMSBehavior = iota // accepts the message
	AcceptSMSAndHangUp                    // accepts the message and closes the connection without a response
	SMSUnavailable                        // responds with status 503
	RefuseSMS                             // responds with status 422 and quotes the message
)

// SMSProvider is a provider of text messages that the gateway calls by webhook. It charges once per message id, however
// often the message arrives.
type SMSProvider struct {
	*httptest.Server

	mu       sync.Mutex
	behavior SMSBehavior
	calls    []SMSRequest
	charged  map[string]bool // by id
}

// SMSRequest is a call that the provider received.
type SMSRequest struct {
	HeaderID string // the id in the header
	Body     string

	ID, To, Text, Code string
}

// NewSMSProvider starts a provider that accepts messages. It stops when the test ends.
func NewSMSProvider(t *testing.T) *SMSProvider {
	t.Helper()

	p := &SMSProvider{charged: map[string]bool{}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)

	return p
}

// ServeHTTP records a call and responds as SetBehavior has asked.
func (p *SMSProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the connection broke: the message was not accepted
	}

	p.mu.Lock()
	defer p.mu.Unlock()

	id := r.Header.Get("Webhook-Id")
	p.calls = append(p.calls, SMSRequest{HeaderID: id, Body: string(body)})

	switch p.behavior {
	case AcceptSMS:
		p.charged[id] = true
		w.WriteHeader(http.StatusNoContent)
	case AcceptSMSAndHangUp:
		p.charged[id] = true

		panic(http.ErrAbortHandler)
	case SMSUnavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
	case RefuseSMS:
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write(body)
	}
}

// SetBehavior sets how the provider responds to further calls.
func (p *SMSProvider) SetBehavior(behavior SMSBehavior) {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.behavior = behavior
}

// Charges returns how many messages the operator pays for.
func (p *SMSProvider) Charges() int {
	p.mu.Lock()
	defer p.mu.Unlock()

	return len(p.charged)
}

// Calls returns the calls so far. It checks that the id in each body equals the one in its header.
func (p *SMSProvider) Calls(t *testing.T) []SMSRequest {
	t.Helper()

	p.mu.Lock()
	calls := slices.Clone(p.calls)
	p.mu.Unlock()

	for i := range calls {
		if err := json.Unmarshal([]byte(calls[i].Body), &calls[i]); err != nil {
			t.Fatal(err)
		}

		if calls[i].ID != calls[i].HeaderID || len(calls[i].HeaderID) != randomid.Length {
			t.Errorf("the header has the id %q, the body %q", calls[i].HeaderID, calls[i].ID)
		}
	}

	return calls
}
