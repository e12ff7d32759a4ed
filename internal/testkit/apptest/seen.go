package apptest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
)

// seen holds what successful calls of this process had: a parameter, a member of a request or of a response, each under
// the name that Unseen gives it.
var seen sync.Map

// maxSeen is how much of a request's body is read for that.
const maxSeen = 64 << 10

// recorded keeps the beginning of a request's body while the gateway reads it.
type recorded struct {
	io.ReadCloser
	kept bytes.Buffer
}

func (r *recorded) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.kept.Write(p[:min(n, maxSeen-r.kept.Len())])

	return n, err
}

// record notes what a successful call had.
func record(r *http.Request, route *routers.Route, status int, sent, received []byte) {
	if status >= http.StatusBadRequest {
		return
	}

	id := route.Operation.OperationID

	for name := range r.URL.Query() {
		seen.Store(id+" query "+name, true)
	}

	for name := range r.Header {
		seen.Store(id+" header "+strings.ToLower(name), true)
	}

	if route.Operation.RequestBody != nil {
		for name, media := range route.Operation.RequestBody.Value.Content {
			recordMembers(media.Schema, decoded(name, sent))
		}
	}

	if response := route.Operation.Responses.Status(status); response != nil {
		for name, media := range response.Value.Content {
			recordMembers(media.Schema, decoded(name, received))
		}
	}
}

// decoded returns a form or a JSON text as a value, and nil for other media types.
func decoded(media string, text []byte) (value any) {
	switch media {
	case "application/x-www-form-urlencoded":
		form, _ := url.ParseQuery(string(text))
		members := map[string]any{}

		for name := range form {
			members[name] = ""
		}

		return members
	case "application/json":
		if json.Unmarshal(text, &value) != nil {
			return nil
		}
	}

	return value
}

// recordMembers notes the members of a value.
func recordMembers(schema *openapi3.SchemaRef, value any) {
	walkMembers(schema, "", func(name string, below any) (any, bool) {
		object, isObject := below.(map[string]any)
		if !isObject {
			return nil, false
		}

		member, there := object[name[strings.LastIndex(name, "/")+1:]]
		if there {
			seen.Store(name, true)
		}

		return member, there
	}, value)
}

// walkMembers visits the members that a schema names, each as the path below the component that it belongs to, such as
// Session/device. If visit finds the member in the value, the walk goes on in it.
func walkMembers(schema *openapi3.SchemaRef, path string, visit func(name string, below any) (any, bool), value any) {
	if schema.Ref != "" {
		path = schema.Ref[strings.LastIndex(schema.Ref, "/")+1:]
	}

	if items, isArray := value.([]any); isArray && schema.Value.Items != nil {
		for _, item := range items {
			walkMembers(schema.Value.Items, path, visit, item)
		}

		return
	}

	for _, name := range slices.Sorted(maps.Keys(schema.Value.Properties)) {
		if member, ok := visit(path+"/"+name, value); ok {
			walkMembers(schema.Value.Properties[name], path+"/"+name, visit, member)
		}
	}

	for _, parts := range []openapi3.SchemaRefs{schema.Value.AllOf, schema.Value.AnyOf, schema.Value.OneOf} {
		for _, part := range parts {
			walkMembers(part, path, visit, value)
		}
	}
}

// Unseen returns the parameters and members of the document that no successful call of this process had.
func Unseen() []string {
	missing := map[string]bool{}

	expect := func(name string) {
		if _, ok := seen.Load(name); !ok {
			missing[name] = true
		}
	}

	for _, item := range Document().Paths.Map() {
		for _, o := range item.Operations() {
			for _, p := range o.Parameters {
				if p.Value.In != openapi3.ParameterInPath {
					expect(o.OperationID + " " + p.Value.In + " " + lowerHeader(p.Value))
				}
			}

			if o.RequestBody != nil {
				expectMembers(o.RequestBody.Value.Content, expect)
			}

			for status, response := range o.Responses.Map() {
				if status < "400" {
					expectMembers(response.Value.Content, expect)
				}
			}
		}
	}

	return slices.Sorted(maps.Keys(missing))
}

func expectMembers(content openapi3.Content, expect func(string)) {
	for _, media := range content {
		walkSchema(media.Schema, "", expect)
	}
}

func lowerHeader(p *openapi3.Parameter) string {
	if p.In == openapi3.ParameterInHeader {
		return strings.ToLower(p.Name)
	}

	return p.Name
}

// walkSchema visits every member that a schema names, as walkMembers does.
func walkSchema(schema *openapi3.SchemaRef, path string, visit func(string)) {
	if schema.Ref != "" {
		path = schema.Ref[strings.LastIndex(schema.Ref, "/")+1:]
	}

	for name, property := range schema.Value.Properties {
		visit(path + "/" + name)
		walkSchema(property, path+"/"+name, visit)
	}

	for _, parts := range []openapi3.SchemaRefs{schema.Value.AllOf, schema.Value.AnyOf, schema.Value.OneOf} {
		for _, part := range parts {
			walkSchema(part, path, visit)
		}
	}

	if schema.Value.Items != nil {
		walkSchema(schema.Value.Items, path, visit)
	}
}
