package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"

	document "github.com/konec/toolkit-gateway/api"
	"github.com/konec/toolkit-gateway/gen/api"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/appversion"
	"github.com/konec/toolkit-gateway/internal/platform/httpapi"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/surface/admin"
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
	"github.com/konec/toolkit-gateway/internal/surface/public"
	"github.com/konec/toolkit-gateway/internal/surface/toolkit"
	"github.com/konec/toolkit-gateway/web/console"
)

// surfaces is the value that handles every documented operation.
type surfaces struct {
	*toolkit.Toolkit
	*public.Public
	*admin.Admin
}

var _ api.StrictServerInterface = surfaces{}

// formats validates the string formats that the document names.
var formats = map[string]func(string) error{
	"email":        func(s string) error { _, err := account.ParseEmail(s); return err },
	"phone":        func(s string) error { _, err := account.ParsePhone(s); return err },
	"display-name": func(s string) error { _, err := account.ParseName(s); return err },
	"label":        account.CheckLabel,
	"group-name":   group.CheckName,
	"picture":      account.CheckPicture,
	"password": func(s string) error {
		if len(s) > password.MaxBytes {
			return errors.New("too long")
		}

		return nil
	},
}

// routes returns the handler of the public listener.
func (a *App) routes(spec *openapi3.T, served surfaces, box *inbox.Inbox) (http.Handler, error) {
	minimum, err := appversion.Parse(a.config.ClientsMinimum)
	if err != nil {
		return nil, fmt.Errorf("CLIENTS_MINIMUM: %w", err)
	}

	pipeline, err := httpapi.New(httpapi.Deps{
		Document:       spec,
		Schemes:        map[string]httpapi.Scheme{"bearer": served.Bearer(), "sessionCookie": served.Session(), "xsrf": served.XSRF()},
		Formats:        formats,
		Rights:         admin.Rights(),
		Authorize:      served.Authorize,
		TrustedProxies: a.config.TrustedProxies,
		Origins:        a.config.Origins,
		Secure:         strings.HasPrefix(a.config.PublicURL, "https:"),
		Minimum:        minimum,
		Expensive:      password.Slots(a.config.HashConcurrency),
		Log:            a.log,
		Now:            a.now,
		Observe:        a.metrics.observe,
		Started:        a.started.Load,
	})
	if err != nil {
		return nil, err
	}

	r := pipeline.Router()
	r.Use(a.closing, a.awaitStart, withRetryBudget)
	pipeline.Operations(r, func(r chi.Router) {
		strict := api.NewStrictHandlerWithOptions(served, []api.StrictMiddlewareFunc{answered}, api.StrictHTTPServerOptions{
			RequestErrorHandlerFunc:  pipeline.Fail,
			ResponseErrorHandlerFunc: pipeline.Fail,
		})
		api.HandlerWithOptions(strict, api.ChiServerOptions{BaseRouter: r, ErrorHandlerFunc: pipeline.Fail})
	})

	// The routes outside the document: contract, "routes outside the document". Nothing else.
	pipeline.Health(r, a.readiness)
	pipeline.KeySet(r, token.JWKSMaxAge, a.Keys.JWKS)

	pipeline.Documents(r, document.Document, document.Docs())

	if err := pipeline.Console(r, console.Files()); err != nil {
		return nil, err
	}

	if box != nil {
		r.Method(http.MethodGet, "/dev/inbox", pipeline.OnlyLocal(box))
	}

	return r, nil
}

// closing asks clients to close their connections while the gateway stops: a load balancer then opens the next one at
// another replica. A connection that the server itself closes may have a request on its way.
func (a *App) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.draining.Load() {
			w.Header().Set("Connection", "close")
		}

		next.ServeHTTP(w, r)
	})
}

// withRetryBudget bounds how long one request waits for the database, over all its statements.
func withRetryBudget(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(postgres.WithRetryBudget(r.Context(), postgres.DefaultRetryBudget)))
	})
}

// answered turns a handler that returns neither a response nor an error into a fault: the generated code would send an
// empty 200.
func answered(next api.StrictHandlerFunc, operationID string) api.StrictHandlerFunc {
	return func(ctx context.Context, w http.ResponseWriter, r *http.Request, request any) (any, error) {
		response, err := next(ctx, w, r, request)
		if err == nil && response == nil {
			return nil, fmt.Errorf("operation %s returned neither a response nor an error", operationID)
		}

		return response, err
	}
}

// privateRoutes returns the handler of the private listener.
func (a *App) privateRoutes() http.Handler {
	r := chi.NewRouter()
	r.Method(http.MethodGet, "/metrics", a.metrics.handler())
	r.HandleFunc("/debug/pprof/*", pprof.Index)
	r.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	r.HandleFunc("/debug/pprof/profile", pprof.Profile)
	r.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	r.HandleFunc("/debug/pprof/trace", pprof.Trace)

	return r
}
