//go:build unix

package pgcluster

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// detach prepares cmd to run as the server's user, to end with us if the system supports that, and in its own process
// group: Ctrl-C in the terminal must reach only us, or the database would shut down under the requests that are still
// to be finished.
func detach(cmd *exec.Cmd, a *account) {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a != nil {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)} //nolint:gosec // ids are never negative
	}
	endWithParent(attr)
	cmd.SysProcAttr = attr
}

func ownerOf(info os.FileInfo) (uid, gid int) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, -1
	}
	return int(stat.Uid), int(stat.Gid)
}

// tryLock takes the lock, or returns false if another open file holds it.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

const (
	sigFast     = syscall.SIGINT
	sigKill     = syscall.SIGKILL
	sigStop     = syscall.SIGSTOP
	sigContinue = syscall.SIGCONT
)

// signal sends sig. A process that has already ended is not an error.
func signal(pid int, sig syscall.Signal) error {
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return os.NewSyscallError("kill", err)
	}
	return nil
}
