package cli_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/bcrypt"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// exported writes a file as mongoexport does of the earlier gateway.
func exported(t *testing.T, accounts int, hash string) string {
	t.Helper()

	var text strings.Builder

	for i := range accounts {
		fmt.Fprintf(&text, `{"_id":{"$oid":"%024x"},"username":"Person %d","email":"person%d@konec.test","password":"%s","memberGroup":"Member",`+
			`"avatar":1,"createdAt":{"$date":"2025-01-01T01:24:10.109Z"},"updatedAt":{"$date":"2025-02-02T16:39:48.441Z"},"__v":0}`+"\n", i, i, i, hash)
	}

	path := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

func bcryptOf(t *testing.T, plain string) string {
	t.Helper()

	hash, err := bcrypt.GenerateFromPassword([]byte(plain), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}

	return string(hash)
}

// R-A7: a user whose account was imported signs in with the earlier password, which is then stored as an Argon2id hash.
// Nothing about the account is lost.
func TestAccountImportCommand(t *testing.T) {
	t.Parallel()

	gateway := newProgram(t)
	env := apptest.On(t, gateway["DATABASE_URL"], apptest.StandardHashes)
	gateway = gateway.with("MASTER_KEY", env.Config.MasterKey)
	path := exported(t, 3, bcryptOf(t, apptest.Password))

	gateway.run(t, "account", "import", "--dry-run", path).succeeds(t, "would import 3, already present 0, refused 0\n")
	gateway.run(t, "account", "import", path).succeeds(t, "imported 3, already present 0, refused 0\n")
	gateway.run(t, "account", "import", path).succeeds(t, "imported 0, already present 3, refused 0\n")

	tokens := env.SignIn(t, "person1@konec.test")

	if _, me := env.Me(t, tokens.AccessToken); me == nil || me.User.ID != fmt.Sprintf("%024x", 1) || me.User.MemberGroup != "Member" {
		t.Errorf("me: %+v", me)
	}

	var hash string
	if err := env.Pool.QueryRow(t.Context(), "SELECT password_hash FROM account WHERE email = 'person1@konec.test'").Scan(&hash); err != nil {
		t.Fatal(err)
	}

	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("stored as %s", hash)
	}

	env.SignIn(t, "person1@konec.test")

	response, err := env.Client.LoginWithFormdataBodyWithResponse(t.Context(), nil, client.LoginRequest{Email: "person2@konec.test", Password: "another password"})
	if err != nil || response.StatusCode() != http.StatusUnauthorized {
		t.Errorf("another password: %s, %v", response.Status(), err)
	}

	// From standard input, with refused lines: exit code 2, and the first 20 are shown.
	text := strings.Repeat("{\"_id\":{}}\n", 23) + `{"_id":{"$oid":"65a1b2c3d4e5f60718293a4b"},"username":"A","email":"a@konec.test","memberGroup":"Partner"}`
	report := filepath.Join(t.TempDir(), "report.jsonl")

	got := gateway.runWith(t, text, "account", "import", "-", "--format", "gateway")
	if got.code != 2 || got.out != "imported 0, already present 0, refused 24\n" {
		t.Errorf("exit code %d: %s%s", got.code, got.out, got.errors)
	}

	got.fails(t, "line 1: _id: ", "line 20: _id: ", "and 4 more; --report FILE lists all", "some lines were refused")

	if strings.Contains(got.errors, "line 21") {
		t.Errorf("shows more than twenty: %s", got.errors)
	}

	got = gateway.runWith(t, text, "account", "import", "-", "--format", "gateway", "--create-groups", "--report", report)
	if got.code != 2 || got.out != "imported 1, already present 0, refused 23\nreport: "+report+"\n" || strings.Contains(got.errors, "line 1") {
		t.Errorf("exit code %d: %s%s", got.code, got.out, got.errors)
	}

	if written, err := os.ReadFile(report); err != nil || strings.Count(string(written), "\n") != 23 || !strings.HasPrefix(string(written), `{"line":1,"field":"_id","reason":"`) {
		t.Errorf("report %s, %v", written, err)
	}

	// An import that fails has exit code 1.
	for _, c := range []struct {
		args []string
		text string
	}{
		{[]string{filepath.Join(t.TempDir(), "none")}, "no such file"},
		{[]string{t.TempDir()}, "is a folder"},
		{[]string{path, "--group", "Unknown"}, `there is no member group "Unknown"; there are Admin`},
		{[]string{path, "--report", path}, "is not a report"},
		{[]string{path, "--format", "xml"}, "--format"},
	} {
		got := gateway.run(t, append([]string{"account", "import"}, c.args...)...)
		if got.fails(t, c.text); got.code == 2 {
			t.Errorf("%q: exit code 2", c.args)
		}
	}
}

// An export can be imported without loss. Only the owner can read its file.
func TestAccountExportCommand(t *testing.T) {
	t.Parallel()

	gateway := newProgram(t)
	gateway.run(t, "account", "import", exported(t, 3, bcryptOf(t, "x"))).succeeds(t, "imported 3")

	path := filepath.Join(t.TempDir(), "accounts.json")
	gateway.run(t, "account", "export", path).succeeds(t, "exported 3\n")

	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}

	other := newProgram(t)
	other.run(t, "account", "import", path).succeeds(t, "imported 3")

	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	if again := other.run(t, "account", "export"); again.out != string(written) {
		t.Errorf("%s became %s", written, again.out)
	}

	table := gateway.run(t, "account", "export", "--format", "csv")
	table.succeeds(t, "id,email,name,memberGroup,")
	newProgram(t).runWith(t, table.out, "account", "import", "-").succeeds(t, "imported 3")

	gateway.run(t, "account", "export", filepath.Join(t.TempDir(), "none", "x")).fails(t, "no such file")
}

// T-10: after a kill the same command resumes: every account is imported exactly once.
func TestAccountImportKilled(t *testing.T) {
	t.Parallel()

	const accounts = 40_000

	gateway := newProgram(t)
	path := exported(t, accounts, bcryptOf(t, "x"))

	pool, err := pgxpool.New(t.Context(), gateway["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()

	count := func(query string) (n int64) {
		if err := pool.QueryRow(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}

		return n
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	command := gateway.command(ctx, t, "account", "import", path)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}

	apptest.Eventually(t, "a batch is in", func() bool { return count("SELECT COALESCE(sum(line), 0) FROM account_import") > 0 })

	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}

	_ = command.Wait() // it was killed

	// The database may learn of the kill later: until then its last transaction may commit.
	apptest.Eventually(t, "the server has noticed", func() bool {
		return count("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'toolkit-gateway' AND datname = current_database()") == 0
	})

	in := count("SELECT count(*) FROM account")
	if in == 0 || in == accounts || in != count("SELECT imported FROM account_import") {
		t.Fatalf("%d were in when it was killed", in)
	}

	got := gateway.run(t, "account", "import", path)
	if got.code != 0 || !strings.Contains(got.out, fmt.Sprintf("imported %d, already present 0, refused 0\n", accounts)) ||
		!strings.Contains(got.errors, fmt.Sprintf("resuming after line %d: imported %d", in, in)) {
		t.Errorf("exit code %d: %s%s", got.code, got.out, got.errors)
	}

	if n := count("SELECT count(*) FROM account"); n != accounts {
		t.Errorf("%d accounts", n)
	}

	if n := count("SELECT sum((detail->>'imported')::bigint) FROM audit_event WHERE action = 'account.imported'"); n != accounts {
		t.Errorf("the audit log tells of %d", n)
	}
}
