package apptest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/go-chi/chi/v5"

	document "github.com/konec/toolkit-gateway/api"
)

// Document returns the OpenAPI document, which is loaded once per process.
var Document = sync.OnceValue(func() *openapi3.T {
	for _, media := range []string{"image/svg+xml", "image/png", "text/html"} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.FileBodyDecoder)
	}

	loaded, err := openapi3.NewLoader().LoadFromData(document.Document)
	if err != nil {
		panic(err)
	}

	return loaded
})

// Conforming fails the test for every response of a documented operation that the document does not promise: another
// status, another body, another type, or a code that the status does not list.
func Conforming(tb testing.TB, next http.Handler) http.Handler {
	spec := Document()
	routes := chi.NewRouter()
	operations := map[string]*routers.Route{}

	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			routes.Method(method, path, http.NotFoundHandler())
			operations[method+path] = &routers.Route{Spec: spec, Path: path, PathItem: item, Method: method, Operation: op}
		}
	}

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &copied{ResponseWriter: w, status: http.StatusOK}
		sent := &recorded{ReadCloser: r.Body}
		if r.Body != http.NoBody {
			r.Body = sent
		}

		next.ServeHTTP(seen, r)

		method := r.Method
		if method == http.MethodHead {
			return // like GET, without a body to check
		}

		// chi matches the path as it was sent, in which an escaped slash is not a slash.
		match := chi.NewRouteContext()
		if !routes.Match(match, method, cmp.Or(r.URL.RawPath, r.URL.Path)) {
			return
		}

		// A concrete path does not have the methods of a templated one that also matches.
		if seen.status == http.StatusMethodNotAllowed && match.RoutePattern() != r.URL.Path && spec.Paths.Value(r.URL.Path) != nil {
			return
		}

		route := operations[method+match.RoutePattern()]
		if fault := Violation(r, route, seen.status, w.Header(), seen.body.Bytes()); fault != "" {
			tb.Errorf("%s %s returned %d, which the document does not promise: %s", method, r.URL.Path, seen.status, fault)
		}

		record(r, route, seen.status, sent.kept.Bytes(), seen.body.Bytes())
	})
}

// Violation returns how a response violates the document, or an empty string.
func Violation(r *http.Request, route *routers.Route, status int, header http.Header, body []byte) string {
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, Route: route},
		Status:                 status,
		Header:                 header,
		Options:                &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	input.SetBodyBytes(body)

	if err := openapi3filter.ValidateResponse(r.Context(), input); err != nil {
		return err.Error()
	}

	if name := undocumented(route.Operation.Responses.Status(status).Value, header); name != "" {
		return "the header " + name + " is not named"
	}

	if status/100 == 3 {
		return redirectViolation(route.Operation.Responses.Status(status).Value, header.Get("Location"))
	}

	if status < http.StatusBadRequest {
		if status == http.StatusNoContent && len(body) > 0 {
			return "a body with 204"
		}

		return ""
	}

	var response struct{ Code string }
	if err := json.Unmarshal(body, &response); err != nil {
		return err.Error()
	}

	media := route.Operation.Responses.Status(status).Value.Content.Get("application/json")
	if media.Examples[response.Code] == nil {
		return "the code " + response.Code + " is not listed"
	}

	return ""
}

// CommonHeaders are those that any response may have. The introduction of the document names them, and no operation does.
var CommonHeaders = []string{
	"Access-Control-Allow-Credentials", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Cache-Control", "Connection",
	"Content-Length", "Content-Security-Policy", "Content-Type", "Cross-Origin-Opener-Policy", "Date", "Referrer-Policy",
	"Strict-Transport-Security", "Vary", "X-Content-Type-Options", "X-Request-Id",
}

// undocumented returns the name of a header that the response of the document does not have, or an empty string.
func undocumented(response *openapi3.Response, header http.Header) string {
	for name := range header {
		named := slices.ContainsFunc(slices.Collect(maps.Keys(response.Headers)), func(one string) bool { return strings.EqualFold(one, name) })
		if !named && !slices.Contains(CommonHeaders, name) {
			return name
		}
	}

	return ""
}

// redirectViolation returns an error if a redirect carries a code that the document does not list for it.
func redirectViolation(response *openapi3.Response, location string) string {
	to, err := url.Parse(location)
	if err != nil || !to.IsAbs() || to.Host == "" && strings.HasPrefix(to.Scheme, "http") {
		return "a redirect to nowhere"
	}

	code := to.Query().Get("error")
	if code == "" {
		return ""
	}

	listed, _ := response.Extensions["x-redirect-errors"].([]any)
	if !slices.Contains(listed, any(code)) {
		return "the error " + code + " of a redirect is not listed"
	}

	return ""
}

// copied keeps a copy of the response that it writes.
type copied struct {
	http.ResponseWriter

	status int
	body   bytes.Buffer
}

func (c *copied) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *copied) Write(p []byte) (int, error) {
	c.body.Write(p)

	return c.ResponseWriter.Write(p)
}

// Unwrap serves http.ResponseController.
func (c *copied) Unwrap() http.ResponseWriter { return c.ResponseWriter }
