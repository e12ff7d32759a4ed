package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/go-chi/chi/v5"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// route is an operation's method and chi pattern; the document's paths are chi patterns already.
type route struct{ method, pattern string }

// operation is one operation of the document, prepared once.
type operation struct {
	id            string
	surface       Surface
	sideEffects   bool     // a GET with side effects: it sends or mints something
	crossSite     bool     // other sites may send browsers to it
	linkable      bool     // the pages of a configured origin may link to it
	versioned     bool     // refuses apps older than their minimum version
	expensive     bool     // waits at the gate: it computes a hash of a password
	rights        []string // that it requires
	security      openapi3.SecurityRequirements
	body          *openapi3.RequestBody // nil if none is documented
	bounds        bounds                // of a JSON body
	spellings     spellings             // of a body
	query         []string              // the names of its query parameters
	requiredQuery []string              // those of them that are required
	jsonQuery     map[string]*bounds    // those of them that are JSON
	plusQuery     []string              // those of them that are e-mail addresses or phone numbers
	extraQuery    bool                  // ignores other query parameters
	produces      []string              // the media types of its success responses; an error is always JSON
	kin           *routers.Route        // for the validator, without the security, which is checked before
	options       *openapi3filter.Options
}

type operationKey struct{}

func operationOf(ctx context.Context) *operation {
	op, _ := ctx.Value(operationKey{}).(*operation)

	return op
}

// match finds the operation that chi has matched.
func (p *Pipeline) match(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}

		op := p.operations[route{method, chi.RouteContext(r.Context()).RoutePattern()}]
		if op == nil {
			p.Fail(w, r, errors.New("httpapi: a route that the document does not have"))

			return
		}

		if info := infoOf(r.Context()); info != nil {
			info.operation = op
		}

		shadowed := p.shadowed(op, r.URL.Path, chi.RouteContext(r.Context()))

		p.allowOrigin(w, r, op.surface)

		if shadowed || r.Method == http.MethodHead && op.sideEffects {
			w.Header().Set("Allow", p.allowed(r))
			p.Fail(w, r, problem.ErrMethodNotAllowed)

			return
		}

		if err := p.sameSite(r, op); err != nil {
			p.Fail(w, r, err)

			return
		}

		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), operationKey{}, op)))
	})
}

// compile reads the document, and refuses one that leaves an operation unprotected.
func compile(d Deps) (map[route]*operation, error) {
	document, schemes, formats := d.Document, d.Schemes, d.Formats
	options := validation(formats)
	operations := map[route]*operation{}

	var faults []error

	for path, item := range document.Paths.Map() {
		for method, op := range item.Operations() {
			compiled, err := compileOperation(document, path, method, item, op)
			if err != nil {
				faults = append(faults, fmt.Errorf("%s %s: %w", method, path, err))

				continue
			}

			compiled.options = options

			for _, right := range compiled.rights {
				if !slices.Contains(d.Rights, right) {
					faults = append(faults, fmt.Errorf("%s %s: there is no right %q", method, path, right))
				}
			}

			operations[route{method, path}] = compiled

			for _, requirement := range compiled.security {
				for name := range requirement {
					if _, known := schemes[name]; !known {
						faults = append(faults, fmt.Errorf("%s %s: the security scheme %q has no authenticator", method, path, name))
					}
				}
			}
		}
	}

	for _, name := range formatsOf(document) {
		if _, known := formats[name]; !known && !slices.Contains(builtInFormats, name) {
			faults = append(faults, fmt.Errorf("the string format %q has no validator", name))
		}
	}

	return operations, errors.Join(faults...)
}

func compileOperation(document *openapi3.T, path, method string, item *openapi3.PathItem, op *openapi3.Operation) (*operation, error) {
	if op.Security == nil {
		return nil, errors.New("no explicit security; write `security: []` where nothing is needed")
	}

	surface, err := surfaceOf(op)
	if err != nil {
		return nil, err
	}

	effects, err := sideEffectsOf(op, method)
	if err != nil {
		return nil, err
	}

	foreign, err := liftedBy(op, "x-cross-site", surface, effects)
	if err != nil {
		return nil, err
	}

	linked, err := liftedBy(op, "x-linked", surface, effects)
	if err != nil {
		return nil, err
	}

	extra, err := extraQueryOf(op, method, surface, effects && !foreign)
	if err != nil {
		return nil, err
	}

	costly, err := expensiveOf(op, method)
	if err != nil {
		return nil, err
	}

	versioned, err := versionedBy(op)
	if err != nil {
		return nil, err
	}

	rights, err := rightsOf(op, surface)
	if err != nil {
		return nil, err
	}

	// The validator must not check security again: a copy without it.
	open := *op
	open.Security = &openapi3.SecurityRequirements{}

	compiled := &operation{
		id:          op.OperationID,
		surface:     surface,
		sideEffects: effects,
		crossSite:   foreign,
		linkable:    linked,
		versioned:   versioned,
		expensive:   costly,
		extraQuery:  extra,
		rights:      rights,
		security:    *op.Security,
		jsonQuery:   map[string]*bounds{},
		kin:         &routers.Route{Spec: document, Path: path, PathItem: item, Method: method, Operation: &open},
	}

	if op.RequestBody != nil {
		compiled.body = op.RequestBody.Value

		if media := compiled.body.Content[contentJSON]; media != nil {
			compiled.bounds = boundsOf(media.Schema.Value)
		}

		if compiled.spellings, err = spellingsOfBody(compiled.body); err != nil {
			return nil, err
		}
	}

	compiled.produces = produced(op)

	for _, parameters := range []openapi3.Parameters{item.Parameters, op.Parameters} {
		for _, parameter := range parameters {
			if parameter.Value.In == openapi3.ParameterInQuery {
				compiled.addQuery(parameter.Value)
			}
		}
	}

	return compiled, nil
}

// plusNames are the query parameters in which a plus is never a space.
var plusNames = []string{"phone", "email"}

func (op *operation) addQuery(parameter *openapi3.Parameter) {
	op.query = append(op.query, parameter.Name)
	if parameter.Required {
		op.requiredQuery = append(op.requiredQuery, parameter.Name)
	}

	if media := parameter.Content[contentJSON]; media != nil {
		limit := boundsOf(media.Schema.Value)
		op.jsonQuery[parameter.Name] = &limit
	} else if slices.Contains(plusNames, parameter.Name) {
		op.plusQuery = append(op.plusQuery, parameter.Name)
	}
}

func produced(op *openapi3.Operation) []string {
	var types []string

	for status, response := range op.Responses.Map() {
		if status >= "300" {
			continue
		}

		for media := range response.Value.Content {
			media, _, _ = strings.Cut(media, ";") // text/html; charset=utf-8
			types = append(types, media)
		}
	}

	if len(types) == 0 {
		return []string{contentJSON}
	}

	return types
}

// sideEffectsOf reads x-side-effects, which only a GET needs: every other method has them.
func sideEffectsOf(op *openapi3.Operation, method string) (bool, error) {
	value, there := op.Extensions["x-side-effects"]
	if !there {
		return false, nil
	}

	if effects, ok := value.(bool); ok && effects && method == http.MethodGet {
		return true, nil
	}

	return false, errors.New("x-side-effects can only be true, at a GET")
}

// expensiveOf reads x-costly, which only operations with a body need.
func expensiveOf(op *openapi3.Operation, method string) (bool, error) {
	value, there := op.Extensions["x-costly"]
	if !there {
		return false, nil
	}

	if costly, ok := value.(bool); ok && costly && method == http.MethodPost {
		return true, nil
	}

	return false, errors.New("x-costly can only be true, at a POST")
}

// versionedBy reads x-minimum-version, which stands where users sign in or register.
func versionedBy(op *openapi3.Operation) (bool, error) {
	value, there := op.Extensions["x-minimum-version"]
	if there && value != true {
		return false, errors.New("x-minimum-version can only be true")
	}

	return there, nil
}

// liftedBy reads x-cross-site, the reason why other sites may call the operation, or x-linked, the reason why users
// follow links to it from pages of the configured origins. Either is allowed only for an operation that the lifted rule
// would protect, a GET with side effects of the public surface: it can never expose an operation with a body or with
// XSRF protection.
func liftedBy(op *openapi3.Operation, extension string, surface Surface, effects bool) (bool, error) {
	value, there := op.Extensions[extension]
	if !there {
		return false, nil
	}

	if why, ok := value.(string); ok && why != "" && effects && surface == Public {
		return true, nil
	}

	return false, fmt.Errorf("%s can only say why, at a GET of the public surface with x-side-effects", extension)
}

// extraQueryOf reads x-extra-query, the reason why an operation ignores query parameters that the document does not have:
// people reach a page by a link, to which others add parameters. effects is whether the operation has side effects for
// a user whom no other site may send: a redirect of another site may bring parameters of its own.
func extraQueryOf(op *openapi3.Operation, method string, surface Surface, effects bool) (bool, error) {
	value, there := op.Extensions["x-extra-query"]
	if !there {
		return false, nil
	}

	if why, ok := value.(string); ok && why != "" && method == http.MethodGet && !effects && surface == Public {
		return true, nil
	}

	return false, errors.New("x-extra-query can only say why, at a GET of the public surface without x-side-effects, or with x-cross-site")
}

// Surface is the surface of an operation, x-surface in the document.
type Surface string

// The surfaces.
const (
	Toolkit Surface = "toolkit"
	Public  Surface = "public"
	Admin   Surface = "admin"
)

func surfaceOf(op *openapi3.Operation) (Surface, error) {
	name, _ := op.Extensions["x-surface"].(string)
	if surface := Surface(name); surface == Toolkit || surface == Public || surface == Admin {
		return surface, nil
	}

	return "", fmt.Errorf("x-surface is %q, and must be toolkit, public or admin", name)
}
