package app

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/session"
)

const (
	refreshPath = "/api/auth/refresh"
	// startPoll is how often a refresh that waits for the start looks.
	startPoll = 20 * time.Millisecond
)

// awaitStart lets a refresh wait for the start as it waits for the database afterwards: a replica that starts during an outage
// would answer 503, and the apps sign their user out on any failed refresh. Every other operation gets its 503 at once.
func (a *App) awaitStart(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.started.Load() || r.Method != http.MethodPost || r.URL.Path != refreshPath {
			next.ServeHTTP(w, r)

			return
		}

		defer a.startWaiters.Add(-1)

		if int(a.startWaiters.Add(1)) > a.config.RefreshWaiting {
			next.ServeHTTP(w, r)

			return
		}

		// The token is judged by when the whole request was here. Else an attacker with a copy could send the first bytes ahead.
		raw, err := io.ReadAll(r.Body)
		ctx := session.WithArrival(r.Context(), a.now())
		r = r.WithContext(ctx)
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(raw), failing{err}))

		if err == nil {
			a.waitForStart(ctx)
		}

		next.ServeHTTP(w, r)
	})
}

// waitForStart returns when the gateway has started or stops, or the patience with a refresh or ctx ends.
func (a *App) waitForStart(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, a.config.RefreshPatience)
	defer cancel()

	tick := time.NewTicker(startPoll)
	defer tick.Stop()

	for !a.started.Load() && !a.draining.Load() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// failing is the end of a body, with the error that ended it.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}

	return 0, f.err
}
