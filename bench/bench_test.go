package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/cli"
)

// TestMain lets the test program run in every role, the gateway's too, so that nothing is built here.
func TestMain(m *testing.M) {
	if run := role(os.Args); run != nil {
		exit(run(context.Background()))
	}

	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "account") {
		os.Exit(cli.Run(os.Args[1:], os.Environ()))
	}

	os.Exit(m.Run())
}

func TestBench(t *testing.T) {
	t.Parallel()

	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}

	var out bytes.Buffer

	// The figures are not checked: they are those of a test on a busy machine.
	err = measure(t.Context(), options{
		gateway: program, dir: filepath.Join(t.TempDir(), "bench"), logLevel: "WARN", connections: 2, rounds: 1,
		slice: 100 * time.Millisecond, sessions: 8, logins: 4, flood: time.Second, starts: 1, small: 10, growth: 20, imports: 20, parts: 2,
	}, &out, t.Output())
	if err != nil {
		t.Fatal(err)
	}

	t.Run("EveryMeasurementIsInTheTable", func(t *testing.T) {
		t.Parallel()

		for _, work := range []string{
			mePath, refreshPath, loginPath, "memory, idle", "memory, 4 sign-ins at once",
			"sign-ins, 1s: memory", "sign-ins, 1s: GET /verify", "sign-ins, 1s: a user from another network", "start until ready",
			"import of 20 accounts", "import: memory", "import: sign-in",
			"accounts: me", "accounts: sign-in's lookup", "accounts: refresh", "accounts: WAL of a refresh",
			"events: approval queue", "events: timeline", "events: audit of an account",
		} {
			if !strings.Contains(out.String(), work) {
				t.Errorf("no line about %q in:\n%s", work, out.String())
			}
		}
	})

	t.Run("EverySignInIsAnswered", func(t *testing.T) {
		t.Parallel()

		if !strings.Contains(out.String(), "4 answered 200, 0 503") {
			t.Errorf("not every sign-in got a response:\n%s", out.String())
		}
	})
}
