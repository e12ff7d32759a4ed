package postgrestest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// Migrate brings the empty database at url to the schema that the tests expect. It must have closed its connections
// when it returns.
type Migrate func(ctx context.Context, url string) error

// process is what the tests of one process share. It has to be global: the testing package starts tests from a bare
// function name, and only TestMain runs before and after them.
var process struct {
	migrate Migrate
	once    sync.Once
	host    *host
	err     error
}

const (
	// startTimeout limits the cluster's start with the migration, cleanupTimeout what follows a test.
	startTimeout   = 2 * time.Minute
	cleanupTimeout = 30 * time.Second
)

// Main runs the tests of a package and is all that its TestMain does. It leaves nothing behind if they pass; otherwise
// it keeps the cluster's folder and prints how to open it. What is in after is checked once all tests of the package have
// passed; it is left out if the flags of go test select some of them.
func Main(m *testing.M, migrate func(ctx context.Context, url string) error, after ...func() error) {
	process.migrate = migrate
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	sweep(ctx)
	cancel()
	code := m.Run()

	for _, check := range after {
		if code != 0 || selected() {
			break
		}

		if err := check(); err != nil {
			fmt.Fprintln(os.Stderr, err)

			code = 1
		}
	}

	if err := finish(code == 0); err != nil {
		fmt.Fprintln(os.Stderr, "postgrestest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func finish(passed bool) error {
	if process.host == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	return process.host.close(ctx, passed)
}

// shared returns the process's server, which the first test that needs it starts. If it does not start, all tests fail
// with the same message.
func shared(tb testing.TB) *host {
	tb.Helper()
	process.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		process.host, process.err = openHost(ctx, process.migrate)
	})
	if process.err != nil {
		tb.Fatalf("postgrestest: no database for this test: %v", process.err)
	}
	return process.host
}

// selected reports whether flags of go test select some of the tests.
func selected() bool {
	return slices.ContainsFunc([]string{"test.run", "test.skip", "test.list", "test.bench", "test.fuzz"}, func(name string) bool {
		value := flag.Lookup(name)

		return value != nil && value.Value.String() != ""
	})
}
