//go:build battery

package generators_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// DOC-D0 to DOC-D4: the Kotlin client that openapi-generator makes of the document compiles unchanged, registers and signs
// in a user, and reads an error code that it does not know. Maven fetches the generator and the compiler.
func TestKotlinClientCompilesAndSignsIn(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)

	const email = "kotlin@konec.com.au"

	sent, err := env.Client.SendRegistrationCodeWithResponse(t.Context(), client.SendCodeRequest{Email: email})
	if err != nil || sent.JSON200 == nil {
		t.Fatalf("send code: %v %s", err, sent.Body)
	}

	command := exec.CommandContext(t.Context(), "mvn", "--quiet", "--batch-mode", "-Dbuild="+t.TempDir(), "compile", "exec:java")
	command.Dir = "kotlin"
	command.Env = append(os.Environ(), "GATEWAY="+env.URL, "EMAIL="+email, "PASSWORD="+apptest.Password, "CODE="+env.Mail(t, email, 0).Code)
	command.Stderr = os.Stderr

	got, err := command.Output()

	const want = "registered None\nsigned in 3600\naccount Kotlin\nrefreshed 3600\nkey 16\nrefused INVALID_CREDENTIALS\nunknown OF_A_LATER_VERSION\n"
	if err != nil || !strings.Contains(string(got), want) { // the generator prints a banner
		t.Errorf("%v (it needs maven and a JDK of 17)\n%s\nwant\n%s", err, got, want)
	}
}
