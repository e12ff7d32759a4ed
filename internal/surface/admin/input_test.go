package admin

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// IN-K14: every form of RFC 9110, section 13.1.1.
func TestVersionsOf(t *testing.T) {
	t.Parallel()

	for text, want := range map[string][]int32{
		`"0"`: {0}, `"7"`: {7}, etag(12): {12}, etag(math.MaxInt32): {math.MaxInt32},
		`*`: nil, `W/"7"`: {7}, `"0", "7"`: {0, 7}, `"0" , W/"7","9"`: {0, 7, 9}, `"a, 3", "7"`: {7}, `"7-gzip", "8"`: {8},
	} {
		if got, err := versionsOf(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}

	for _, text := range []string{`"99999999999"`, `""`, `"-1"`, `"+1"`, `"01"`, `"7-gzip"`, `"2147483648"`, `"4294967296"`} {
		if got, err := versionsOf(text); !errors.Is(err, problem.ErrVersionConflict) {
			t.Errorf("%s: %d, %v, want a conflict", text, got, err)
		}
	}
}
