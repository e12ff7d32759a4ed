package contract_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// The TypeScript SDK does the same as TestJourney and TestConsoleJourney, from Node.js, against a real server.
func TestTypeScriptSDK(t *testing.T) {
	t.Parallel()

	if _, err := os.Stat("../../web/sdk/dist"); err != nil {
		t.Fatal("the SDK is not built; `make test` builds it before it runs the tests")
	}

	env := apptest.New(t)

	for _, script := range []string{"e2e.mjs", "e2e-console.mjs"} {
		command := exec.CommandContext(t.Context(), "node", "../../web/sdk/test/"+script)
		command.Env = append(os.Environ(), "GATEWAY_URL="+env.URL)

		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}
