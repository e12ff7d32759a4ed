package httpapi

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// OK is the state of a check that found nothing wrong.
const OK = "ok"

// Check is the state of one condition.
type Check struct {
	Name   string
	State  string // OK, or another word: failed, warning, unknown
	Detail string // for operators; the endpoint is public, so nothing secret
}

// Readiness is what /readyz shows.
type Readiness struct {
	Replica []Check // of this replica: it should get requests if all of them are OK
	Shared  []Check // of what all replicas share; it never makes one not ready, because it would make all
}

// Ready reports whether this replica should get requests.
func (r Readiness) Ready() bool {
	for _, check := range r.Replica {
		if check.State != OK {
			return false
		}
	}

	return true
}

// Health mounts /healthz (the process is running) and /readyz (this replica should receive requests). /readyz?verbose also
// shows what all replicas share, and details. Other query parameters are ignored, because probes add their own.
func (p *Pipeline) Health(r chi.Router, readiness func() Readiness) {
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": OK})
	})

	r.Get("/readyz", func(w http.ResponseWriter, r *http.Request) {
		found := readiness()

		status, answer := http.StatusOK, "ready"
		if !found.Ready() {
			status, answer = http.StatusServiceUnavailable, "not ready"

			w.Header().Set("Retry-After", "1")
		}

		states, details := map[string]string{}, map[string]string{}
		body := map[string]any{"status": answer, "checks": states}
		shown := found.Replica

		if r.URL.Query().Has("verbose") {
			shown = append(append(shown, found.Shared...), p.proxies.check())
			body["details"] = details
		}

		for _, check := range shown {
			states[check.Name] = check.State

			if check.Detail != "" {
				details[check.Name] = check.Detail
			}
		}

		writeJSON(w, status, body)
	})
}

// startWait is how long a server that has not started yet asks callers to wait.
const startWait = 2 * time.Second

var errNotStarted = errors.New("the server has not started yet")

// afterStart refuses operations until the server has started: without its keys, or on an old schema, they would fail in
// their own ways, which callers do not repeat.
func (p *Pipeline) afterStart(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.started != nil && !p.started() {
			p.Fail(w, r, problem.ErrUnavailable.WithRetryAfter(startWait).WithCause(errNotStarted))

			return
		}

		next.ServeHTTP(w, r)
	})
}

// KeySet mounts the published keys at /.well-known/jwks.json.
func (p *Pipeline) KeySet(r chi.Router, maxAge time.Duration, document func() ([]byte, error)) {
	r.Get("/.well-known/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		keys, err := document()
		if err != nil {
			p.Fail(w, r, err)

			return
		}

		header := http.Header{"Cache-Control": {"public, max-age=" + strconv.Itoa(int(maxAge.Seconds()))}}
		static(contentJSON, keys, header)(w, r)
	})
}
