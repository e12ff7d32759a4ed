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

// SMSSecret is what the gateway signs for the exchange with.
const SMSSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// SMSBehavior is how an exchange behaves.
type SMSBehavior int

const (
	AcceptSMS SMSBehavior = iota
	AcceptSMSAndHangUp
	SMSUnavailable
	RefuseSMS
)

// SMSProvider is a provider of text messages behind a webhook. It charges once for an id, however often
// that comes.
type SMSProvider struct {
	*httptest.Server

	mu       sync.Mutex
	behavior SMSBehavior
	calls    []SMSRequest
	charged  map[string]bool // by id
}

type SMSRequest struct {
	HeaderID string // of the header
	Body     string

	ID, To, Text, Code string
}

func NewSMSProvider(t *testing.T) *SMSProvider {
	t.Helper()

	e := &SMSProvider{charged: map[string]bool{}}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)

	return e
}

func (e *SMSProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // cut while it came: it was not taken
	}

	e.mu.Lock()
	defer e.mu.Unlock()

	id := r.Header.Get("Webhook-Id")
	e.calls = append(e.calls, SMSRequest{HeaderID: id, Body: string(body)})

	switch e.behavior {
	case AcceptSMS:
		e.charged[id] = true
		w.WriteHeader(http.StatusNoContent)
	case AcceptSMSAndHangUp:
		e.charged[id] = true

		panic(http.ErrAbortHandler)
	case SMSUnavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
	case RefuseSMS:
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write(body)
	}
}

func (e *SMSProvider) Behave(c SMSBehavior) {
	e.mu.Lock()
	defer e.mu.Unlock()

	e.behavior = c
}

// Charges are how many messages the operator pays for.
func (e *SMSProvider) Charges() int {
	e.mu.Lock()
	defer e.mu.Unlock()

	return len(e.charged)
}

// Calls answers the calls so far, whose ids are those of their headers.
func (e *SMSProvider) Calls(t *testing.T) []SMSRequest {
	t.Helper()

	e.mu.Lock()
	calls := slices.Clone(e.calls)
	e.mu.Unlock()

	for i := range calls {
		if err := json.Unmarshal([]byte(calls[i].Body), &calls[i]); err != nil {
			t.Fatal(err)
		}

		if calls[i].ID != calls[i].HeaderID || len(calls[i].HeaderID) != randomid.Length {
			t.Errorf("the header says %q, the body %q", calls[i].HeaderID, calls[i].ID)
		}
	}

	return calls
}
