package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
)

// Check is the state of one dependency of readiness.
type Check struct {
	Name string
	Err  error // nil: ready
}

// Health mounts /healthz (the process is running) and /readyz (it should receive requests). A check shows only that it
// failed, or that there is a warning; the reason is in the log, because the endpoint is public.
func (p *Pipeline) Health(r chi.Router, checks func(ctx context.Context) []Check) {
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})

	r.Get("/readyz", func(w http.ResponseWriter, r *http.Request) {
		status, answer := http.StatusOK, "ready"
		results := map[string]string{}

		for _, check := range checks(r.Context()) {
			results[check.Name] = "ok"

			if err := check.Err; err != nil {
				status, answer, results[check.Name] = http.StatusServiceUnavailable, "not ready", "failed"

				p.log.WarnContext(r.Context(), "not ready", "check", check.Name, "error", err.Error())
			}
		}

		// It is shown, because limits misbehave meanwhile, and changes nothing: requests are still answered.
		results["proxies"] = "ok"
		if p.proxies.forgotten() {
			results["proxies"] = "warning"
		}

		if status != http.StatusOK {
			w.Header().Set("Retry-After", "1")
		}

		writeJSON(w, status, map[string]any{"status": answer, "checks": results})
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
