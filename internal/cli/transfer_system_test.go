package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// A user of Firebase signs in with the earlier password, and the command says what it recognized, what it needs, and where its
// report is.
func TestFirebaseImportCommand(t *testing.T) {
	t.Parallel()

	gateway := newProgram(t)
	env := apptest.On(t, gateway["DATABASE_URL"], apptest.StandardHashes)
	gateway = gateway.with("MASTER_KEY", env.Config.MasterKey)

	folder := t.TempDir()
	path, config, report := filepath.Join(folder, "users.json"), filepath.Join(folder, "hash_config.txt"), filepath.Join(folder, "report.jsonl")

	// Made by Python's hashlib and OpenSSL, with the parameters of Firebase's own example.
	for file, text := range map[string]string{
		path: `{"users": [
{
  "localId": "Xq3vYtLw0ZfQh8mN2sKbR5uPjA71",
  "email": "ann@konec.test",
  "emailVerified": true,
  "passwordHash": "0MSeef4wYKv4y35WORq9U7xDS/7w8c93jpJPky4SQE0q4WUtAfb88FUYrutJFXjs9VvYAhZmm0OGm76S3HhXvg==",
  "salt": "42xEC+ixf3L2lw==",
  "displayName": "Ann",
  "createdAt": "1600000000456"
},
{
  "localId": "b",
  "email": "no address"
}]}
`,
		config: "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,\n" +
			"  base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 14,\n}\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	if apptest.Password != "correct horse battery staple" {
		t.Fatalf("the hash is not of %q", apptest.Password)
	}

	got := gateway.run(t, "account", "import", path)
	if got.code != 2 || got.out != "imported 0, already present 0, refused 2\n" {
		t.Errorf("exit code %d: %s%s", got.code, got.out, got.errors)
	}

	got.fails(t, "format: Firebase's export of users", "line 2, record 1: passwordHash: a hash of Firebase, which needs", "--firebase-hash-config")
	gateway.run(t, "account", "import", path, "--firebase-hash-config", path).fails(t, "not Firebase's password hash parameters")
	gateway.run(t, "account", "import", path, "--firebase-hash-config", filepath.Join(folder, "none")).fails(t, "no such file")

	for _, dry := range []string{"--dry-run", ""} {
		args := []string{"account", "import", path, "--firebase-hash-config", config, "--report", report}
		if dry != "" {
			args = append(args, dry)
		}

		got := gateway.run(t, args...)
		if got.code != 2 || !strings.HasSuffix(got.out, "imported 1, already present 0, refused 1\nreport: "+report+"\n") && dry == "" || !strings.HasSuffix(got.out, "report: "+report+"\n") {
			t.Errorf("exit code %d: %s%s", got.code, got.out, got.errors)
		}

		text, err := os.ReadFile(report)
		if err != nil || string(text) != `{"line":11,"lastLine":14,"record":2,"field":"email","reason":"not an e-mail address that mail is sent to (lines 11 to 14 are one record)","imported":false}`+"\n" {
			t.Errorf("report %s, %v", text, err)
		}
	}

	env.SignIn(t, "ann@konec.test")

	var hash string
	if err := env.Pool.QueryRow(t.Context(), "SELECT password_hash FROM account WHERE email = 'ann@konec.test'").Scan(&hash); err != nil || !strings.HasPrefix(hash, "$argon2id$") {
		t.Errorf("stored as %s, %v", hash, err)
	}

	env.SignIn(t, "ann@konec.test")
}
