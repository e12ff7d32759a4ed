package regression_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// SEC-S20: a page whose host name was given the address of this machine (DNS rebinding) reads neither the codes in the
// inbox of development mode nor the settings.
func TestReboundNameReadsNothing(t *testing.T) {
	t.Parallel()

	env := apptest.New(t, func(s *apptest.Settings) { s.Mode = config.Development })

	for host, local := range map[string]bool{
		"localhost:8080": true, "LOCALHOST": true, "127.0.0.1:8080": true, "127.9.9.9": true, "[::1]:8080": true, "gateway.localhost:8080": true,
		"rebind.evil.example": false, "rebind.evil.example:8080": false, "localhost.evil.example": false, "evil-localhost": false,
		"127.0.0.1.evil.example": false, "192.168.1.5:8080": false, "gateway.test": false,
	} {
		inbox := world.Call{Method: http.MethodGet, Path: "/dev/inbox", Host: host}.With("Accept", "application/json").To(t, env.Server)
		if local && inbox.Status != http.StatusOK || !local && inbox.Status != http.StatusNotFound {
			t.Errorf("%s: the inbox returned %d", host, inbox.Status)
		}

		loaded := world.Call{Method: http.MethodGet, Path: "/", Host: host}.To(t, env.Server)
		if loaded.Status != http.StatusOK || strings.Contains(string(loaded.Body), `"values"`) != local {
			t.Errorf("%s: %s", host, loaded)
		}
	}
}
