//go:build battery

package pgcluster

import (
	"path/filepath"
	"testing"
)

// It downloads 60 MB, so only the battery runs it.
func TestFetchedBinariesRun(t *testing.T) {
	t.Parallel()

	dir := filepath.Join(openDir(t), "fetched")
	said := 0
	bin, err := FetchBinaries(t.Context(), dir, func(line string) { t.Log(line); said++ })
	if err != nil {
		t.Fatal(err)
	}
	if said == 0 {
		t.Error("it said nothing about what it does")
	}
	again, err := FetchBinaries(t.Context(), dir, func(line string) { t.Errorf("it fetched again: %s", line) })
	if err != nil || again != bin {
		t.Fatalf("got %q, %v, want %q", again, err, bin)
	}
	query(t, start(t, Options{Dir: openDir(t), BinDir: bin}), "CREATE EXTENSION citext")
}
