package signin

import (
	"errors"
	"fmt"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// R-B1: a caller who has the password does not learn that the second factor alone was wrong. An outage stays an outage.
func TestWrongSecondFactorIsInvalidCredentials(t *testing.T) {
	t.Parallel()

	outage := problem.ErrUnavailable.WithCause(errors.New("connection refused"))

	for err, want := range map[error]error{
		factor.ErrCodeInvalid:                            ErrInvalidCredentials,
		fmt.Errorf("compare: %w", factor.ErrCodeInvalid): ErrInvalidCredentials,
		factor.ErrCodeInvalid.WithCause(outage):          ErrInvalidCredentials,
		outage:                                           problem.ErrUnavailable,
		ErrTOTPRequired:                                  ErrTOTPRequired,
	} {
		if got := asInvalidCredentials(err); !errors.Is(got, want) {
			t.Errorf("%v became %v", err, got)
		}
	}

	if got := asInvalidCredentials(nil); got != nil {
		t.Errorf("no error became %v", got)
	}
}
