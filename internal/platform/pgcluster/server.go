package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// server is one run of the postgres program: a Restart creates a new one.
type server struct {
	pid  int
	done chan struct{} // closed when the postmaster and all its processes are gone
}

func (s *server) running() bool {
	if s == nil {
		return false
	}
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// shutDown ends the server in an orderly way or, if ctx ends first, at once.
func (s *server) shutDown(ctx context.Context) error {
	if !s.running() {
		return nil
	}
	if err := thawAndEnd(s.pid); err != nil {
		return err
	}
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("PostgreSQL did not shut down in time and was killed: %w", ctx.Err()), s.kill())
	}
}

func (s *server) kill() error {
	if !s.running() {
		return nil
	}
	if err := killTree(s.pid); err != nil {
		return err
	}
	select {
	case <-s.done:
		return nil
	case <-time.After(killAfter):
		return errors.New("PostgreSQL processes outlive SIGKILL")
	}
}

// freeMemory removes the shared memory segment that a killed server leaves and that the next start would remove: there
// may be no next start, and the system has room for a few thousand segments. A pid file of this run proves that it was
// killed, and that the segment's number has not been reused.
func (s *server) freeMemory(pidFile string) {
	if s == nil || s.running() || firstLine(pidFile) != s.pid {
		return
	}
	raw, _ := os.ReadFile(pidFile)
	const memory = 6 // the seventh line: key and number
	lines := strings.Split(string(raw), "\n")
	if len(lines) <= memory {
		return
	}
	if fields := strings.Fields(lines[memory]); len(fields) == 2 {
		_ = exec.Command("ipcrm", "-m", fields[1]).Run() // a failure leaks only 56 bytes
	}
}

// launch starts the server and waits until it accepts connections.
func (c *Cluster) launch(ctx context.Context) error {
	if err := c.clearLeftovers(); err != nil {
		return err
	}
	log, err := os.OpenFile(c.LogFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	begin, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}

	cmd := exec.Command(filepath.Join(c.bin, "postgres"), c.arguments()...)
	cmd.Env, cmd.Dir = environment(), c.data()
	cmd.Stdout, cmd.Stderr = log, log
	detach(cmd, c.account)
	c.server, err = run(cmd, c.lock)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	err = c.waitReady(ctx, begin)
	if err != nil {
		err = errors.Join(err, c.server.kill())
	}
	return err
}

// run starts cmd on a thread that stays with it until it ends: the kernel ends the server when the thread that started
// it ends, not when the process does (golang.org/issue/27505). The server's processes all inherit the lock and one end
// of a pipe to which nothing is written: its end of file means that the last process is gone. Waiting for the
// postmaster alone does not prove that.
func run(cmd *exec.Cmd, lock *os.File) (*server, error) {
	lifeline, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{lock, theirs}
	s := &server{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // permanently: the thread ends with this function
		err := cmd.Start()
		_ = theirs.Close()
		if err == nil {
			s.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // why it ended is in its log
			_, _ = io.Copy(io.Discard, lifeline)
		}
		_ = lifeline.Close()
		close(s.done)
	}()
	return s, <-started
}

// waitReady reads the state that the server writes for pg_ctl into its pid file; a connection attempt
// would need a driver, and would fill the log while the server recovers.
func (c *Cluster) waitReady(ctx context.Context, begin int64) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.server.done:
			return fmt.Errorf("PostgreSQL ended while starting; the end of its log %s:\n%s", c.LogFile(), c.logSince(begin))
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL is not ready: %w; the end of its log %s:\n%s", ctx.Err(), c.LogFile(), c.logSince(begin))
		case <-tick.C:
		}
		raw, _ := os.ReadFile(filepath.Join(c.data(), pidName))
		lines := strings.Split(string(raw), "\n")
		const state = 7 // the eighth line
		if len(lines) > state && lines[0] == strconv.Itoa(c.server.pid) && strings.TrimSpace(lines[state]) == "ready" {
			return nil
		}
	}
}

func (c *Cluster) logSince(begin int64) string {
	raw, err := os.ReadFile(c.LogFile())
	if err != nil {
		return err.Error()
	}
	return lastLines(raw[min(begin, int64(len(raw))):])
}

// clearLeftovers removes the pid files of a killed server. PostgreSQL would take any process that has since been given
// the same number for the old server, and refuse to start. We hold the lock, so no server of this package is running;
// one started by hand on the same data responds on its socket.
func (c *Cluster) clearLeftovers() error {
	pidFile := filepath.Join(c.data(), pidName)
	raw, err := os.ReadFile(pidFile)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	sockets := []string{filepath.Join(c.socket, socketName)}
	if lines := strings.Split(string(raw), "\n"); len(lines) > 4 && lines[4] != "" {
		sockets = append(sockets, filepath.Join(lines[4], ".s.PGSQL."+lines[3]))
	}
	for _, socket := range sockets {
		if conn, err := net.DialTimeout("unix", socket, time.Second); err == nil {
			return errors.Join(fmt.Errorf("%w: a server responds on %s (process %d)", ErrInUse, socket, firstLine(pidFile)), conn.Close())
		}
	}
	own := filepath.Join(c.socket, socketName)
	for _, file := range []string{pidFile, own, own + ".lock"} {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
