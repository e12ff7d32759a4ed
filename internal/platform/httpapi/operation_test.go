package httpapi

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// sound is a document that omits nothing. The tests break it, line by line.
const sound = `
openapi: 3.0.3
info: { title: Test, version: '1' }
paths:
  /thing:
    post:
      operationId: thing
      x-surface: toolkit
      security: [{ bearer: [] }]
      parameters:
        - { name: size, in: query, schema: { type: string, format: email } }
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                list: { type: array, items: { type: string, format: date-time } }
      responses: { '204': { description: Done. } }
  /back:
    get:
      operationId: back
      x-surface: public
      x-side-effects: true
      x-cross-site: Another site sends browsers here.
      security: []
      responses: { '204': { description: Done. } }
components:
  securitySchemes:
    bearer: { type: http, scheme: bearer }
    session: { type: apiKey, in: cookie, name: session }
`

// R-J10, F-07, F-11, V-16: the server does not start with a document that leaves an operation unprotected.
func TestOpenDocumentIsRefused(t *testing.T) {
	t.Parallel()

	for name, one := range map[string]struct{ from, to, want string }{
		"sound":                      {"", "", ""},
		"no security":                {"      security: [{ bearer: [] }]\n", "", "no explicit security"},
		"empty security":             {"[{ bearer: [] }]", "[]", ""},
		"unknown scheme":             {"[{ bearer: [] }]", "[{ session: [] }]", `"session" has no authenticator`},
		"one of two schemes":         {"[{ bearer: [] }]", "[{ bearer: [], session: [] }]", `"session" has no authenticator`},
		"one alternative":            {"[{ bearer: [] }]", "[{ bearer: [] }, { session: [] }]", `"session" has no authenticator`},
		"no surface":                 {"      x-surface: toolkit\n", "", "x-surface"},
		"another surface":            {"x-surface: toolkit", "x-surface: secret", "x-surface"},
		"costly, and a GET":          {"x-side-effects: true", "x-costly: true", "x-c"},
		"costly, and why":            {"x-surface: toolkit", "x-surface: toolkit\n      x-costly: why", "x-costly"},
		"minimum version, and why":   {"x-surface: toolkit", "x-surface: toolkit\n      x-minimum-version: why", "x-minimum-version"},
		"linked for no reason":       {"x-cross-site: Another site sends browsers here.", "x-linked: ''", "x-linked"},
		"linked without effects":     {"      x-side-effects: true\n      x-cross-site: Another site sends browsers here.\n", "      x-linked: why\n", "x-linked"},
		"extra query for no reason":  {"x-surface: toolkit", "x-surface: public\n      x-extra-query: ''", "x-extra-query"},
		"extra query of the apps":    {"x-surface: toolkit", "x-surface: toolkit\n      x-extra-query: why", "x-extra-query"},
		"foreign for no reason":      {"x-cross-site: Another site sends browsers here.", "x-cross-site: ''", "x-cross-site"},
		"foreign, and only true":     {"x-cross-site: Another site sends browsers here.", "x-cross-site: true", "x-cross-site"},
		"foreign without effects":    {"      x-side-effects: true\n", "", "x-cross-site"},
		"foreign, of the apps":       {"x-surface: public", "x-surface: toolkit", "x-cross-site"},
		"foreign, and a POST":        {"    get:", "    post:", "x-side-effects"},
		"foreign POST":               {"x-surface: toolkit", "x-surface: public\n      x-cross-site: why", "x-cross-site"},
		"an empty list of rights":    {"x-surface: toolkit", "x-surface: admin\n      x-required-right: []", "x-required-right"},
		"a list of one right":        {"x-surface: toolkit", "x-surface: admin\n      x-required-right: [some.read]", "x-required-right"},
		"a right that is a number":   {"x-surface: toolkit", "x-surface: admin\n      x-required-right: [some.read, 1]", "x-required-right"},
		"an unknown right of two":    {"x-surface: toolkit", "x-surface: admin\n      x-required-right: [some.read, other.read]", `no right "other.read"`},
		"a code that is a date":      {"format: date-time", "format: date-time, x-typed-code: why", "x-typed-code"},
		"lower case, without values": {"type: array,", "type: array, x-accept-lower-case: true,", "x-accept-lower-case"},
		"unknown format":             {"format: date-time", "format: uuid", `"uuid" has no validator`},
		"unknown format in a query":  {"format: email", "format: ipv4", `"ipv4" has no validator`},
		"unknown format in a schema": {"securitySchemes:", "schemas: { Odd: { anyOf: [{ type: string, format: odd }] } }\n  securitySchemes:", `"odd" has no validator`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if !strings.Contains(sound, one.from) {
				t.Fatalf("%q is not there to spoil", one.from)
			}

			document, err := openapi3.NewLoader().LoadFromData([]byte(strings.Replace(sound, one.from, one.to, 1)))
			if err != nil {
				t.Fatal(err)
			}

			_, err = New(Deps{
				Document: document,
				Schemes:  map[string]Scheme{"bearer": {}},
				Formats:  map[string]func(string) error{"email": func(string) error { return nil }},
			})

			switch {
			case one.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case one.want != "" && (err == nil || !strings.Contains(err.Error(), one.want)):
				t.Errorf("%v, want %q", err, one.want)
			}
		})
	}
}
