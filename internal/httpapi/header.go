package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/konec/toolkit-gateway/internal/problem"
)

// fixedHeaders stand on every answer, errors included. A page sets a Content-Security-Policy of its
// own. Names are in their canonical form, and all answers share the values: setting a header puts
// another slice in place, and adding to one that is full copies it.
var fixedHeaders = http.Header{
	"Strict-Transport-Security":  {"max-age=63072000; includeSubDomains"},
	"X-Content-Type-Options":     {"nosniff"},
	"Referrer-Policy":            {"no-referrer"},
	"Content-Security-Policy":    {"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"},
	"Cross-Origin-Opener-Policy": {"same-origin"},
	"Cache-Control":              {"no-store"},
}

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), fixedHeaders)
		next.ServeHTTP(w, r)
	})
}

// allowOrigin says which pages may read the answer. Any may read those of the Toolkit surface, which is
// bearer only: a browser adds no credential by itself, so there is nothing to steal. Those of the
// public surface come with cookies, and are for exactly the origins that are configured.
func (p *Pipeline) allowOrigin(w http.ResponseWriter, r *http.Request, surface Surface) {
	if surface == Toolkit {
		maps.Copy(w.Header(), openHeaders)

		return
	}

	header := w.Header()
	header.Set("Vary", "Origin")

	if origin := r.Header.Get("Origin"); slices.Contains(p.origins, origin) {
		header.Set("Access-Control-Allow-Origin", origin)
		header.Set("Access-Control-Allow-Credentials", "true")
		header.Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
	}
}

// openHeaders are shared as fixedHeaders are.
var openHeaders = http.Header{
	"Access-Control-Allow-Origin":   {"*"},
	"Access-Control-Expose-Headers": {"Retry-After, WWW-Authenticate, X-Request-Id"},
}

// sameSite refuses what another site made somebody's browser ask of the public surface: by the
// Sec-Fetch-Site header, else by Origin (net/http.CrossOriginProtection). Where reading changes
// nothing, it is the browser that keeps the answer from other sites.
func (p *Pipeline) sameSite(r *http.Request, op *operation) error {
	if op.surface != Public || !op.effects && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		return nil
	}

	// The library takes a GET for safe whatever it does.
	asked := *r
	asked.Method = http.MethodPost

	if err := p.crossSite.Check(&asked); err != nil {
		return problem.ErrCrossSite.Because(err)
	}

	return nil
}

// preflights answers the browser's question for every documented path (fetch.spec.whatwg.org,
// CORS-preflight). What the Toolkit surface answers depends on nothing that was asked.
func (p *Pipeline) preflights(r chi.Router) {
	type paths map[string][]string

	methods := map[Surface]paths{Toolkit: {}, Public: {}}
	for at, op := range p.operations {
		methods[op.surface][at.pattern] = append(methods[op.surface][at.pattern], at.method)
	}

	for pattern, list := range methods[Toolkit] {
		// The star leaves Authorization out on purpose of the standard.
		r.Options(pattern, p.preflight(Toolkit, list, "*, Authorization"))
	}

	for pattern, list := range methods[Public] {
		r.Options(pattern, p.preflight(Public, list, "Content-Type, X-XSRF-TOKEN, X-Request-Id"))
	}
}

func (p *Pipeline) preflight(surface Surface, methods []string, headers string) http.HandlerFunc {
	slices.Sort(methods)
	allowed := strings.Join(methods, ", ")

	return func(w http.ResponseWriter, r *http.Request) {
		p.allowOrigin(w, r, surface)

		header := w.Header()
		if header.Get("Access-Control-Allow-Origin") != "" {
			header.Set("Access-Control-Allow-Methods", allowed)
			header.Set("Access-Control-Allow-Headers", headers)
			header.Set("Access-Control-Max-Age", "7200")
		}

		w.WriteHeader(http.StatusNoContent)
	}
}
