package httpapi

import (
	"errors"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

var errRightForm = errors.New("x-required-right is a right, or a list of several")

// rightsOf reads x-required-right, without which no operation of the administration is served. The first of several is the
// one that a change confirms again in its transaction; the domain confirms the others there.
func rightsOf(op *openapi3.Operation, surface Surface) ([]string, error) {
	rights, err := rightList(op.Extensions["x-required-right"])

	switch {
	case err != nil:
		return nil, err
	case (len(rights) > 0) != (surface == Admin):
		return nil, errors.New("x-required-right stands at every operation of the surface admin, and nowhere else")
	case len(rights) > 0 && slices.ContainsFunc(*op.Security, func(one openapi3.SecurityRequirement) bool { return len(one) == 0 }):
		return nil, errors.New("x-required-right needs an operation that requires a sign-in")
	}

	return rights, nil
}

func rightList(value any) ([]string, error) {
	switch value := value.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{value}, nil
	case []any:
		var rights []string

		for _, one := range value {
			right, ok := one.(string)
			if !ok {
				return nil, errRightForm
			}

			rights = append(rights, right)
		}

		if len(rights) > 1 {
			return rights, nil
		}
	}

	return nil, errRightForm
}
