package httpapi

import (
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// builtInFormats are the formats that kin-openapi checks by itself. It ignores every other format that has no
// registered validator.
var builtInFormats = []string{"byte", "date", "date-time"}

func validation(formats map[string]func(string) error) *openapi3filter.Options {
	validators := map[string]openapi3.StringFormatValidator{}
	for name, check := range formats {
		validators[name] = openapi3.NewCallbackValidator(check)
	}

	return &openapi3filter.Options{
		MultiError:              true,
		KeepValidatedValue:      true,
		SchemaValidationOptions: []openapi3.SchemaValidationOption{openapi3.WithStringFormatValidators(validators)},
	}
}

// formatsOf lists the string formats of the document's components and parameters.
func formatsOf(document *openapi3.T) []string {
	found := map[string]bool{}
	seen := map[*openapi3.Schema]bool{}

	var walk func(ref *openapi3.SchemaRef)

	walk = func(ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil || seen[ref.Value] {
			return
		}

		schema := ref.Value
		seen[schema] = true

		if schema.Type.Is(openapi3.TypeString) && schema.Format != "" {
			found[schema.Format] = true
		}

		walk(schema.Items)
		walk(schema.Not)
		walk(schema.AdditionalProperties.Schema)

		for _, property := range schema.Properties {
			walk(property)
		}

		for _, list := range []openapi3.SchemaRefs{schema.AllOf, schema.AnyOf, schema.OneOf} {
			for _, one := range list {
				walk(one)
			}
		}
	}

	for _, schema := range document.Components.Schemas {
		walk(schema)
	}

	for _, item := range document.Paths.Map() {
		for _, op := range item.Operations() {
			for _, parameter := range append(slices.Clone(item.Parameters), op.Parameters...) {
				walk(parameter.Value.Schema)
			}

			if op.RequestBody != nil {
				for _, media := range op.RequestBody.Value.Content {
					walk(media.Schema)
				}
			}
		}
	}

	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}

	slices.Sort(names)

	return names
}
