package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// R-A11, T-17: a flood from one network delays itself; requests from others do not wait for all of it.
func TestFloodHoldsNobodyElseUp(t *testing.T) {
	t.Parallel()

	const crowd = 100

	var (
		g        = newGate(2)
		flood    sync.WaitGroup
		served   atomic.Int64
		over     = make(chan struct{})
		shortest = int64(math.MaxInt64)
	)

	for range crowd {
		flood.Go(func() {
			for {
				leave, err := g.enter(t.Context(), "flood")
				if err != nil {
					t.Error(err)

					return
				}

				served.Add(1)
				runtime.Gosched()
				leave()

				select {
				case <-over:
					return
				default:
				}
			}
		})
	}

	for served.Load() < 10*crowd {
		runtime.Gosched() // until all of them have arrived
	}

	for range 20 {
		before := served.Load()

		leave, err := g.enter(t.Context(), "honest")
		if err != nil {
			t.Fatal(err)
		}

		shortest = min(shortest, served.Load()-before)
		leave()
	}

	close(over)
	flood.Wait()

	if shortest > crowd/2 {
		t.Errorf("%d of the flood came first", shortest)
	}
}

// R-A11: of many networks together few requests are inside. One that has waited too long gets an error with a time to
// wait, and one whose client has disconnected takes no slot.
func TestGateIsNeverOverfull(t *testing.T) {
	t.Parallel()

	g := newGate(1)

	leaves := make([]func(), maxNetworks)
	for i := range leaves {
		var err error
		if leaves[i], err = g.enter(t.Context(), string(rune('a'+i))); err != nil {
			t.Fatal(err)
		}
	}

	if _, err := g.enter(t.Context(), "late"); !errors.Is(err, problem.ErrUnavailable) || !errors.Is(err, errBusy) {
		t.Errorf("full: %v", err)
	}

	gone, cancel := context.WithCancel(t.Context())
	cancel()

	if _, err := g.enter(gone, "gone"); !errors.Is(err, problem.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("gone: %v", err)
	}

	leaves[0]()

	for _, network := range []string{"late", "gone"} {
		leave, err := g.enter(t.Context(), network)
		if err != nil {
			t.Fatalf("%s, with a place free: %v", network, err)
		}

		leave()
	}
}

// R-K7: a panic behind the gate affects one response: it is a 500, or a dropped connection if net/http is asked to, and
// the slot is free again.
func TestPanicBehindTheGate(t *testing.T) {
	t.Parallel()

	var (
		log    bytes.Buffer
		p      = &Pipeline{gate: newGate(1), log: slog.New(slog.NewTextHandler(&log, nil)), observe: func(Observation) {}}
		served = p.identify(p.recover(p.admit(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/drop" {
				panic(http.ErrAbortHandler)
			}

			panic("broken")
		}))))
		server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := context.WithValue(r.Context(), chi.RouteCtxKey, chi.NewRouteContext())
			served.ServeHTTP(w, r.WithContext(context.WithValue(ctx, operationKey{}, &operation{expensive: true})))
		}))
	)
	defer server.Close()

	ask := func(path string) (int, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}

		response, err := server.Client().Do(r)
		if err != nil {
			return 0, err //nolint:wrapcheck // looked at by the test
		}

		return response.StatusCode, response.Body.Close()
	}

	for range 3 {
		if status, err := ask("/broken"); status != http.StatusInternalServerError || err != nil {
			t.Errorf("broken: %d, %v", status, err)
		}

		if status, err := ask("/drop"); !errors.Is(err, io.EOF) {
			t.Errorf("dropped: %d, %v", status, err)
		}
	}

	if !strings.Contains(log.String(), "TestPanicBehindTheGate") {
		t.Errorf("the log does not show where it broke: %s", log.String())
	}
}
