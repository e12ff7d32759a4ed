package randomid_test

import (
	"regexp"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

func TestNewIsPlainAndNew(t *testing.T) {
	t.Parallel()

	form := regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)
	seen := map[string]bool{}

	for range 1000 {
		id := randomid.New()
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("id %q", id)
		}

		seen[id] = true
	}
}
