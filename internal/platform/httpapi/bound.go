package httpapi

import (
	"github.com/getkin/kin-openapi/openapi3"
)

const (
	// maxDepth is how deep a body may be nested, unless the document nests deeper.
	maxDepth = 8
	// maxFaults is how many fields one error names. More help no client, and each costs work.
	maxFaults = 10
	// maxNumber is the longest number, in characters: more than any number of the document has.
	maxNumber = 32
	// spareTokens is how many tokens a body may have beyond those that fit the document, so that a client that sends a
	// few unknown members learns their names.
	spareTokens = 2 * maxKeys
)

// bounds limit the work that a JSON body causes before and while it is validated. What exceeds them cannot fit the
// document, and is refused while its tokens are counted.
type bounds struct {
	members int // of one object
	items   int // of one array
	depth   int
	tokens  int // of the whole body
	text    int // bytes of one string
}

// boundsOf derives the bounds from what the schema of a body allows.
func boundsOf(schema *openapi3.Schema) bounds {
	b := bounds{members: maxKeys, items: maxKeys, depth: maxDepth, text: maxFieldName}
	b.tokens = b.widen(schema, 1) + spareTokens

	return b
}

// widen raises the bounds to what the schema allows at this depth, and returns the largest number of its tokens.
func (b *bounds) widen(schema *openapi3.Schema, depth int) (tokens int) {
	tokens = 1 // a scalar
	if depth > maxDepth {
		return tokens // a schema may contain itself
	}

	for _, list := range []openapi3.SchemaRefs{schema.AllOf, schema.AnyOf, schema.OneOf} {
		for _, one := range list {
			tokens += b.widen(one.Value, depth)
		}
	}

	if schema.MaxLength != nil {
		b.text = max(b.text, maxUTF8*int(min(*schema.MaxLength, MaxBody)))
	}

	if schema.Items != nil {
		items := maxKeys
		if schema.MaxItems != nil {
			items = int(min(*schema.MaxItems, MaxBody))
		}

		b.items = max(b.items, items)
		tokens = min(MaxBody, tokens+1+items*b.widen(schema.Items.Value, depth+1))
	}

	if len(schema.Properties) > 0 {
		tokens++
		b.members = max(b.members, len(schema.Properties))

		for _, property := range schema.Properties {
			tokens += 1 + b.widen(property.Value, depth+1)
		}
	}

	return min(MaxBody, tokens)
}

// maxUTF8 is the largest number of bytes of one character.
const maxUTF8 = 4
