package httpapi

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// spellings are the members of a body whose values clients and people write in more ways than the document has: by member,
// the function that returns the document's spelling. A value that it cannot bring into that form stays for the validator.
type spellings map[string]func(string) string

var (
	errSpelling = errors.New("x-accept-lower-case can only be true, at a member of a JSON body that is an enum of texts")
	errTyped    = errors.New("x-typed-code can only be true, at a member of a body that is a text or a list of texts")
)

func spellingsOf(schema *openapi3.Schema) (spellings, error) {
	found := spellings{}

	for name, property := range schema.Properties {
		if value, there := property.Value.Extensions["x-accept-lower-case"]; there {
			values, err := lowerCase(property.Value)
			if err != nil || value != true {
				return nil, errSpelling
			}

			found[name] = values
		}

		text := property.Value
		if text.Type.Is(openapi3.TypeArray) && text.Items != nil {
			text = text.Items.Value
		}

		if value, there := text.Extensions["x-typed-code"]; there {
			if value != true || !text.Type.Is(openapi3.TypeString) {
				return nil, errTyped
			}

			found[name] = typedCode
		}
	}

	return found, nil
}

func spellingsOfBody(body *openapi3.RequestBody) (spellings, error) {
	found := spellings{}

	for _, media := range body.Content {
		of, err := spellingsOf(media.Schema.Value)
		if err != nil {
			return nil, err
		}

		maps.Copy(found, of)
	}

	return found, nil
}

// lowerCase is x-accept-lower-case: the values of an enum are also taken in lower case. The document lists each value once,
// because two that differ only in case get the same name from generators.
func lowerCase(schema *openapi3.Schema) (func(string) string, error) {
	if len(schema.Enum) == 0 {
		return nil, errSpelling
	}

	values := map[string]string{}

	for _, one := range schema.Enum {
		text, ok := one.(string)
		if !ok {
			return nil, errSpelling
		}

		values[strings.ToLower(text)] = text
	}

	return func(text string) string {
		if value, known := values[text]; known {
			return value
		}

		return text
	}, nil
}

// correct returns the body with the document's spelling. A body in which there is nothing to correct stays as it is.
func (s spellings) correct(raw []byte) []byte {
	if len(s) == 0 {
		return raw
	}

	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return raw // not an object; the validator refuses it
	}

	changed := false

	for name, spell := range s {
		if value, differs := corrected(members[name], spell); differs {
			members[name], changed = value, true
		}
	}

	if body, err := json.Marshal(members); changed && err == nil {
		return body
	}

	return raw
}

// corrected corrects a text, or every text of a list. It reports whether that changed something.
func corrected(raw json.RawMessage, spell func(string) string) (value json.RawMessage, changed bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		spelt := spell(text)
		value, err := json.Marshal(spelt)

		return value, spelt != text && err == nil
	}

	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return raw, false
	}

	for i, one := range list {
		if value, differs := corrected(one, spell); differs {
			list[i], changed = value, true
		}
	}

	value, err := json.Marshal(list)

	return value, changed && err == nil
}

// correctText returns the value of a field of a form with the document's spelling.
func (s spellings) correctText(name, text string) string {
	if spell := s[name]; spell != nil {
		return spell(text)
	}

	return text
}
