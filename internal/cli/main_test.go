package cli_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/cli"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// asProgram makes the test program run as the gateway, so that its commands run with the race detector.
const asProgram = "GATEWAY_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Unsetenv(asProgram)
		os.Exit(cli.Run(os.Args[1:], os.Environ()))
	}

	postgrestest.Main(m, apptest.Migrate)
}

// program is the gateway with an environment of its own.
type program map[string]string

// newProgram returns a gateway with what release mode requires, and a private, migrated database.
func newProgram(t *testing.T) program {
	t.Helper()

	return program{"DATABASE_URL": postgrestest.New(t), "MASTER_KEY": keyring.Generate()}
}

// with returns a copy with one variable changed.
func (p program) with(name, value string) program {
	changed := program{name: value}
	for one := range p {
		if one != name {
			changed[one] = p[one]
		}
	}

	return changed
}

func (p program) command(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()

	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env = []string{asProgram + "=1", "GORACE=atexit_sleep_ms=0", "PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}
	command.Dir = t.TempDir()

	for name, value := range p {
		command.Env = append(command.Env, name+"="+value)
	}

	return command
}

// result is what a command printed, and its exit code.
type result struct {
	out    string
	errors string
	code   int
}

func (p program) run(t *testing.T, args ...string) result {
	t.Helper()

	return p.runWith(t, "", args...)
}

func (p program) runWith(t *testing.T, input string, args ...string) result {
	t.Helper()

	var out, errs bytes.Buffer

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	command := p.command(ctx, t, args...)
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &out, &errs

	err := command.Run()

	if ctx.Err() != nil {
		t.Fatalf("%q did not end: %s%s", args, out.String(), errs.String())
	}

	exit, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && !failed {
		t.Fatal(err)
	}

	r := result{out: out.String(), errors: errs.String()}
	if failed {
		r.code = exit.ExitCode()
	}

	return r
}

// succeeds expects exit code 0, no error output, and every text in the output.
func (r result) succeeds(t *testing.T, texts ...string) {
	t.Helper()

	if r.code != 0 || r.errors != "" {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.errors)
	}

	for _, text := range texts {
		if !strings.Contains(r.out, text) {
			t.Errorf("no %q in %s", text, r.out)
		}
	}
}

// warns expects exit code 0, and the text in the error output.
func (r result) warns(t *testing.T, text string) {
	t.Helper()

	if r.code != 0 || !strings.Contains(r.errors, text) {
		t.Errorf("exit code %d, no %q in %s%s", r.code, text, r.out, r.errors)
	}
}

// fails expects another exit code, and every text in the error output.
func (r result) fails(t *testing.T, texts ...string) {
	t.Helper()

	if r.code == 0 {
		t.Errorf("exit code 0: %s%s", r.out, r.errors)
	}

	for _, text := range texts {
		if !strings.Contains(r.errors, text) {
			t.Errorf("no %q in %s", text, r.errors)
		}
	}
}

// emptyDatabase creates a database beside the other one, without tables.
func emptyDatabase(t *testing.T, beside string) string {
	t.Helper()

	connect := func(ctx context.Context) *pgx.Conn {
		conn, err := pgx.Connect(ctx, beside)
		if err != nil {
			t.Fatal(err)
		}

		return conn
	}

	conn := connect(t.Context())
	defer conn.Close(t.Context())

	name := conn.Config().Database
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name+"_empty"); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()

		conn := connect(ctx)
		defer conn.Close(ctx)

		if _, err := conn.Exec(ctx, "DROP DATABASE "+name+"_empty WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})

	return strings.Replace(beside, "/"+name, "/"+name+"_empty", 1)
}
