package pgcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrInUse reports that another cluster, of this process or of another, uses the folder.
var ErrInUse = errors.New("the PostgreSQL data folder is in use")

const (
	lockName = "lock"

	// evictAfter is how long a server whose owner died may take to notice by itself; killAfter is how long it may take
	// to shut down after the signal.
	evictAfter = time.Second
	killAfter  = 10 * time.Second

	pollInterval = 5 * time.Millisecond
)

// acquire takes the folder's lock. The lock file is also open in the server's processes, so a held lock proves that no
// server started by this package is running on these data. If the lock's owner is dead but its server is not, as after
// a kill -9 of the owner, the server is ended.
func acquire(ctx context.Context, dir string) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, evictAfter+2*killAfter)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()

	path := filepath.Join(dir, lockName)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	begin, warned, killed := time.Now(), false, false
	for {
		locked, err := tryLock(file)
		if err == nil && locked {
			err = sign(file, path)
			if err == nil {
				return file, nil
			}
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
		}
		waited, owner := time.Since(begin), firstLine(path)
		switch {
		case owner > 0 && alive(owner):
			return nil, errors.Join(fmt.Errorf("%w: %s, by process %d", ErrInUse, dir, owner), file.Close())
		case waited > evictAfter && !warned:
			warned = true
			evict(dir, thawAndEnd)
		case waited > evictAfter+killAfter && !killed:
			killed = true
			evict(dir, killTree)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("%w: %s, by server processes whose owner is gone", ErrInUse, dir), file.Close())
		case <-tick.C:
		}
	}
}

// sign writes our process id into the lock file, for the error message of the next process. The file must still be the
// one at path: if the folder was removed while we waited, our lock is void.
func sign(file *os.File, path string) error {
	held, err := file.Stat()
	if err != nil {
		return err
	}
	if there, err := os.Stat(path); err != nil || !os.SameFile(held, there) {
		return errors.New("the folder was removed meanwhile; start again")
	}
	if err := file.Truncate(0); err != nil {
		return err
	}
	_, err = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// evict ends the server of dir, if the process in postmaster.pid is that server: the number may belong to another
// program by now. The lock shows whether it succeeded.
func evict(dir string, end func(postmaster int) error) {
	data := filepath.Join(dir, dataName)
	pid := firstLine(filepath.Join(data, pidName))
	if pid > 0 && strings.Contains(commandLine(pid), data) {
		_ = end(pid)
	}
}

// firstLine returns the process id on the first line of a file, or 0.
func firstLine(path string) int {
	raw, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(string(raw), "\n")
	pid, _ := strconv.Atoi(strings.TrimSpace(line))
	return pid
}
