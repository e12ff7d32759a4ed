package pgcluster

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// Private clusters depend on Unix signals, locks and sockets. On Windows each of these returns an error, which Start
// reports. A server named by DATABASE_URL works as on other systems.
var errUnix = errors.New("private PostgreSQL clusters need Linux or macOS (or WSL): set DATABASE_URL to a running server")

const (
	sigFast     = syscall.SIGINT
	sigKill     = syscall.SIGKILL
	sigStop     = syscall.Signal(0x13)
	sigContinue = syscall.Signal(0x12)
)

func detach(*exec.Cmd, *account)         {}
func ownerOf(os.FileInfo) (uid, gid int) { return -1, -1 }
func tryLock(*os.File) (bool, error)     { return false, errUnix }
func alive(int) bool                     { return false }
func signal(int, syscall.Signal) error   { return errUnix }
func processes() ([]process, error)      { return nil, errUnix }
func commandLine(int) string             { return "" }
