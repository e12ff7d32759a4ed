package api_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/api"
)

// The bundler drops what nothing refers to, without a word: a path item without a line in openapi.yaml, or a schema
// that is no longer used.
func TestEveryPartIsInTheBundle(t *testing.T) {
	t.Parallel()

	parts, err := filepath.Glob("*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}

	schemas, err := filepath.Glob("components/schemas/*.yaml")
	if err != nil {
		t.Fatal(err)
	}

	checked := 0

	for _, part := range append(parts, schemas...) {
		text, err := os.ReadFile(part)
		if err != nil {
			t.Fatal(err)
		}

		for _, match := range regexp.MustCompile(`(?m)^([\w-]+):$`).FindAllStringSubmatch(string(text), -1) {
			checked++

			if strings.HasPrefix(part, "components/") && !strings.Contains(string(api.Document), "\n    "+match[1]+":\n") {
				t.Errorf("%s: nothing refers to %s; delete it, or run `make generate`", part, match[1])
			}
		}

		for _, match := range regexp.MustCompile(`(?m)operationId: (\w+)$`).FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(string(api.Document), "operationId: "+match[1]+"\n") {
				t.Errorf("%s: the path of %s has no line in openapi.yaml", part, match[1])
			}
		}
	}

	if checked < 200 {
		t.Errorf("only %d names found", checked)
	}
}
