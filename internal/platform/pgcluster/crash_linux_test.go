package pgcluster

import (
	"strings"
	"testing"
	"time"
)

// Other kernels have no such feature; there the next Start ends the server.
func TestServerEndsWithItsKilledOwner(t *testing.T) {
	t.Parallel()

	owner, pid := startOwner(t, openDir(t)+"/running")
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // reports that it was killed
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); strings.Contains(commandLine(pid), "postgres"); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("server %d outlives its owner", pid)
		}
	}
}
