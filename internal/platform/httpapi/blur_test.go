package httpapi

import (
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// R-B2, T-22: an error about a claim is delayed at random; an error about the form of a request is not. The statistical
// test is in the battery.
func TestJudgementsAreBlurred(t *testing.T) {
	t.Parallel()

	judgement := problem.New(problem.Invalid, "CODE_INVALID")

	for told, want := range map[*problem.Problem]bool{
		problem.New(problem.Refused, "INVALID_CREDENTIALS"): true,
		judgement: true,
		problem.ErrTooManyRequests.WithRetryAfter(time.Second):              true,
		problem.ErrInvalidRequest.WithFields(problem.Field{Name: "/email"}): false,
		problem.ErrUnauthenticated:                                          false,
		problem.ErrXSRFInvalid:                                              false,
		problem.ErrInternal:                                                 false,
		problem.ErrUnavailable:                                              false,
	} {
		if got := blurred(told); got != want {
			t.Errorf("%s is blurred: %t", told.Code, got)
		}
	}

	// A hundred waits of 2.5 ms on average; without any it would be nothing.
	start := time.Now()

	for range 100 {
		blur(t.Context(), judgement)
	}

	if took := time.Since(start); took < 100*time.Millisecond {
		t.Errorf("a hundred judgements waited for %s", took)
	}
}
