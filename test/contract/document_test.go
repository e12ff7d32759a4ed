package contract_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-chi/chi/v5"

	document "github.com/konec/toolkit-gateway/api"
	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-J10, F-11: nothing about an operation is left to a default.
func TestOperationsAreComplete(t *testing.T) {
	t.Parallel()

	seen := map[string]bool{}

	for _, o := range world.Operations() {
		t.Run(o.Method+o.Path, func(t *testing.T) {
			if o.Security == nil {
				t.Error("no explicit security: name a scheme, or write `security: []` if anyone may call it")
			}

			if surface := o.Extensions["x-surface"]; surface != "toolkit" && surface != "public" && surface != "admin" {
				t.Errorf("x-surface %v: write toolkit, public or admin", surface)
			}

			// The description must name the right too, for readers of the documentation.
			if (o.Extensions["x-required-right"] != nil) != o.IsAdmin() || o.IsAdmin() != strings.HasPrefix(o.Path, "/api/admin/") {
				t.Errorf("x-required-right %v: operations of administrators are under /api/admin and name a right", o.Extensions["x-required-right"])
			}

			if o.OperationID == "" || seen[o.OperationID] {
				t.Errorf("the operationId %q is empty or used twice", o.OperationID)
			}

			seen[o.OperationID] = true

			chinese, english, found := strings.Cut(o.Summary, " · ")
			if !found || !hasHan(chinese) || english == "" || hasHan(english) {
				t.Errorf("summary %q: write it as 中文 · English", o.Summary)
			}

			if !hasHan(o.Description) || !regexp.MustCompile(`[A-Za-z]{4,} [a-z]+ [a-z]+`).MatchString(o.Description) {
				t.Errorf("description %q: write it in Chinese, and then in English", o.Description)
			}

			if len(o.Tags) != 1 || apptest.Document().Tags.Get(o.Tags[0]) == nil {
				t.Errorf("tags %q: write one that is in the document's tags", o.Tags)
			}

			if hashes := takesPassword(o); (o.Extensions["x-costly"] == true) != hashes {
				t.Errorf("x-costly %v: an operation with a password hashes it, and must be limited", o.Extensions["x-costly"])
			}

			checkRequest(t, o)
			checkResponses(t, o)
		})
	}
}

// takesPassword reports whether the body has a password, to be compared or set.
func takesPassword(o world.Operation) bool {
	if o.RequestBody == nil {
		return false
	}

	for _, property := range o.Schema().Properties {
		if property.Value.Format == "password" {
			return true
		}
	}

	return false
}

func checkRequest(t *testing.T, o world.Operation) {
	t.Helper()

	if o.RequestBody == nil {
		return
	}

	if body := o.RequestBody.Value; len(body.Content) != 1 || !body.Required {
		t.Errorf("a body of %d types, required: %t; want one, required", len(body.Content), body.Required)
	}

	for name, media := range o.RequestBody.Value.Content {
		if media.Example == nil {
			t.Errorf("the body %s has no example: give its media type an `example`", name)
		} else {
			checkExample(t, media.Schema, media.Example)
		}
	}
}

func checkExample(t *testing.T, schema *openapi3.SchemaRef, example any) {
	t.Helper()

	err := schema.Value.VisitJSON(example, openapi3.MultiErrors(), openapi3.WithStringFormatValidators(map[string]openapi3.StringFormatValidator{
		"email":        openapi3.NewCallbackValidator(func(s string) error { _, err := account.ParseEmail(s); return err }),
		"phone":        openapi3.NewCallbackValidator(func(s string) error { _, err := account.ParsePhone(s); return err }),
		"label":        openapi3.NewCallbackValidator(account.CheckLabel),
		"group-name":   openapi3.NewCallbackValidator(group.CheckName),
		"display-name": openapi3.NewCallbackValidator(func(s string) error { _, err := account.ParseName(s); return err }),
	}))
	if err != nil {
		t.Errorf("an example does not fit its schema: %v", err)
	}
}

// The document, the messages and the examples have the same codes with the same texts.
func TestErrorCodesAgree(t *testing.T) {
	t.Parallel()

	spec := apptest.Document()

	var listed []string
	for _, code := range spec.Components.Schemas["ErrorCode"].Value.Enum {
		listed = append(listed, code.(string))
	}

	slices.Sort(listed)

	for _, code := range listed {
		if !slices.Contains(problem.ErrorCodes(), code) {
			t.Errorf("%s is in ErrorCode, but has no message: add one in internal/platform/problem/messages.go", code)
		}
	}

	for _, code := range problem.ErrorCodes() {
		if !slices.Contains(listed, code) {
			t.Errorf("%s has a message, but is not in the enum of ErrorCode", code)
		}

		example := spec.Components.Examples[code]
		if example == nil {
			t.Errorf("%s has no example: add one to components/examples", code)

			continue
		}

		value, _ := example.Value.Value.(map[string]any)
		if want := problem.New(problem.Internal, code).Message(language.Chinese); value["message"] != want {
			t.Errorf("%s: the example has %v, and the server %s", code, value["message"], want)
		}

		if !strings.Contains(spec.Components.Schemas["ErrorCode"].Value.Description, "- `"+code+"`: ") {
			t.Errorf("%s is not explained: add a line \"- `%s`: …\" to the description of ErrorCode", code, code)
		}
	}
}

// F-04, R-J5: no object accepts members that it does not name, and every value has bounds.
func TestSchemasAreBounded(t *testing.T) {
	t.Parallel()

	text, err := apptest.Document().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}

	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		t.Fatal(err)
	}

	checked := 0

	walkSchemas(tree, "", func(at string, schema map[string]any) {
		checked++

		switch schema["type"] {
		case "object":
			if _, isMap := schema["additionalProperties"].(map[string]any); isMap && schema["maxProperties"] == nil {
				t.Errorf("%s is an unbounded map: give it a maxProperties", at)
			} else if !isMap && schema["additionalProperties"] != false {
				t.Errorf("%s accepts unknown members: give it additionalProperties: false", at)
			}
		case "string":
			if schema["maxLength"] == nil && schema["enum"] == nil {
				t.Errorf("%s is unbounded text: give it a maxLength", at)
			}
		case "array":
			if schema["maxItems"] == nil {
				t.Errorf("%s is an unbounded list: give it a maxItems", at)
			}
		case "integer", "number":
			if schema["minimum"] == nil || schema["maximum"] == nil && schema["format"] == nil {
				t.Errorf("%s is an unbounded number: give it a minimum, and a maximum or a format", at)
			}
		case "boolean":
		default:
			t.Errorf("%s has the type %v: write object, string, array, integer, number or boolean", at, schema["type"])
		}
	})

	if checked < 30 {
		t.Errorf("only %d schemas found", checked)
	}
}

// walkSchemas visits every schema of the document that is written out: an object with a type that is not a security
// scheme, an example, or a map of properties with one named type.
func walkSchemas(node any, at string, visit func(string, map[string]any)) {
	switch node := node.(type) {
	case map[string]any:
		if _, typed := node["type"].(string); typed && !strings.Contains(at, "/securitySchemes/") {
			visit(at, node)
		}

		for name, child := range node {
			if name != "example" && name != "examples" {
				walkSchemas(child, at+"/"+name, visit)
			}
		}
	case []any:
		for _, child := range node {
			walkSchemas(child, at+"/-", visit)
		}
	}
}

// early are the codes of responses that are written before any handler, or in its place.
var early = []string{
	"INVALID_REQUEST", "NOT_FOUND", "METHOD_NOT_ALLOWED", "NOT_ACCEPTABLE", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE",
	"UNAUTHENTICATED", "TOKEN_INVALID", "XSRF_INVALID", "CROSS_SITE", "INTERNAL", "UNAVAILABLE",
}

// Each documented operation has a handler of its own, whose response the document promises and no other part of the
// server would write.
func TestEveryOperationHasAHandler(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	documented := documentedResponses()

	for _, o := range world.Operations() {
		g.KeepSignedIn(t)

		got := g.Call(o).To(t, g.Server)
		if slices.Contains(early, got.Problem.Code) || !documented[fmt.Sprintf("%s %d %s", o.OperationID, got.Status, got.Problem.Code)] {
			t.Errorf("%s returned %s, which does not come from its handler: is it mounted, and are its values in internal/testkit/world/gateway.go valid?", o.OperationID, got)
		}
	}
}

// R-J10, R-J9: besides the document's operations only the contract's few routes exist. There are no metrics and no
// profiles; the inbox exists in development mode only.
func TestNoOtherRoutesExist(t *testing.T) {
	t.Parallel()

	outside := []string{
		"GET /healthz", "GET /readyz", "GET /.well-known/jwks.json", "GET /openapi.json", "GET /openapi.yaml",
		"GET /docs", "GET /docs/init.js", "GET /docs/scalar.js", "GET /console", "GET /console/*", "GET /console/assets/*",
	}

	for mode, more := range map[string][]string{config.Release: nil, config.Development: {"GET /dev/inbox"}} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()

			known := slices.Concat(outside, more)
			for _, o := range world.Operations() {
				known = append(known, o.Method+" "+o.Path, "OPTIONS "+o.Path)
			}

			for _, route := range routesOf(t, mode) {
				if !slices.Contains(known, route) {
					t.Errorf("the route %s is neither documented nor in the contract", route)
				}
			}
		})
	}
}

func routesOf(t *testing.T, mode string) []string {
	t.Helper()

	c, err := config.Load(map[string]string{
		"MODE": mode, "DATABASE_URL": "postgres://nowhere.invalid/none", "MASTER_KEY": keyring.Generate(),
	})
	if err != nil {
		t.Fatal(err)
	}

	options := app.Options{Config: c, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	if mode == config.Development {
		options.Inbox = inbox.New()
	}

	a, err := app.New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}

	var routes []string

	err = chi.Walk(a.Handler().(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routes = append(routes, method+" "+route)

		return nil
	})
	if err != nil || len(routes) < 12 {
		t.Fatalf("%d routes: %v", len(routes), err)
	}

	return routes
}

func hasHan(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// CON-D6: patterns are in the dialect of OpenAPI 3.0, ECMA-262 5.1: no classes of Unicode, no flags, no lookbehind, no names.
func TestPatternsAreInTheDialectOfTheDocument(t *testing.T) {
	t.Parallel()

	found := regexp.MustCompile(`(?m)^\s*pattern: (.*)$`).FindAllSubmatch(document.Document, -1)
	if len(found) < 15 {
		t.Fatalf("%d patterns found", len(found))
	}

	foreign := regexp.MustCompile(`\\[pPAzZQEx]\{|\\[pPAzZQE]|\(\?[^:=!]|\[\[:`)

	for _, one := range found {
		if foreign.Match(one[1]) {
			t.Errorf("the pattern %s is not one of ECMA-262 5.1", one[1])
		}
	}
}
