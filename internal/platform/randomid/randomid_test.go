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
		if !form.MatchString(id) || len(id) != randomid.Length || seen[id] {
			t.Fatalf("id %q", id)
		}

		seen[id] = true
	}
}

func TestBytesAreManyAndNew(t *testing.T) {
	t.Parallel()

	for _, n := range []int{0, 1, 16, 257} {
		if got := randomid.Bytes(n); len(got) != n {
			t.Errorf("%d bytes, want %d", len(got), n)
		}
	}

	if one, other := randomid.Bytes(16), randomid.Bytes(16); string(one) == string(other) {
		t.Errorf("twice %x", one)
	}
}
