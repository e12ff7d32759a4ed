package httpapi

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
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
// bearer only: a browser adds no credential by itself, so there is nothing to steal. The others come with
// cookies, and are for exactly the origins that are configured.
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
		header.Set("Access-Control-Expose-Headers", exposed[surface])
	}
}

// exposed are the headers of an answer that a page of another origin may read.
var exposed = map[Surface]string{
	Public: "Retry-After, X-Request-Id",
	Admin:  "ETag, Retry-After, X-Request-Id",
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
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if op.surface == Toolkit || op.crossSite || !op.sideEffects && reads || op.linkable && p.followed(r) {
		return nil
	}

	// No site can make a browser add this: whoever sends a token asks by themselves.
	if op.surface == Admin && BearerPresented(r) {
		return nil
	}

	// The library takes a GET for safe whatever it does.
	asked := *r
	asked.Method = http.MethodPost

	if err := p.crossSite.Check(&asked); err != nil {
		return problem.ErrCrossSite.WithCause(err)
	} else if p.forged(r) {
		return problem.ErrCrossSite.WithCause(errForged)
	}

	return nil
}

var errForged = errors.New("httpapi: a page that came without TLS asked")

// forged says that a page of our own host asked which came over http, where ours come over https: somebody on
// the way to the browser wrote it. A browser that sends Sec-Fetch-Site says so itself; the library compares
// nothing but the host of an Origin.
func (p *Pipeline) forged(r *http.Request) bool {
	origin := r.Header.Get("Origin")

	return p.secure && r.Header.Get("Sec-Fetch-Site") == "" && strings.HasPrefix(origin, "http:") && !slices.Contains(p.origins, origin)
}

// followed says that somebody followed a link of a configured origin, in a tab and not in a frame. A browser
// names no Origin then, but a Referer, which a page can hide, and not forge. A redirect on the way keeps
// it, so this opens nothing but what such pages link to.
func (p *Pipeline) followed(r *http.Request) bool {
	from, err := url.Parse(r.Header.Get("Referer"))

	return err == nil && from.Host != "" && r.Header.Get("Origin") == "" &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" &&
		slices.Contains(p.origins, from.Scheme+"://"+from.Host)
}

// preflights returns the browser's question for every documented path (fetch.spec.whatwg.org,
// CORS-preflight). What the Toolkit surface answers depends on nothing that was asked.
func (p *Pipeline) preflights(r chi.Router) {
	headers := map[Surface]string{
		Toolkit: "*, Authorization", // the star leaves Authorization out on purpose of the standard
		Public:  "Content-Type, X-XSRF-TOKEN, X-Request-Id",
		Admin:   "Authorization, Content-Type, Idempotency-Key, If-Match, X-XSRF-TOKEN, X-Request-Id",
	}

	for at, op := range p.operations {
		r.Options(at.pattern, p.preflight(op.surface, headers[op.surface]))
	}
}

func (p *Pipeline) preflight(surface Surface, headers string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.allowOrigin(w, r, surface)

		header := w.Header()
		if header.Get("Access-Control-Allow-Origin") != "" {
			header.Set("Access-Control-Allow-Methods", strings.Join(p.documented(r), ", "))
			header.Set("Access-Control-Allow-Headers", headers)
			header.Set("Access-Control-Max-Age", "7200")
		}

		w.WriteHeader(http.StatusNoContent)
	}
}

// documented lists the methods of the operations at the request's path. There may be several patterns that
// match it, each with methods of its own: /user/phone is one of /user/{key} too.
func (p *Pipeline) documented(r *http.Request) []string {
	var methods []string

	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodPatch, http.MethodPost, http.MethodPut} {
		found := chi.NewRouteContext()
		if !chi.RouteContext(r.Context()).Routes.Match(found, method, r.URL.Path) {
			continue
		}

		if p.operations[route{method, found.RoutePattern()}] != nil {
			methods = append(methods, method)
		}
	}

	return methods
}
