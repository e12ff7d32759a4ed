package httpapi

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/go-chi/chi/v5"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// validate checks the request against the document, and against what a schema cannot express: nothing twice, nothing
// unknown, nothing left over.
func (p *Pipeline) validate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := operationOf(r.Context())
		joinIfMatch(r.Header)

		query, err := op.readQuery(r)
		if err != nil {
			p.Fail(w, r, err)

			return
		}

		body, err := op.readBody(r)
		if err != nil {
			p.Fail(w, r, err)

			return
		}

		err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{
			Request: r, PathParams: pathParameters(r), QueryParams: query, Route: op.kin, Options: op.options,
		})
		if err != nil {
			p.Fail(w, r, invalid(err))

			return
		}

		body.bind(r)
		bindQuery(r, query)
		next.ServeHTTP(w, r)
	})
}

// joinIfMatch makes one line of several, which mean the same (RFC 9110, section 5.3).
func joinIfMatch(header http.Header) {
	if lines := header.Values("If-Match"); len(lines) > 1 {
		header.Set("If-Match", strings.Join(lines, ", "))
	}
}

// readQuery refuses parameters that are not in the document: a password in a query string, for example. A page that people
// reach by a link ignores them.
func (op *operation) readQuery(r *http.Request) (url.Values, error) {
	if strings.Count(r.URL.RawQuery, "&") >= maxKeys {
		return nil, problem.ErrInvalidRequest.WithFields(problem.Field{Name: "?", Message: textQuery})
	}

	values, err := url.ParseQuery(op.keepPlus(r.URL.RawQuery))
	if err != nil {
		return nil, problem.ErrInvalidRequest.WithFields(problem.Field{Name: "?", Message: textQuery})
	}

	var faults []problem.Field

	for name, list := range values {
		field := "?" + name
		if !utf8.ValidString(name) || len(name) > 64 {
			field = "?"
		}

		switch {
		case op.extraQuery && !slices.Contains(op.query, name):
			delete(values, name)
		case !slices.Contains(op.query, name):
			faults = append(faults, problem.Field{Name: field, Message: textUnknownParameter})
		case len(list) > 1:
			faults = append(faults, problem.Field{Name: field, Message: textTwice})
		case !isText(list[0]):
			faults = append(faults, problem.Field{Name: field, Message: textNotText})
		case list[0] == "" && !slices.Contains(op.requiredQuery, name):
			delete(values, name) // clients send an optional parameter without a value, as forms do
		case op.jsonQuery[name] != nil:
			faults = append(faults, jsonFaults(field, list[0], *op.jsonQuery[name])...)
		}
	}

	return values, orInvalid(faults)
}

// keepPlus returns the query with every plus in an e-mail address or a phone number as one that was encoded. In these a client
// that does not encode it means a plus: neither contains a space.
func (op *operation) keepPlus(query string) string {
	if len(op.plusQuery) == 0 || !strings.Contains(query, "+") {
		return query
	}

	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if name, value, _ := strings.Cut(pair, "="); slices.Contains(op.plusQuery, name) {
			pairs[i] = name + "=" + strings.ReplaceAll(value, "+", "%2B")
		}
	}

	return strings.Join(pairs, "&")
}

// jsonFaults checks the syntax of a parameter that is JSON, as strictly as that of a body.
func jsonFaults(field, text string, limit bounds) []problem.Field {
	told, ok := errors.AsType[*problem.Problem](checkJSON([]byte(text), limit))
	if !ok {
		return nil
	}

	faults := slices.Clone(told.Fields)
	for i := range faults {
		faults[i].Name = field + faults[i].Name
	}

	return faults
}

// bindQuery leaves to the generated code, which reads the URL, only the parameters that were validated.
func bindQuery(r *http.Request, query url.Values) {
	if r.URL.RawQuery == "" {
		return
	}

	address := *r.URL
	address.RawQuery = query.Encode()
	r.URL = &address
}

func pathParameters(r *http.Request) map[string]string {
	matched := chi.RouteContext(r.Context()).URLParams
	if len(matched.Keys) == 0 {
		return nil
	}

	parameters := make(map[string]string, len(matched.Keys))
	for i, name := range matched.Keys {
		parameters[name] = matched.Values[i]
	}

	return parameters
}

// accept refuses a request whose Accept allows no success response (RFC 9110, section 12.5.1).
func (p *Pipeline) accept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !accepts(r.Header.Values("Accept"), operationOf(r.Context()).produces) {
			p.Fail(w, r, problem.ErrNotAcceptable)

			return
		}

		next.ServeHTTP(w, r)
	})
}

// supported refuses an app that is older than its minimum version, where its user signs in or registers.
func (p *Pipeline) supported(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if operationOf(r.Context()).versioned && !p.minimum.Allows(r.Header.Get("X-Client")) {
			p.Fail(w, r, problem.ErrUpgradeRequired)

			return
		}

		next.ServeHTTP(w, r)
	})
}

func accepts(headers, produces []string) bool {
	if len(headers) == 0 || len(headers) == 1 && (headers[0] == "*/*" || headers[0] == contentJSON && slices.Contains(produces, contentJSON)) {
		return true // what nearly every client sends, without the cost of parsing it
	}

	ranges := map[string]bool{} // whether the range is accepted, that is has a weight above zero

	for one := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		media, parameters, err := mime.ParseMediaType(one)
		if err != nil {
			continue
		}

		q := parameters["q"]
		ranges[media] = ranges[media] || q == "" || strings.Trim(q, "0.") != ""
	}

	// Of the ranges that match a type the most specific one counts (RFC 9110, section 12.5.1).
	for _, own := range produces {
		group, _, _ := strings.Cut(own, "/")

		for _, media := range []string{own, group + "/*", "*/*"} {
			if accepted, named := ranges[media]; named {
				if accepted {
					return true
				}

				break
			}
		}
	}

	// A header that cannot be parsed is ignored.
	return len(ranges) == 0
}

func orInvalid(faults []problem.Field) error {
	if len(faults) == 0 {
		return nil
	}

	slices.SortFunc(faults, func(a, b problem.Field) int { return strings.Compare(a.Name, b.Name) })

	return problem.ErrInvalidRequest.WithFields(faults[:min(len(faults), maxFaults)]...)
}

// isText reports whether a string is UTF-8 without NUL, which Postgres cannot store.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func tooLarge(err error) bool {
	_, ok := errors.AsType[*http.MaxBytesError](err)

	return ok
}
