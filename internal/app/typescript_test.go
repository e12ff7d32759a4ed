package app_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/konec/toolkit-gateway/internal/apptest"
)

// The TypeScript SDK goes the same way as TestJourney, from node, against a real server.
func TestTypeScriptSDK(t *testing.T) {
	t.Parallel()

	const script = "../../web/sdk/test/e2e.mjs"

	if _, err := os.Stat("../../web/sdk/dist"); err != nil {
		t.Fatal("the SDK is not built; `make test` builds it before it runs the tests")
	}

	env := apptest.New(t)

	command := exec.CommandContext(t.Context(), "node", script)
	command.Env = append(os.Environ(), "GATEWAY_URL="+env.URL)

	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
