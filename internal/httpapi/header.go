package httpapi

import (
	"maps"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
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

// allowOrigin lets any page read the answers of the Toolkit surface, which is bearer only: a
// browser adds no credential by itself, so there is nothing to steal.
func allowOrigin(w http.ResponseWriter, surface Surface) {
	if surface != Toolkit {
		return
	}

	maps.Copy(w.Header(), openHeaders)
}

// openHeaders are shared as fixedHeaders are.
var openHeaders = http.Header{
	"Access-Control-Allow-Origin":   {"*"},
	"Access-Control-Expose-Headers": {"Retry-After, WWW-Authenticate, X-Request-Id"},
}

// preflights answers the browser's question for every documented path of the Toolkit surface
// (fetch.spec.whatwg.org, CORS-preflight). The answer depends on nothing that was asked.
func (p *Pipeline) preflights(r chi.Router) {
	methods := map[string][]string{}

	for at, op := range p.operations {
		if op.surface == Toolkit {
			methods[at.pattern] = append(methods[at.pattern], at.method)
		}
	}

	for pattern, list := range methods {
		value := strings.Join(list, ", ")

		r.Options(pattern, func(w http.ResponseWriter, _ *http.Request) {
			allowOrigin(w, Toolkit)

			header := w.Header()
			header.Set("Access-Control-Allow-Methods", value)
			// The star leaves Authorization out on purpose of the standard.
			header.Set("Access-Control-Allow-Headers", "*, Authorization")
			header.Set("Access-Control-Max-Age", "7200")
			w.WriteHeader(http.StatusNoContent)
		})
	}
}
