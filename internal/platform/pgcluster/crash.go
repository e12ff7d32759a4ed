package pgcluster

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// Kill ends the server and all its processes at once with SIGKILL, as a crash or the kernel's
// out-of-memory killer would. The data stay locked for this Cluster; Restart recovers them.
func (c *Cluster) Kill() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.server.running() {
		return errNotRunning
	}
	return c.server.kill()
}

// Freeze stops the server and all its processes with SIGSTOP: connections stay open and the kernel still accepts new
// ones, but nothing responds.
func (c *Cluster) Freeze() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.server.running() {
		return errNotRunning
	}
	return signalTree(c.server.pid, sigStop)
}

// Thaw lets a frozen server continue.
func (c *Cluster) Thaw() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.server.running() {
		return errNotRunning
	}
	return signalTree(c.server.pid, sigContinue)
}

var errNotRunning = errors.New("the PostgreSQL cluster is not running")

// process is one line of the system's process list.
type process struct {
	pid, parent int
	state       string
}

// children lists the living children of the postmaster. Every server process is one of them; each is in
// a process group of its own, so there is no group to signal.
func children(postmaster int) ([]int, error) {
	all, err := processes()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, p := range all {
		if p.parent == postmaster && !strings.HasPrefix(p.state, "Z") {
			pids = append(pids, p.pid)
		}
	}
	return pids, nil
}

// signalTree signals the postmaster first, so that a stopped one starts no further process, and then its children until
// no new one is found: a fork may be in progress.
func signalTree(postmaster int, sig syscall.Signal) error {
	if err := signal(postmaster, sig); err != nil {
		return err
	}
	signalled := map[int]bool{}
	for {
		pids, err := children(postmaster)
		if err != nil {
			return err
		}
		news := false
		for _, pid := range pids {
			if signalled[pid] {
				continue
			}
			signalled[pid], news = true, true
			if err := signal(pid, sig); err != nil {
				return err
			}
		}
		if !news {
			return nil
		}
	}
}

// thawAndEnd requests a fast shutdown: transactions are rolled back, data are written. A frozen server reacts only to
// SIGCONT and SIGKILL.
func thawAndEnd(postmaster int) error {
	return errors.Join(signalTree(postmaster, sigContinue), signal(postmaster, sigFast))
}

// killTree ends the children while the postmaster is stopped, so that it can neither replace them nor clean up after
// them, and then the postmaster.
func killTree(postmaster int) error {
	if err := signal(postmaster, sigStop); err != nil {
		return err
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for deadline := time.Now().Add(killAfter); ; <-tick.C {
		pids, err := children(postmaster)
		if err != nil {
			return errors.Join(err, signal(postmaster, sigKill))
		}
		if len(pids) == 0 {
			return signal(postmaster, sigKill)
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("processes %v outlive SIGKILL", pids), signal(postmaster, sigKill))
		}
		for _, pid := range pids {
			if err := signal(pid, sigKill); err != nil {
				return err
			}
		}
	}
}
