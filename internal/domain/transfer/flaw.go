package transfer

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/konec/toolkit-gateway/internal/platform/origin"
)

// flaw is an error in a line: in a field of a Record, or of the file if it could not be parsed; field is empty for the
// whole line. It never contains a value, which may be a secret.
type flaw struct{ field, reason string }

func (f flaw) Error() string { return f.field + ": " + f.reason }

// flawOf returns the error in terms of the file, with the file's own names of fields.
func flawOf(err error, names map[string]string) flaw {
	if found, ok := errors.AsType[flaw](err); ok {
		if name, other := names[found.field]; other {
			found.field = name
		}

		return found
	}

	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		return flaw{fieldOf(semantic.JSONPointer), reasonOf(semantic)}
	}

	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return flaw{fieldOf(syntactic.JSONPointer), "there twice"}
		}

		return flaw{reason: fmt.Sprintf("not an object of JSON on one line, from byte %d on", syntactic.ByteOffset+1)}
	}

	return flaw{reason: "not an object of JSON"}
}

func reasonOf(e *json.SemanticError) string {
	switch {
	case errors.Is(e, json.ErrUnknownName):
		return "no field of this form"
	case e.Err != nil:
		for _, ours := range []error{errID, errInstant, errInteger, errMillis} {
			if errors.Is(e, ours) {
				return ours.Error()
			}
		}
	}

	return "of the wrong type, or too large"
}

// fieldOf returns the name of the field, at a readable length, without what wraps its value.
func fieldOf(pointer jsontext.Pointer) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(string(pointer), "/"), "/$")

	return origin.Printable(name)
}
