// Package httpapi is the pipeline of every request, from outside in: recover, request id and access log, headers, body
// limit, chi's match, the arrival of the body, the operation's security and right, the gate for costly requests,
// validation against the document, and the one function that writes errors. It knows the document, and never the domain.
package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/konec/toolkit-gateway/internal/platform/appversion"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

const (
	// MaxBody is the largest request body, in bytes.
	MaxBody = 64 << 10
	// MaxHeader is the largest request header, in bytes.
	MaxHeader = 16 << 10
	// maxKeys limits the members of a query string or a form.
	maxKeys = 50
)

// Deps are the dependencies of a Pipeline.
type Deps struct {
	Document *openapi3.T
	Schemes  map[string]Scheme             // by the name in the document's securitySchemes
	Formats  map[string]func(string) error // by the name of a string format
	Rights   []string                      // all values of x-required-right
	// Authorize returns the context of a signed-in user who has all of the rights, else problem.ErrRightMissing.
	Authorize      func(ctx context.Context, rights []string) (context.Context, error)
	TrustedProxies []netip.Prefix     // whose X-Forwarded-For and X-Request-Id are trusted
	Origins        []string           // other origins that may call the public surface, exactly
	Secure         bool               // our own pages use https
	Minimum        appversion.Minimum // of the apps; older ones are refused at operations with x-minimum-version
	Expensive      int                // costly requests of one network that are processed at once
	Log            *slog.Logger
	Now            func() time.Time
	Observe        func(Observation) // called once for each request
	Started        func() bool       // until then operations return 503; nil for always
}

// Observation is the measurement of one request.
type Observation struct {
	Operation string // the operationId, or "" outside the document
	Status    int
	Duration  time.Duration
}

// Pipeline wraps the operations of one document.
type Pipeline struct {
	document   *openapi3.T
	schemes    map[string]Scheme
	operations map[route]*operation
	literal    map[string]bool // the documented paths without parameters
	proxies    *proxies
	origins    []string
	secure     bool
	crossSite  *http.CrossOriginProtection
	authorize  func(ctx context.Context, rights []string) (context.Context, error)
	minimum    appversion.Minimum
	gate       gate
	log        *slog.Logger
	observe    func(Observation)
	started    func() bool
}

// New checks that the document omits nothing that security depends on, and returns the Pipeline. Every operation must
// have an explicit security, every scheme an authenticator, and every format a validator.
func New(d Deps) (*Pipeline, error) {
	p := &Pipeline{
		document:  d.Document,
		schemes:   d.Schemes,
		authorize: d.Authorize,
		proxies:   &proxies{trusted: d.TrustedProxies, log: d.Log, now: d.Now},
		origins:   d.Origins,
		secure:    d.Secure,
		minimum:   d.Minimum,
		gate:      newGate(d.Expensive),
		log:       d.Log,
		observe:   d.Observe,
		started:   d.Started,
	}

	operations, err := compile(d)
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}

	p.operations = operations
	p.literal = literalPaths(d.Document)
	p.crossSite = http.NewCrossOriginProtection()

	for _, origin := range d.Origins {
		if err := p.crossSite.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("origin: %w", err)
		}
	}

	return p, nil
}

// Router is a chi router with the outer half of the pipeline. Mount the documented operations with
// Operations, and the few routes outside the document directly.
func (p *Pipeline) Router() chi.Router {
	r := chi.NewRouter()
	r.Use(
		p.identify,
		p.recover,
		headers,
		limitBody,
		middleware.GetHead, // HEAD is like GET without the body
	)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		p.allowOrigin(w, r, Toolkit) // a page may read the error
		p.Fail(w, r, problem.ErrNotFound)
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		p.allowOrigin(w, r, Toolkit)
		w.Header().Set("Allow", p.allowed(r))
		p.Fail(w, r, problem.ErrMethodNotAllowed)
	})

	return r
}

// Operations adds the inner half, which runs after chi's match, around the generated handlers that mount registers.
func (p *Pipeline) Operations(r chi.Router, mount func(chi.Router)) {
	r.Group(func(r chi.Router) {
		r.Use(p.match, p.afterStart, p.accept, p.supported, receive, p.authenticate, p.admit, p.validate)
		mount(r)
	})
	p.preflights(r)
}

// limitBody runs before everything that could read a body, so that no client, signed in or not, can make the server
// hold more than MaxBody of it.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
		}

		// A request with both Content-Length and Transfer-Encoding must be the connection's last (RFC 9112, section
		// 6.1). net/http hides the former, so every chunked request is; our clients send none.
		if len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}

		next.ServeHTTP(w, r)
	})
}

// allowed lists the methods of the path, for Allow (RFC 9110, section 10.2.1).
func (p *Pipeline) allowed(r *http.Request) string {
	methods := ""

	for _, method := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	} {
		try := method
		if method == http.MethodHead {
			try = http.MethodGet
		}

		found := chi.NewRouteContext()
		if !chi.RouteContext(r.Context()).Routes.Match(found, try, r.URL.Path) {
			continue
		}

		op := p.operations[route{try, found.RoutePattern()}]
		if p.shadowed(op, r.URL.Path, found) {
			continue
		}

		if method != http.MethodHead || op == nil || !op.sideEffects {
			if methods != "" {
				methods += ", "
			}

			methods += method
		}
	}

	return methods
}
