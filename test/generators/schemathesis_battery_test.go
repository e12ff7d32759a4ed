//go:build battery

package generators_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// T-01, CON-D6: Schemathesis makes requests of the document, valid ones and broken ones, for every operation and with each kind of
// credential. Nothing that the server returns is off the document, and there is no operation for which it can make none.
// Not checked is that a valid request is accepted (most codes and ids that it makes up are wrong), and what it misreads: an
// empty optional parameter counts as absent, a cookie stays in the header when it leaves one out, and /user/{key} and
// /user/phone have each other's methods. Our own tests hold these. pip fetches it.
func TestSchemathesisFindsNothing(t *testing.T) {
	t.Parallel()

	venv := filepath.Join(t.TempDir(), "venv")

	for _, command := range [][]string{{"python3", "-m", "venv", venv}, {venv + "/bin/pip", "install", "--quiet", "schemathesis==4.32.5"}} {
		if output, err := exec.CommandContext(t.Context(), command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v (it needs Python 3.10 with venv)\n%s", command[0], err, output)
		}
	}

	for name, credential := range map[string]func(*testing.T, *world.Gateway) http.Header{
		"bearer": func(_ *testing.T, g *world.Gateway) http.Header {
			return http.Header{"Authorization": {"Bearer " + g.OwnerTokens.AccessToken}}
		},
		"cookie": func(_ *testing.T, g *world.Gateway) http.Header { return g.OwnerBrowser.Header() },
		"administrator, bearer": func(_ *testing.T, g *world.Gateway) http.Header {
			return http.Header{"Authorization": {"Bearer " + g.AdminTokens.AccessToken}}
		},
		"administrator, cookie": func(t *testing.T, g *world.Gateway) http.Header {
			t.Helper()

			return g.SignedIn(t, world.Administrator).Header()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			g := world.NewGateway(t, func(c *apptest.Settings) { c.NetworkFailures, c.NetworkSends = 1_000_000, 1_000_000 })
			arguments := []string{
				"run", g.URL + "/openapi.json", "--url", g.URL, "--seed", "1", "--max-examples", "30", "--no-color", "--continue-on-failure",
				"--exclude-checks", "positive_data_acceptance,negative_data_rejection,unsupported_method,allow_header_conformance," +
					"ignored_auth,use_after_free,ensure_resource_availability",
				// They would end the credential of the others.
				"--exclude-operation-id", "logout", "--exclude-operation-id", "signOut", "--exclude-operation-id", "endOtherSessions",
				"--exclude-operation-id", "deleteMe", "--exclude-operation-id", "deleteUser",
				"--exclude-operation-id", "endOtherUserSessions",
			}

			for name, values := range credential(t, g) {
				arguments = append(arguments, "-H", name+": "+strings.Join(values, "; "))
			}

			command := exec.CommandContext(t.Context(), venv+"/bin/st", arguments...)
			command.Dir = t.TempDir()

			// It would register a user of its own.
			if err := os.WriteFile(filepath.Join(command.Dir, "schemathesis.toml"), []byte("[auth]\nauto-signup = false\n"), 0o600); err != nil {
				t.Fatal(err)
			}

			output, err := command.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, output)
			}

			_, summary, _ := strings.Cut(string(output), "= SUMMARY")
			t.Log(summary)
		})
	}
}
