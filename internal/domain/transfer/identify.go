package transfer

import (
	"bytes"
	"regexp"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/konec/toolkit-gateway/internal/domain/account"
)

// idForm matches the ids of the formats: ObjectIDs, UUIDs, those of Auth0 (connection and id) and of Firebase. Hashes are longer.
var idForm = regexp.MustCompile(`^([0-9a-fA-F]{24}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[a-z0-9-]{1,32}\|[A-Za-z0-9._-]{1,64}|[A-Za-z0-9]{28})$`)

// nameOf returns the first text that is an address, or else an id. A report never repeats another value: where columns or members
// are mixed up, it could be a secret.
func nameOf(texts []string) string {
	for _, text := range texts {
		if email, err := account.ParseEmail(text); err == nil {
			return email
		}
	}

	for _, text := range texts {
		if idForm.MatchString(text) {
			return text
		}
	}

	return ""
}

// identifyJSON returns the values of the members that name a record, as far as it can be read.
func identifyJSON(text []byte) (found []string) {
	dec := jsontext.NewDecoder(bytes.NewReader(text), lenient...)
	if token, err := dec.ReadToken(); err != nil || token.Kind() != '{' {
		return nil
	}

	for dec.PeekKind() == '"' {
		token, err := dec.ReadToken()
		if err != nil {
			return found
		}

		var value string

		switch name := token.String(); {
		case name == "_id" && dec.PeekKind() != 'n':
			_, value, err = extended(dec)
		case (name == "email" || name == "id" || name == "user_id" || name == "localId") && dec.PeekKind() == '"':
			token, err = dec.ReadToken()
			if err == nil {
				value = token.String()
			}
		default:
			err = dec.SkipValue()
		}

		if err != nil {
			return found
		}

		if value != "" {
			found = append(found, value)
		}
	}

	return found
}
