package httpapi

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// spellings are the members of a JSON body whose values clients may also write in lower case, x-accept-lower-case: by
// member and by lower-case value, the value of the document. The document itself lists each value once, because two that
// differ only in case get the same name from generators.
type spellings map[string]map[string]string

var errSpelling = errors.New("x-accept-lower-case can only be true, at a member of a JSON body that is an enum of texts")

func spellingsOf(schema *openapi3.Schema) (spellings, error) {
	found := spellings{}

	for name, property := range schema.Properties {
		value, there := property.Value.Extensions["x-accept-lower-case"]
		if !there {
			continue
		}

		if value != true || len(property.Value.Enum) == 0 {
			return nil, errSpelling
		}

		found[name] = map[string]string{}

		for _, one := range property.Value.Enum {
			text, ok := one.(string)
			if !ok {
				return nil, errSpelling
			}

			found[name][strings.ToLower(text)] = text
		}
	}

	return found, nil
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

	for name, values := range s {
		var text string
		if json.Unmarshal(members[name], &text) != nil || values[text] == "" {
			continue
		}

		quoted, err := json.Marshal(values[text])
		if err != nil {
			return raw
		}

		members[name], changed = quoted, true
	}

	if corrected, err := json.Marshal(members); changed && err == nil {
		return corrected
	}

	return raw
}
