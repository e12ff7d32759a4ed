package admin

import (
	"errors"
	"math"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

func TestVersionOf(t *testing.T) {
	t.Parallel()

	for text, want := range map[string]int32{`"0"`: 0, `"7"`: 7, etag(12): 12, etag(math.MaxInt32): math.MaxInt32} {
		if got, err := versionOf(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}

	if _, err := versionOf(`"99999999999"`); !errors.Is(err, problem.ErrVersionConflict) {
		t.Errorf("a number larger than any version: %v", err)
	}
}
