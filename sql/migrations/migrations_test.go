package migrations_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/sql/migrations"
)

// A migration that has landed ran on somebody's database, and will not run there again: changing it
// makes two schemas out of one version.
func TestLandedMigrationsAreUnchanged(t *testing.T) {
	t.Parallel()

	sums, err := os.ReadFile("migrations.sum")
	if err != nil {
		t.Fatal(err)
	}

	landed := map[string]string{}

	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		landed[name] = sum
	}

	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		t.Fatal(err)
	}

	for _, name := range names {
		text, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			t.Fatal(err)
		}

		sum := fmt.Sprintf("%x", sha256.Sum256(text))

		switch was, known := landed[name]; {
		case !known:
			t.Errorf("%s is new; add to migrations.sum:\n%s  %s", name, sum, name)
		case was != sum:
			t.Errorf("%s has landed and must not change; write a new migration", name)
		}

		delete(landed, name)
	}

	for name := range landed {
		t.Errorf("%s has landed and is gone", name)
	}
}

func TestMigrationsOnlyGoForward(t *testing.T) {
	t.Parallel()

	names, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil {
		t.Fatal(err)
	}

	for i, name := range names {
		text, err := fs.ReadFile(migrations.FS, name)
		if err != nil {
			t.Fatal(err)
		}

		if !strings.HasPrefix(name, fmt.Sprintf("%05d_", i+1)) {
			t.Errorf("%s: want number %05d", name, i+1)
		}

		if !strings.HasPrefix(string(text), "-- +goose Up\n") || strings.Contains(string(text), "+goose Down") {
			t.Errorf("%s: want `-- +goose Up` first, and no Down", name)
		}
	}
}
