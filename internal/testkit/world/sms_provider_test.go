package app_test

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

// exchangeSecret is what the gateway signs for the exchange with.
const exchangeSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// conduct is how an exchange behaves.
type conduct int

const (
	takes conduct = iota
	takesAndHangsUp
	away
	refuses
)

// exchange is a provider of text messages behind a webhook. It charges once for an id, however often
// that comes.
type exchange struct {
	*httptest.Server

	mu      sync.Mutex
	conduct conduct
	calls   []exchangeCall
	charged map[string]bool // by id
}

type exchangeCall struct {
	id   string // of the header
	body string

	ID, To, Text, Code string
}

func newExchange(t *testing.T) *exchange {
	t.Helper()

	e := &exchange{charged: map[string]bool{}}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)

	return e
}

func (e *exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // cut while it came: it was not taken
	}

	e.mu.Lock()
	defer e.mu.Unlock()

	id := r.Header.Get("Webhook-Id")
	e.calls = append(e.calls, exchangeCall{id: id, body: string(body)})

	switch e.conduct {
	case takes:
		e.charged[id] = true
		w.WriteHeader(http.StatusNoContent)
	case takesAndHangsUp:
		e.charged[id] = true

		panic(http.ErrAbortHandler)
	case away:
		w.WriteHeader(http.StatusServiceUnavailable)
	case refuses:
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write(body)
	}
}

func (e *exchange) set(c conduct) {
	e.mu.Lock()
	defer e.mu.Unlock()

	e.conduct = c
}

// charges are how many messages the operator pays for.
func (e *exchange) charges() int {
	e.mu.Lock()
	defer e.mu.Unlock()

	return len(e.charged)
}

// got answers the calls so far, whose ids are those of their headers.
func (e *exchange) got(t *testing.T) []exchangeCall {
	t.Helper()

	e.mu.Lock()
	calls := slices.Clone(e.calls)
	e.mu.Unlock()

	for i := range calls {
		if err := json.Unmarshal([]byte(calls[i].body), &calls[i]); err != nil {
			t.Fatal(err)
		}

		if calls[i].ID != calls[i].id || len(calls[i].id) != len(randomid.New()) {
			t.Errorf("the header says %q, the body %q", calls[i].id, calls[i].ID)
		}
	}

	return calls
}
