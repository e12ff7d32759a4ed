package app_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// operation is one of the document's.
type operation struct {
	*openapi3.Operation

	method, path string
}

// operations lists all of the document, by path.
func operations() []operation {
	var list []operation

	for path, item := range apptest.Document().Paths.Map() {
		for method, op := range item.Operations() {
			list = append(list, operation{op, method, path})
		}
	}

	slices.SortFunc(list, func(a, b operation) int { return cmp.Compare(a.path+a.method, b.path+b.method) })

	return list
}

// media is the type of the operation's body, and empty where it has none.
func (o operation) media() string {
	if o.RequestBody != nil {
		for name := range o.RequestBody.Value.Content {
			return name
		}
	}

	return ""
}

// secured says that the operation needs a security scheme of the document.
func (o operation) secured(scheme string) bool {
	return slices.ContainsFunc(*o.Security, func(one openapi3.SecurityRequirement) bool { return one[scheme] != nil })
}

func (o operation) public() bool { return o.Extensions["x-surface"] == "public" }

// console says that a browser console calls it, with a cookie.
func (o operation) console() bool { return o.public() || o.admin() }

func (o operation) admin() bool { return o.Extensions["x-surface"] == "admin" }

// schema is that of the operation's body.
func (o operation) schema() *openapi3.Schema {
	return o.RequestBody.Value.Content[o.media()].Schema.Value
}

// fields are the members of the operation's body, sorted.
func (o operation) fields() []string {
	if o.RequestBody == nil {
		return nil
	}

	return slices.Sorted(maps.Keys(o.schema().Properties))
}

// operationAt is what a request of the method and the path asks for, nil for none.
func operationAt(method, path string) *operation {
	if method == http.MethodHead {
		method = http.MethodGet
	}

	var found *operation

	for _, o := range operations() {
		// A pattern without a parameter comes first: /user/phone is one of /user/{key} too.
		if o.method == method && isOfForm(o.path, path) && (found == nil || !strings.Contains(o.path, "{")) {
			found = &o
		}
	}

	return found
}

// call is one request.
type call struct {
	method, path string
	query        string
	host         string
	header       http.Header
	body         string
	chunked      bool
}

// with sets a header.
func (c call) with(name string, values ...string) call {
	c.header = c.header.Clone()
	if c.header == nil {
		c.header = http.Header{}
	}

	c.header[http.CanonicalHeaderKey(name)] = values

	return c
}

// from sends what a browser would.
func (c call) from(b *apptest.Browser) call {
	for name, values := range b.Header() {
		c = c.with(name, values...)
	}

	return c
}

func (c call) without(name string) call {
	c.header = c.header.Clone()
	c.header.Del(name)

	return c
}

// cookies are the values of the cookies of a name.
func (c call) cookies(name string) []string {
	var values []string
	for _, cookie := range (&http.Request{Header: c.header}).CookiesNamed(name) {
		values = append(values, cookie.Value)
	}

	return values
}

// reply is what came back.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	problem struct {
		Success   *bool
		Code      string
		Message   string
		RequestID string
		Errors    []struct{ Field, Message string }
	}
}

func (r reply) String() string { return fmt.Sprintf("%d %s", r.status, r.body) }

// fields are what an input error blames.
func (r reply) fields() []string {
	var names []string
	for _, one := range r.problem.Errors {
		names = append(names, one.Field)
	}

	return names
}

// to sends the request. It never ends the test, so that goroutines may call it.
func (c call) to(tb testing.TB, s *apptest.Server) reply {
	tb.Helper()

	var body io.Reader = strings.NewReader(c.body)
	if c.chunked {
		body = io.MultiReader(body) // hides the length
	}

	request, err := http.NewRequestWithContext(tb.Context(), c.method, s.URL+c.path, body)
	if err != nil {
		tb.Errorf("%s %s: %v", c.method, c.path, err)

		return reply{}
	}

	request.URL.RawQuery = c.query
	request.Host = c.host

	for name, values := range c.header {
		request.Header[name] = values
	}

	response, err := s.HTTP.Client().Transport.RoundTrip(request)
	if err != nil {
		tb.Errorf("%s %s: %v", c.method, c.path, err)

		return reply{}
	}
	defer response.Body.Close()

	r := reply{status: response.StatusCode, header: response.Header}

	if r.body, err = io.ReadAll(response.Body); err != nil {
		tb.Errorf("%s %s: %v", c.method, c.path, err)
	}

	if r.status >= http.StatusBadRequest && len(r.body) > 0 {
		if err := json.Unmarshal(r.body, &r.problem); err != nil {
			tb.Errorf("%s %s answered %s, which is no Error: %v", c.method, c.path, r, err)
		}
	}

	return r
}

// encode writes values in the form that the operation wants.
func (o operation) encode(values map[string]any) string {
	if o.media() == "application/x-www-form-urlencoded" {
		form := url.Values{}
		for name, value := range values {
			form.Set(name, fmt.Sprint(value))
		}

		return form.Encode()
	}

	var text bytes.Buffer

	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)

	if err := encoder.Encode(values); err != nil {
		panic(err)
	}

	return text.String()
}
