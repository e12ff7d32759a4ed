package pgcluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFetchBinaries(t *testing.T) {
	t.Parallel()

	for name, npm := range map[string]string{
		"MissingNPMNamesTheOtherWays": "no-such-program",
		"FailingNPMNamesTheOtherWays": "false",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			dir := openDir(t)
			_, err := fetch(t.Context(), dir, npm, func(string) {})
			if err == nil {
				t.Fatal("no error")
			}
			for _, way := range []string{npm, "DATABASE_URL", "apt-get install postgresql", "brew install postgresql", "PG_BIN"} {
				if !strings.Contains(err.Error(), way) {
					t.Errorf("the message does not name %s: %v", way, err)
				}
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("it left %v", left)
			}
		})
	}

	t.Run("UnexpectedPackageIsRefused", func(t *testing.T) {
		t.Parallel()

		fake := filepath.Join(openDir(t), "npm")
		script(t, fake, `mkdir -p node_modules && echo '{"packages":{}}' > node_modules/.package-lock.json`)
		_, err := fetch(t.Context(), openDir(t), fake, func(string) {})
		if err == nil || !strings.Contains(err.Error(), "than expected") {
			t.Fatalf("got %v, want a refusal", err)
		}
	})
}
