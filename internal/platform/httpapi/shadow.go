package httpapi

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"
)

// literalPaths returns the paths of the document that have no parameter.
func literalPaths(document *openapi3.T) map[string]bool {
	found := map[string]bool{}

	for path := range document.Paths.Map() {
		if !strings.Contains(path, "{") {
			found[path] = true
		}
	}

	return found
}

// shadowed reports whether the path is a documented one without parameters, and the operation that chi has matched has
// parameters whose values it cannot be: DELETE /user/password is not DELETE /user/{key}. A concrete path comes before a
// templated one (OpenAPI 3.0.3, Paths Object), and does not have the other's methods.
func (p *Pipeline) shadowed(op *operation, path string, matched *chi.Context) bool {
	if op == nil || op.kin.Path == path || !p.literal[path] {
		return false
	}

	return slices.ContainsFunc(op.kin.Operation.Parameters, func(one *openapi3.ParameterRef) bool {
		return one.Value.In == openapi3.ParameterInPath && one.Value.Schema.Value.VisitJSON(matched.URLParam(one.Value.Name)) != nil
	})
}
