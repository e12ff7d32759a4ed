package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// SEC-S10, R-B2: a response that is held back ends at its time, to the moment, and its request has left the gate before:
// the next one of its network does not wait for it.
func TestHeldResponseHasLeftTheGate(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		const held = 400 * time.Millisecond

		p := &Pipeline{gate: newGate(1), log: slog.New(slog.DiscardHandler), observe: func(Observation) {}}
		served := p.admit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.Fail(w, r, problem.ErrUnauthenticated.WithHold(held)) // a kind that is not blurred
		}))

		start := time.Now()
		done := make(chan time.Duration)

		for range 3 {
			go func() {
				ctx := context.WithValue(t.Context(), operationKey{}, &operation{expensive: true})
				ctx = context.WithValue(ctx, infoKey{}, &requestInfo{written: &recorder{ResponseWriter: httptest.NewRecorder()}})

				served.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodPost, "/", http.NoBody))
				done <- time.Since(start)
			}()
		}

		for range 3 {
			if took := <-done; took != held {
				t.Errorf("took %s", took)
			}
		}
	})
}

// SEC-S10: no slot and no time is spent on a client that has disconnected.
func TestHoldEndsWithTheRequest(t *testing.T) {
	t.Parallel()

	gone, cancel := context.WithCancel(t.Context())
	cancel()

	hold(gone, problem.ErrInvalidCredentials.WithHold(24*time.Hour))
}
