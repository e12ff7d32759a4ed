package postgrestest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/pgcluster"
)

const (
	// folderPrefix and the process id make the name of a cluster's folder.
	folderPrefix = "postgrestest-"

	// keptMark is a file that says that the folder is to be looked into, and not to be swept away.
	keptMark = "kept"
)

// nonce tells this process from others with the same number, in other containers, on a shared server.
var nonce = strings.ToLower(rand.Text()[:8])

// NewCluster returns a cluster that is the test's own, to kill, freeze and restart, and the URL of a
// migrated database in it. A durable one loses nothing by that; it is started with production's settings.
// It is stopped after the test and, when that has passed, removed.
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

// startCluster makes a cluster in a new temporary folder.
func startCluster(ctx context.Context, durable bool) (*pgcluster.Cluster, error) {
	bin, err := binaries(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(tempDir(), fmt.Sprintf("%s%d-", folderPrefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	// As root the server is another user, who has to pass. What is in here is closed by itself.
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

// binaries fetches the server's programs where there are none, once for all test processes of the user.
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

// close leaves nothing after tests that passed. After others it leaves our own cluster, stopped, in its
// folder, with a note on how to open it. A server that is not ours only gets rid of the template.
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

// tempDir is the system's, unless the server's user cannot get there, as with root's own TMPDIR.
func tempDir() string {
	if place, err := pgcluster.Place(os.TempDir()); err != nil || place != filepath.Clean(os.TempDir()) {
		return "/var/tmp"
	}
	return os.TempDir()
}

// sweep removes what test processes left that were killed. A folder whose process has another reason to
// live is left alone: Remove needs the cluster's lock, and gets it only when nobody is there any more.
func sweep(ctx context.Context) {
	dirs, _ := filepath.Glob(filepath.Join(tempDir(), folderPrefix+"*"))
	for _, dir := range dirs {
		number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), folderPrefix), "-")
		pid, err := strconv.Atoi(number)
		if err != nil || alive(pid) {
			continue
		}
		if _, err := os.Lstat(filepath.Join(dir, keptMark)); err == nil {
			continue
		}
		// What cannot be removed now is not this test's business; the next sweep tries again.
		if err := pgcluster.Remove(ctx, dir); err == nil {
			_ = os.RemoveAll(dir) // Remove looks elsewhere where the process died before it opened dir to others
		}
	}
}

func alive(pid int) bool {
	process, err := os.FindProcess(pid)
	return err == nil && !errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
