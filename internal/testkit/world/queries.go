package world

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

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
			background := strings.HasSuffix(name, "Clean") || strings.HasPrefix(name, "AuditLink") || strings.HasPrefix(name, "AuditUnsealed") ||
				strings.HasPrefix(name, "AuditCount") || strings.HasPrefix(name, "AuditCheckpoint") || strings.HasPrefix(name, "WebhookDelivery") ||
				strings.HasPrefix(name, "Delivery") && name != "DeliveryCreate" || strings.HasPrefix(name, "AccountStatusBy") || // of the sender of mails
				name == "SigningKeyList" // twice a second
			names[name] = !background
		}
	}

	return names
}
