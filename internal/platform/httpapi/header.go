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

// fixedHeaders are set on every response, errors included. A page sets its own Content-Security-Policy. Names are in
// canonical form, and all responses share the values: setting a header replaces the slice, and appending to a full
// slice copies it.
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

// allowOrigin sets which pages may read the response. Any page may read those of the Toolkit surface, which is bearer
// only: a browser adds no credential by itself, so there is nothing to steal. The other surfaces use cookies, and allow
// exactly the configured origins.
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

// exposed are the response headers that a page of another origin may read.
var exposed = map[Surface]string{
	Public: "Retry-After, X-Request-Id",
	Admin:  "ETag, Retry-After, X-Request-Id",
}

// openHeaders are shared in the same way as fixedHeaders.
var openHeaders = http.Header{
	"Access-Control-Allow-Origin":   {"*"},
	"Access-Control-Expose-Headers": {"ETag, Retry-After, WWW-Authenticate, X-Device-Token, X-Request-Id"},
}

// sameSite refuses requests to the public surface that another site caused in a user's browser: by the Sec-Fetch-Site
// header, else by Origin (net/http.CrossOriginProtection). For reads without side effects, the browser itself keeps the
// response from other sites.
func (p *Pipeline) sameSite(r *http.Request, op *operation) error {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if op.surface == Toolkit || op.crossSite || !op.sideEffects && reads || op.linkable && p.followed(r) {
		return nil
	}

	// No site can make a browser add a token: a client that sends one acts for itself.
	if op.surface == Admin && BearerPresented(r) {
		return nil
	}

	// The library considers every GET safe.
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

// forged reports whether the request came from a page of our own host over http, while our pages use https: an attacker
// on the network wrote that page. A browser with Sec-Fetch-Site reports this itself; otherwise the library compares
// only the host of an Origin.
func (p *Pipeline) forged(r *http.Request) bool {
	origin := r.Header.Get("Origin")

	return p.secure && r.Header.Get("Sec-Fetch-Site") == "" && strings.HasPrefix(origin, "http:") && !slices.Contains(p.origins, origin)
}

// followed reports whether the user followed a link from a configured origin, in a tab and not in a frame. The browser
// then sends no Origin, but a Referer, which a page can hide but not forge. A redirect in between keeps the Referer, so
// this allows only what such pages link to.
func (p *Pipeline) followed(r *http.Request) bool {
	from, err := url.Parse(r.Header.Get("Referer"))

	return err == nil && from.Host != "" && r.Header.Get("Origin") == "" &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" &&
		slices.Contains(p.origins, from.Scheme+"://"+from.Host)
}

// preflights responds to the browser's preflight for every documented path (fetch.spec.whatwg.org, CORS-preflight). The
// response of the Toolkit surface does not depend on the request.
func (p *Pipeline) preflights(r chi.Router) {
	headers := map[Surface]string{
		Toolkit: "*, Authorization", // by the standard, the star does not include Authorization
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
		header.Set("Allow", p.allowed(r)) // RFC 9110, section 9.3.7

		if header.Get("Access-Control-Allow-Origin") != "" {
			header.Set("Access-Control-Allow-Methods", strings.Join(p.documented(r), ", "))
			header.Set("Access-Control-Allow-Headers", headers)
			header.Set("Access-Control-Max-Age", "7200")
		}

		w.WriteHeader(http.StatusNoContent)
	}
}

// documented lists the methods of the operations at the request's path. Several patterns, each with its own methods,
// may match: /user/phone also matches /user/{key}.
func (p *Pipeline) documented(r *http.Request) []string {
	var methods []string

	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodPatch, http.MethodPost, http.MethodPut} {
		found := chi.NewRouteContext()
		if !chi.RouteContext(r.Context()).Routes.Match(found, method, r.URL.Path) {
			continue
		}

		if op := p.operations[route{method, found.RoutePattern()}]; op != nil && !p.shadowed(op, r.URL.Path, found) {
			methods = append(methods, method)
		}
	}

	return methods
}
