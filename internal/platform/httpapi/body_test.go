package httpapi

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// SEC-S7, T-03: members, items, depth, texts and numbers are counted before anything is built of a body, and the error
// names where it stopped.
func TestBodyBeyondTheBoundsIsRefused(t *testing.T) {
	t.Parallel()

	text, items := uint64(300), uint64(100)
	limit := boundsOf(&openapi3.Schema{Properties: openapi3.Schemas{
		"name": openapi3.NewSchemaRef("", &openapi3.Schema{MaxLength: &text}),
		"list": openapi3.NewSchemaRef("", &openapi3.Schema{MaxItems: &items, Items: openapi3.NewSchemaRef("", &openapi3.Schema{
			Properties: openapi3.Schemas{"id": openapi3.NewSchemaRef("", openapi3.NewStringSchema())},
		})}),
	}})

	for name, one := range map[string]struct {
		body, field string
		want        language.Text
	}{
		"fits":            {body: `{"name": "` + strings.Repeat("x", 300) + `", "list": [` + list(100, `{"id":"x"}`) + `]}`},
		"fifty members":   {body: members(50)},
		"a member more":   {body: members(51), field: "/m50", want: textTooMany},
		"7,600 members":   {body: members(7600), field: "/m50", want: textTooMany},
		"an item more":    {body: `{"list": [` + list(101, `1`) + `]}`, field: "/list/100", want: textTooMany},
		"large items":     {body: `{"list": [` + list(100, members(50)) + `]}`, field: "/list/4/m47", want: textTooMany},
		"seven deep":      {body: `{"a":` + strings.Repeat("[", 7) + strings.Repeat("]", 7) + `}`},
		"too deep":        {body: `{"a":` + strings.Repeat("[", 8), field: "/a" + strings.Repeat("/0", 7), want: textTooDeep},
		"a long text":     {body: `{"name": "` + strings.Repeat("x", 1201) + `"}`, field: "/name", want: textTooLong},
		"a long number":   {body: `{"name": ` + strings.Repeat("1", 33) + `}`, field: "/name", want: textTooLong},
		"a long name":     {body: `{"` + strings.Repeat("x", 1201) + `": 1}`, want: textTooLong},
		"a number of 32":  {body: `{"name": ` + strings.Repeat("1", 32) + `}`},
		"the same member": {body: `{"name": 1, "name": 2}`, field: "/name", want: textTwice},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			err := checkJSON([]byte(one.body), limit)
			if one.want == (language.Text{}) {
				if err != nil {
					t.Fatal(err)
				}

				return
			}

			told, ok := errors.AsType[*problem.Problem](err)
			if !ok || len(told.Fields) != 1 || told.Fields[0] != (problem.Field{Name: one.field, Message: one.want}) {
				t.Fatalf("got %v", told.Fields)
			}
		})
	}
}

// SEC-S7: one error names ten fields at most, in the query string too.
func TestErrorNamesFewFields(t *testing.T) {
	t.Parallel()

	op := &operation{}
	_, err := op.readQuery(httptest.NewRequest("GET", "/?"+strings.Repeat("x&y&", 5)+"a&b&c&d&e&f&g&h&i&j&k", nil))

	told, ok := errors.AsType[*problem.Problem](err)
	if !ok || len(told.Fields) != maxFaults {
		t.Errorf("got %+v", err)
	}

	var many openapi3.MultiError
	for i := range 50 {
		many = append(many, &openapi3.SchemaError{SchemaField: "properties", Reason: fmt.Sprintf("property %q is unsupported", fmt.Sprint("m", i))})
	}

	told, ok = errors.AsType[*problem.Problem](invalid(many))
	if !ok || len(told.Fields) != maxFaults || told.Fields[9].Name != "/m9" {
		t.Errorf("got %+v", told)
	}
}

func members(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"m%d":1`, i)
	}

	return "{" + strings.Join(list, ",") + "}"
}

func list(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
