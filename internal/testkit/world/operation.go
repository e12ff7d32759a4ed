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

func OperationByID(id string) Operation {
	all := Operations()

	return all[slices.IndexFunc(all, func(o Operation) bool { return o.OperationID == id })]
}

// Call is a call of the operation, with a body.
func (o Operation) Call(query string, body map[string]any) Call {
	c := Call{Method: o.Method, Path: o.Path, Query: query}
	if o.RequestBody != nil {
		c = c.With("Content-Type", o.Media())
		c.Body = o.Encode(body)
	}

	return c
}

// OperationOf is the one of that id.
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

// MatchesPattern says that a path is of the pattern's form: /user/phone is of /user/{key}'s too.
func MatchesPattern(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")

	for i := range want {
		if len(want) != len(got) || want[i] != got[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}

	return true
}

// Operation is one of the document's.
type Operation struct {
	*openapi3.Operation

	Method, Path string
}

// Operations lists all of the document, by path.
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

// Media is the type of the operation's body, and empty where it has none.
func (o Operation) Media() string {
	if o.RequestBody != nil {
		for name := range o.RequestBody.Value.Content {
			return name
		}
	}

	return ""
}

// RequiresScheme says that the operation needs a security scheme of the document.
func (o Operation) RequiresScheme(scheme string) bool {
	return slices.ContainsFunc(*o.Security, func(one openapi3.SecurityRequirement) bool { return one[scheme] != nil })
}

func (o Operation) IsPublic() bool { return o.Extensions["x-surface"] == "public" }

// IsConsole says that a browser console calls it, with a cookie.
func (o Operation) IsConsole() bool { return o.IsPublic() || o.IsAdmin() }

func (o Operation) IsAdmin() bool { return o.Extensions["x-surface"] == "admin" }

// Schema is that of the operation's body.
func (o Operation) Schema() *openapi3.Schema {
	return o.RequestBody.Value.Content[o.Media()].Schema.Value
}

// Fields are the members of the operation's body, sorted.
func (o Operation) Fields() []string {
	if o.RequestBody == nil {
		return nil
	}

	return slices.Sorted(maps.Keys(o.Schema().Properties))
}

// OperationAt is what a request of the method and the path asks for, nil for none.
func OperationAt(method, path string) *Operation {
	if method == http.MethodHead {
		method = http.MethodGet
	}

	var found *Operation

	for _, o := range Operations() {
		// A pattern without a parameter comes first: /user/phone is one of /user/{key} too.
		if o.Method == method && MatchesPattern(o.Path, path) && (found == nil || !strings.Contains(o.Path, "{")) {
			found = &o
		}
	}

	return found
}

// Encode writes values in the form that the operation wants.
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

// RefusesOtherSites says that another site must not make a browser ask this.
func (o Operation) RefusesOtherSites() bool {
	if o.OperationID == "returnFromLark" {
		return false // Lark's page is another site; the state takes this guard's place (test/federation)
	}

	return o.IsConsole() && (o.Method != http.MethodGet || o.Extensions["x-side-effects"] == true)
}
