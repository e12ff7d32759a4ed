package world

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// backgroundNames are of the queries that no request runs: of the cleaning, which also runs at every start, what a search needs, the sealing of the audit
// log, the senders of mails and webhooks, and the signing keys, which are read twice a second.
var backgroundNames = regexp.MustCompile(`Clean$|^Audit(Link|Unsealed|Count|Checkpoint|EventBefore)|^AccountStatusBy|^SigningKey|` +
	`^Account(Erase|WithoutSearch|FillSearch)|^Webhook(Delivery|Gone|Forget|Unsealed|SealURL)|^Delivery([^C]|Clean)`)

// RequestQueries returns the names of the queries that requests run, and not the gateway's background work.
func RequestQueries(t *testing.T) map[string]bool {
	t.Helper()

	files, err := filepath.Glob("../../sql/queries/*.sql")
	if err != nil {
		t.Fatal(err)
	}

	names := map[string]bool{}

	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}

		for _, match := range regexp.MustCompile(`(?m)^-- name: (\w+) :`).FindAllStringSubmatch(string(text), -1) {
			name := match[1]
			names[name] = !backgroundNames.MatchString(name)
		}
	}

	return names
}
