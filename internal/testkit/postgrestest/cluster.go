package postgrestest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/pgcluster"
)

const (
	// folderPrefix and the process id form the name of a cluster's folder.
	folderPrefix = "postgrestest-"

	// keptMark is a file that says that the folder is kept for inspection and must not be swept.
	keptMark = "kept"

	// memory is Linux's folder in memory. It is used if TMPDIR names no other, and if several test processes have room
	// there: containers often have 64 MiB.
	memory       = "/dev/shm"
	memoryNeeded = 2 << 30
)

// nonce distinguishes this process from others with the same id, in other containers, on a shared server.
var nonce = strings.ToLower(rand.Text()[:8])

// NewCluster returns a cluster that belongs to the test, to kill, freeze and restart, and the URL of a migrated
// database in it. A durable cluster loses nothing by that; it runs with production's settings. It is stopped after the
// test and removed if the test has passed.
func NewCluster(tb testing.TB, durable bool) (*pgcluster.Cluster, string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if process.migrate == nil {
		tb.Fatal("postgrestest: this package's TestMain does not call postgrestest.Main with its migration")
	}
	cluster, err := startCluster(ctx, durable)
	if err != nil {
		tb.Fatalf("postgrestest: no cluster for this test: %v", err)
	}
	h := &host{cluster: cluster, url: cluster.URL, admin: cluster.URL("postgres")}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		if err := h.close(ctx, !tb.Failed()); err != nil {
			tb.Errorf("postgrestest: %v", err)
		}
	})
	name := h.nextName()
	if err := h.create(ctx, name, ""); err != nil {
		tb.Fatalf("postgrestest: %v", err)
	}
	if err := process.migrate(ctx, h.url(name)); err != nil {
		tb.Fatalf("postgrestest: migrate: %v", err)
	}
	return cluster, h.url(name)
}

// startCluster starts a cluster in a new temporary folder.
func startCluster(ctx context.Context, durable bool) (*pgcluster.Cluster, error) {
	bin, err := binaries(ctx)
	if err != nil {
		return nil, err
	}
	parent := tempDir()
	// The database of every test creates and deletes hundreds of files. Only a durable cluster has to wait for a disk.
	if !durable && os.Getenv("TMPDIR") == "" && freeIn(memory) >= memoryNeeded {
		parent = memory
	}
	dir, err := os.MkdirTemp(parent, fmt.Sprintf("%s%d-", folderPrefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	// If the process is root, the server runs as another user, who needs access. The folders inside have their own
	// permissions.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	cluster, err := pgcluster.Start(ctx, pgcluster.Options{
		Dir:      dir,
		BinDir:   bin,
		Durable:  durable,
		Settings: map[string]string{"max_connections": "200"},
	})
	if err != nil {
		return nil, errors.Join(err, pgcluster.Remove(ctx, dir))
	}
	return cluster, nil
}

// binaries returns the folder of the server's programs. It downloads them if there are none, once for all test
// processes of the user.
func binaries(ctx context.Context) (string, error) {
	bin, err := pgcluster.FindBinaries()
	if !errors.Is(err, pgcluster.ErrNoBinaries) {
		return bin, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: %w", pgcluster.ErrNoBinaries, err)
	}
	return pgcluster.FetchBinaries(ctx, filepath.Join(cache, "toolkit-gateway", "postgres"), func(line string) {
		fmt.Fprintln(os.Stderr, "postgrestest:", line)
	})
}

// close removes everything after tests that passed. Otherwise it keeps its own cluster, stopped, in its folder, with a
// note on how to open it. On a shared server it only drops the template.
func (h *host) close(ctx context.Context, passed bool) error {
	if h.cluster == nil {
		if h.template == "" {
			return nil
		}
		return h.drop(ctx, h.template)
	}
	err := h.cluster.Stop(ctx)
	if passed {
		return errors.Join(err, pgcluster.Remove(ctx, h.cluster.Dir()))
	}
	fmt.Fprintf(os.Stderr, "postgrestest: kept the cluster of the failed tests. To open it again:\n  %s\n  psql '%s'\n",
		h.cluster.Command(), h.cluster.URL("postgres"))
	return errors.Join(err, os.WriteFile(filepath.Join(h.cluster.Dir(), keptMark), nil, 0o644))
}

// tempDir returns the system's temporary folder, unless the server's user has no access to it, as to root's own TMPDIR.
func tempDir() string {
	if place, err := pgcluster.Place(os.TempDir()); err != nil || place != filepath.Clean(os.TempDir()) {
		return "/var/tmp"
	}
	return os.TempDir()
}

// sweep removes what killed test processes have left. It skips a folder whose cluster is still in use: Remove needs the
// cluster's lock and gets it only when no process has it.
func sweep(ctx context.Context) {
	onDisk, _ := filepath.Glob(filepath.Join(tempDir(), folderPrefix+"*"))
	inMemory, _ := filepath.Glob(filepath.Join(memory, folderPrefix+"*"))
	for _, dir := range slices.Concat(onDisk, inMemory) {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), folderPrefix), "-")
		pid, err := strconv.Atoi(number)
		if err != nil || alive(pid) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(dir, keptMark)); err == nil {
			continue
		}
		// What cannot be removed now is left to the next sweep.
		if err := pgcluster.Remove(ctx, dir); err == nil {
			_ = os.RemoveAll(dir) // Remove finds nothing if the process died before it gave other users access to dir
		}
	}
}

func alive(pid int) bool {
	process, err := os.FindProcess(pid)
	return err == nil && !errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
