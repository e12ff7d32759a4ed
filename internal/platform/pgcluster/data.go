package pgcluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

const (
	dataName = "data"
	pidName  = "postmaster.pid"
)

// prepareData creates the data folder if it does not exist, and checks that the programs can read an existing one. It
// is called with the lock held.
func (c *Cluster) prepareData(ctx context.Context) error {
	version, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	switch {
	case err == nil:
		return c.checkVersion(ctx, strings.TrimSpace(string(version)))
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	if entries, err := os.ReadDir(c.data()); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is neither empty nor a PostgreSQL data folder: move it away", c.data())
	}
	return c.initdb(ctx)
}

// initdb works in a temporary folder beside the real one: an interrupted initdb leaves a folder that looks complete and
// is not.
func (c *Cluster) initdb(ctx context.Context) error {
	unfinished := c.data() + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		return err
	}
	if err := c.account.own(unfinished); err != nil {
		return err
	}
	args := []string{"-D", unfinished, "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C"}
	if !c.opts.Durable {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "initdb"), args...)
	cmd.Env, cmd.Dir = environment(), unfinished
	detach(cmd, c.account)
	if out, err := combinedOutput(cmd); err != nil {
		return fmt.Errorf("initdb in %s: %w\n%s", c.dir, err, lastLines(out))
	}
	if err := os.Remove(c.data()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Rename(unfinished, c.data())
}

// combinedOutput runs cmd on a thread that lives as long as cmd does: the kernel ends the child when the
// thread that made it ends, not when the process does (golang.org/issue/27505).
func combinedOutput(cmd *exec.Cmd) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.CombinedOutput()
}

var serverVersion = regexp.MustCompile(`\(PostgreSQL\) (\d+(?:\.\d+)?)`)

// checkVersion compares before the start, because the server's own error does not name the remedy.
func (c *Cluster) checkVersion(ctx context.Context, data string) error {
	out, err := exec.CommandContext(ctx, filepath.Join(c.bin, "postgres"), "--version").Output()
	if err != nil {
		return fmt.Errorf("ask %s for its version: %w", filepath.Join(c.bin, "postgres"), err)
	}
	found := serverVersion.FindSubmatch(out)
	if found == nil {
		return fmt.Errorf("unknown PostgreSQL version %q in %s", bytes.TrimSpace(out), c.bin)
	}
	// A data folder contains "15" or, before version 10, "9.6".
	program := string(found[1])
	if program == data || strings.HasPrefix(program, data+".") {
		return nil
	}
	return fmt.Errorf("the data in %s were written by PostgreSQL %s, and the programs in %s are version %s: "+
		"set PG_BIN to the bin folder of a PostgreSQL %s, or remove %s to begin with an empty database",
		c.data(), data, c.bin, program, data, c.data())
}

// environment returns our environment without variables that would change the server: PGPORT, PGDATA and others, the
// locale, which also changes the language of the log, and the time zone.
func environment() []string {
	env := []string{"LC_ALL=C", "TZ=UTC"}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "PG") || strings.HasPrefix(name, "LC_") || name == "LANG" || name == "TZ" {
			continue
		}
		env = append(env, entry)
	}
	return env
}

// lastLines returns the end of a log, as much as fits in an error message.
func lastLines(log []byte) string {
	const keep = 15
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return strings.Join(lines[max(0, len(lines)-keep):], "\n")
}
