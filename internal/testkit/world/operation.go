package world

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// Operation is an operation of the document.
type Operation struct {
	*openapi3.Operation

	Method, Path string
}

// Operations returns all operations of the document, sorted by path.
func Operations() []Operation { return slices.Clone(operations()) }

var operations = sync.OnceValue(func() []Operation {
	var list []Operation

	for path, item := range apptest.Document().Paths.Map() {
		for method, op := range item.Operations() {
			list = append(list, Operation{op, method, path})
		}
	}

	slices.SortFunc(list, func(a, b Operation) int { return cmp.Compare(a.Path+a.Method, b.Path+b.Method) })

	return list
})

// OperationByID returns the operation with this id, which must exist.
func OperationByID(id string) Operation {
	all := Operations()

	return all[slices.IndexFunc(all, func(o Operation) bool { return o.OperationID == id })]
}

// Call returns a call of the operation with a query string and a body, and without a credential.
func (o Operation) Call(query string, body map[string]any) Call {
	c := Call{Method: o.Method, Path: o.Path, Query: query}
	if o.RequestBody != nil {
		c = c.With("Content-Type", o.Media())
		c.Body = o.Encode(body)
	}

	return c
}

// OperationOf returns the operation with this id, or ends the test.
func OperationOf(t *testing.T, id string) Operation {
	t.Helper()

	for _, o := range Operations() {
		if o.OperationID == id {
			return o
		}
	}

	t.Fatalf("the document has no operation %s", id)

	return Operation{}
}

// MatchesPattern reports whether a path matches a pattern of the document: /user/phone matches /user/{key} too.
func MatchesPattern(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")

	for i := range want {
		if len(want) != len(got) || want[i] != got[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}

	return true
}

// Media returns the media type of the operation's body, or an empty string if it has none.
func (o Operation) Media() string {
	if o.RequestBody != nil {
		for name := range o.RequestBody.Value.Content {
			return name
		}
	}

	return ""
}

// RequiresScheme reports whether the operation requires a security scheme of the document.
func (o Operation) RequiresScheme(scheme string) bool {
	return slices.ContainsFunc(*o.Security, func(one openapi3.SecurityRequirement) bool { return one[scheme] != nil })
}

// IsPublic reports whether the operation belongs to the public surface.
func (o Operation) IsPublic() bool { return o.Extensions["x-surface"] == "public" }

// IsConsole reports whether a console in a browser calls the operation, with a cookie.
func (o Operation) IsConsole() bool { return o.IsPublic() || o.IsAdmin() }

// IsAdmin reports whether the operation belongs to the administrators' surface.
func (o Operation) IsAdmin() bool { return o.Extensions["x-surface"] == "admin" }

// Schema returns the schema of the operation's body.
func (o Operation) Schema() *openapi3.Schema {
	return o.RequestBody.Value.Content[o.Media()].Schema.Value
}

// Fields returns the names of the members of the operation's body, sorted.
func (o Operation) Fields() []string {
	if o.RequestBody == nil {
		return nil
	}

	return slices.Sorted(maps.Keys(o.Schema().Properties))
}

// OperationAt returns the operation that a request with this method and path calls, or nil.
func OperationAt(method, path string) *Operation {
	if method == http.MethodHead {
		method = http.MethodGet
	}

	var found *Operation

	for _, o := range Operations() {
		// A pattern without a parameter takes precedence: /user/phone matches /user/{key} too.
		if o.Method == method && MatchesPattern(o.Path, path) && (found == nil || !strings.Contains(o.Path, "{")) {
			found = &o
		}
	}

	return found
}

// Encode returns values in the media type of the operation.
func (o Operation) Encode(values map[string]any) string {
	if o.Media() == "application/x-www-form-urlencoded" {
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

// RefusesOtherSites reports whether the gateway must refuse the operation when another site makes a browser call it.
func (o Operation) RefusesOtherSites() bool {
	if o.OperationID == "returnFromLark" {
		return false // Lark's page is another site; the state protects this operation (test/federation)
	}

	return o.IsConsole() && (o.Method != http.MethodGet || o.Extensions["x-side-effects"] == true)
}
