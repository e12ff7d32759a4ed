package pgcluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// ownerEnv names, in the environment of this test program started again, the folder in which it runs a cluster until it
// is killed.
const ownerEnv = "PGCLUSTER_TEST_OWNER_OF"

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerEnv); dir != "" {
		beOwner(dir)
	}
	os.Exit(m.Run())
}

func beOwner(dir string) {
	c, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if strings.HasSuffix(dir, "frozen") {
		err = c.Freeze()
	}
	fmt.Println("ready", c.server.pid, err)
	select {}
}

func TestKill(t *testing.T) {
	t.Parallel()

	t.Run("DurableDataSurviveIt", func(t *testing.T) {
		t.Parallel()

		c := start(t, Options{Dir: openDir(t), Durable: true})
		before := c.URL("postgres")
		query(t, c, "CREATE TABLE ledger (n int)")
		conn := connect(t, c)
		for round := range 3 {
			if _, err := connect(t, c).Exec(t.Context(), "INSERT INTO ledger VALUES ($1)", round); err != nil {
				t.Fatal(err)
			}
			if err := c.Kill(); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil {
				t.Fatal("a killed server answered")
			}
			if err := c.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			conn = connect(t, c)
			var rows int
			if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM ledger").Scan(&rows); err != nil {
				t.Fatal(err)
			}
			if rows != round+1 {
				t.Fatalf("%d rows after %d committed inserts", rows, round+1)
			}
		}
		if c.URL("postgres") != before {
			t.Fatalf("the URL changed from %s to %s", before, c.URL("postgres"))
		}
	})

	t.Run("EndsEveryProcess", func(t *testing.T) {
		t.Parallel()

		c := start(t, Options{Dir: openDir(t)})
		pids, err := children(c.server.pid)
		if err != nil || len(pids) == 0 {
			t.Fatalf("children %v, %v", pids, err)
		}
		if err := c.Kill(); err != nil {
			t.Fatal(err)
		}
		all, err := processes()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			for _, pid := range append(pids, c.server.pid) {
				if p.pid == pid && !strings.HasPrefix(p.state, "Z") {
					t.Errorf("process %d is still there", pid)
				}
			}
		}
		if err := c.Kill(); !errors.Is(err, errNotRunning) {
			t.Errorf("second Kill: got %v, want errNotRunning", err)
		}
	})

	t.Run("LeavesTheFolderLocked", func(t *testing.T) {
		t.Parallel()

		opts := Options{Dir: openDir(t)}
		c := start(t, opts)
		if err := c.Kill(); err != nil {
			t.Fatal(err)
		}
		if _, err := Start(t.Context(), opts); !errors.Is(err, ErrInUse) {
			t.Fatalf("got %v, want ErrInUse", err)
		}
	})
}

func TestFreeze(t *testing.T) {
	t.Parallel()

	t.Run("NothingAnswersUntilThawed", func(t *testing.T) {
		t.Parallel()

		c := start(t, Options{Dir: openDir(t)})
		conn := connect(t, c)
		if err := c.Freeze(); err != nil {
			t.Fatal(err)
		}
		answered := make(chan error, 1)
		go func() {
			_, err := conn.Exec(context.WithoutCancel(t.Context()), "SELECT 1")
			answered <- err
		}()
		select {
		case err := <-answered:
			t.Fatalf("a frozen server answered: %v", err)
		case <-time.After(200 * time.Millisecond):
		}
		if err := c.Thaw(); err != nil {
			t.Fatal(err)
		}
		if err := <-answered; err != nil {
			t.Fatal(err)
		}
	})

	t.Run("FrozenServerCanBeStopped", func(t *testing.T) {
		t.Parallel()

		c := start(t, Options{Dir: openDir(t)})
		if err := c.Freeze(); err != nil {
			t.Fatal(err)
		}
		stop(t, c)
	})
}

func TestOwnerKilled(t *testing.T) {
	t.Parallel()

	for _, state := range []string{"running", "frozen"} {
		t.Run("NextStartTakesOverFrom_"+state, func(t *testing.T) {
			t.Parallel()

			dir := openDir(t) + "/" + state
			owner, pid := startOwner(t, dir)
			if _, err := Start(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrInUse) ||
				!strings.Contains(err.Error(), fmt.Sprint("process ", owner.Process.Pid)) {
				t.Fatalf("got %v, want ErrInUse with process %d", err, owner.Process.Pid)
			}
			if err := owner.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = owner.Wait() // reports that it was killed
			c := start(t, Options{Dir: dir})
			if c.server.pid == pid {
				t.Fatal("the old server is still there")
			}
			query(t, c, "SELECT 1")
		})
	}
}

// startOwner runs a cluster in another process, and returns that process and the server's process id.
func startOwner(t *testing.T, dir string) (owner *exec.Cmd, pid int) {
	t.Helper()
	owner = exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerEnv+"="+dir)
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = owner.Process.Kill() }) // most tests did so themselves
	line, err := bufio.NewReader(out).ReadString('\n')
	if _, scanErr := fmt.Sscanf(line, "ready %d <nil>", &pid); err != nil || scanErr != nil {
		t.Fatalf("the other process says %q: %v", line, errors.Join(err, scanErr))
	}
	return owner, pid
}

func TestCommand(t *testing.T) {
	t.Parallel()

	t.Run("OpensTheDataAgain", func(t *testing.T) {
		t.Parallel()

		for _, dir := range []string{openDir(t) + "/with space", openDir(t) + "/" + strings.Repeat("long", 25)} {
			opts := Options{Dir: dir}
			c := start(t, opts)
			query(t, c, "CREATE TABLE kept AS SELECT 1")
			stop(t, c)

			byHand := exec.Command("sh", "-c", c.Command())
			if err := byHand.Start(); err != nil {
				t.Fatal(err)
			}
			deadline := time.NewTimer(20 * time.Second)
			defer deadline.Stop()
			tick := time.NewTicker(pollInterval)
			defer tick.Stop()
			for {
				if raw, _ := os.ReadFile(c.data() + "/" + pidName); strings.Contains(string(raw), "ready") {
					break
				}
				select {
				case <-tick.C:
				case <-deadline.C:
					t.Fatalf("not ready: %s", c.Command())
				}
			}
			query(t, c, "SELECT * FROM kept")
			if _, err := Start(t.Context(), opts); !errors.Is(err, ErrInUse) {
				t.Errorf("Start beside it: got %v, want ErrInUse", err)
			}
			if err := thawAndEnd(firstLine(c.data() + "/" + pidName)); err != nil {
				t.Fatal(err)
			}
			if err := byHand.Wait(); err != nil {
				t.Fatal(err)
			}
			_ = os.RemoveAll(c.socket)
		}
	})
}
