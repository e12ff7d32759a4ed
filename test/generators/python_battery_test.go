//go:build battery

package generators_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// DOC-D8: openapi-python-client makes a client of the whole document, the picture of a TOTP secret included. pip fetches it.
func TestPythonClientHasEveryOperation(t *testing.T) {
	t.Parallel()

	folder := t.TempDir()
	run := func(name string, arguments ...string) string {
		command := exec.CommandContext(t.Context(), name, arguments...)
		command.Env = append(os.Environ(), "PATH="+filepath.Join(folder, "venv/bin")+":"+os.Getenv("PATH"))

		output, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v (it needs Python 3.10 with venv)\n%s", name, err, output)
		}

		return string(output)
	}

	run("python3", "-m", "venv", filepath.Join(folder, "venv"))
	run(filepath.Join(folder, "venv/bin/pip"), "install", "--quiet", "openapi-python-client==0.29.1", "ruff==0.17.6")

	output := run(filepath.Join(folder, "venv/bin/openapi-python-client"), "generate", "--path", "../../gen/openapi.yaml", "--meta", "none",
		"--config", "python/config.yaml", "--output-path", filepath.Join(folder, "client"))
	if strings.Contains(strings.ToUpper(output), "WARNING") {
		t.Errorf("the generator leaves something out:\n%s", output)
	}

	picture, err := os.ReadFile(filepath.Join(folder, "client/api/second_factor/get_totp_picture.py"))
	if err != nil || !strings.Contains(string(picture), "response.content") {
		t.Errorf("the picture is not read: %v", err)
	}
}
