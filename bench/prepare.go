package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

// poolSize is the gateway's own default, and the floor's.
const poolSize = 20

// prepare starts Postgres and builds the gateway.
func (b *bench) prepare(ctx context.Context) error {
	d, err := startDatabase(ctx, b.dir)
	if err != nil {
		return err
	}

	b.database = d

	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return join(err, d.close())
	}

	if err := b.build(ctx); err != nil {
		return join(err, d.close())
	}

	// Both sides sign with keys derived from the same secret, and read each other's refresh tokens.
	b.masterKey = keyring.Generate()
	b.environ = append(os.Environ(),
		"MODE=release", "MASTER_KEY="+b.masterKey, "PUBLIC_URL=https://bench.test", "LOG_LEVEL="+b.logLevel,
		"DATABASE_MAX_CONNS="+strconv.Itoa(poolSize), "SHUTDOWN_DELAY=0s")

	return nil
}

func (b *bench) build(ctx context.Context) error {
	if b.gateway != "" {
		return nil
	}

	b.say("building the gateway")

	target, err := filepath.Abs(filepath.Join(b.dir, "toolkit-gateway"))
	if err != nil {
		return err
	}

	// As `make build` does; the documentation page's script is not included, and is not measured.
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", target, "github.com/konec/toolkit-gateway")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr

	if err := build.Run(); err != nil {
		return fmt.Errorf("build the gateway: %w", err)
	}

	b.gateway = target

	return nil
}

// permits returns how many passwords the gateway hashes at once by default, see package config.
func permits() int { return max(2, runtime.NumCPU()) }

// about describes the circumstances of the run.
func (b *bench) about() string {
	return fmt.Sprintf("%s/%s, %d CPUs, %s, PostgreSQL %s with fsync; client, servers and database on one machine. "+
		"The gateway is as it ships, the garbage collector's settings included; the floor has Go's. "+
		"%d keep-alive connections (growth: 2), %d slices of %s for each side by turns; a ratio is the median of the pairs'. "+
		"LOG_LEVEL=%s into a file.",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), b.database.version,
		b.connections, b.rounds, b.slice, b.logLevel)
}

func join(errs ...error) error { return errors.Join(errs...) }

const stopTimeout = 30 * time.Second
