//go:build battery && linux

package failover_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sys/unix"

	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
)

// Addresses of the cluster, as in the files of deploy/.
const (
	balancer   = "http://10.77.0.10"
	mailServer = "10.77.0.100:25"
	direct     = "postgres://gateway_owner@10.77.0.10:5432/gateway?sslmode=disable"
)

var nodes = map[string]string{"node1": "10.77.0.11", "node2": "10.77.0.12", "node3": "10.77.0.13"}

// cluster is a cluster that deploy/cluster has started with the program of this checkout.
type cluster struct {
	script string
	dir    string
	probe  http.Client // for Patroni's checks
	db     *pgxpool.Pool
	mails  *smtptest.Sink
}

// startCluster starts a cluster with the program of this checkout, or with the one that GATEWAY names.
func startCluster(t *testing.T) *cluster {
	t.Helper()

	script, err := filepath.Abs("../../deploy/cluster")
	if err != nil {
		t.Fatal(err)
	}

	dir, err := os.MkdirTemp("/var/tmp", "failover-")
	if err != nil {
		t.Fatal(err)
	}

	c := &cluster{script: script, dir: dir}
	program, settings := filepath.Join(dir, "built"), filepath.Join(dir, "test.env")

	// All requests come from one address.
	more := "SMTP_URL=smtp://" + mailServer + "?tls=none\nNETWORK_SENDS=100000\nMAILS_PER_DAY=10000000\n"

	if other := os.Getenv("GATEWAY"); other != "" {
		// An earlier version does not work behind PgBouncer.
		program, more = other, more+"DATABASE_URL=postgres://gateway@10.77.0.10:5432/gateway?sslmode=disable\nDATABASE_POOLER=none\n"
	} else if out, err := exec.Command("go", "build", "-o", program, "github.com/konec/toolkit-gateway").CombinedOutput(); err != nil {
		t.Fatalf("build the gateway: %v: %s", err, out)
	}

	if err := os.WriteFile(settings, []byte(more), 0o600); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() {
		c.run(t, "stop")

		if t.Failed() {
			t.Logf("the logs are in %s", dir)
		} else {
			os.RemoveAll(dir)
		}
	})

	t.Log(c.run(t, "--gateway", program, "--env", settings, "start"))

	c.probe = http.Client{Timeout: 300 * time.Millisecond, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	c.db = c.connect(t)

	listener, err := inside(func() (net.Listener, error) { return net.Listen("tcp", mailServer) })
	if err != nil {
		t.Fatal(err)
	}

	c.mails = smtptest.New(t, smtptest.Options{Listener: listener})

	return c
}

// run runs the script and returns what it printed.
func (c *cluster) run(t *testing.T, arguments ...string) string {
	t.Helper()

	out, err := c.try("", arguments...)
	if err != nil {
		t.Fatal(err)
	}

	return out
}

func (c *cluster) try(input string, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()

	command := exec.CommandContext(ctx, c.script, append([]string{"--dir", c.dir}, arguments...)...)
	command.Stdin = strings.NewReader(input)

	out, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("deploy/cluster %s: %w: %s", strings.Join(arguments, " "), err, out)
	}

	return strings.TrimSpace(string(out)), nil
}

// connect opens connections to the leader as the owner of the tables.
func (c *cluster) connect(t *testing.T) *pgxpool.Pool {
	t.Helper()

	password, err := os.ReadFile(filepath.Join(c.dir, "owner.secret"))
	if err != nil {
		t.Fatal(err)
	}

	config, err := pgxpool.ParseConfig(direct)
	if err != nil {
		t.Fatal(err)
	}

	config.ConnConfig.Password = strings.TrimSpace(string(password))
	config.ConnConfig.DialFunc = dial

	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(pool.Close)

	return pool
}

// writeWAL makes the write-ahead log grow until Postgres has no place for it, and crashes.
func (c *cluster) writeWAL(t *testing.T) {
	t.Helper()

	for range 500 {
		if _, err := c.db.Exec(t.Context(), `SELECT pg_logical_emit_message(true, 'test', repeat('x', 1000000))`); err != nil {
			t.Log(err)

			return
		}
	}

	t.Error("500 MB of WAL found place on the full disk")
}

// awaitLeader waits until Patroni names a leader other than one, and returns it and when it did. Without one within the time
// it returns "".
func (c *cluster) awaitLeader(t *testing.T, other string, within time.Duration) (string, time.Time) {
	t.Helper()

	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()

	for end := time.Now().Add(within); time.Now().Before(end); <-tick.C {
		for node, address := range nodes {
			if node == other {
				continue
			}

			response, err := c.probe.Get("http://" + address + ":8008/primary")
			if err != nil {
				continue
			}

			response.Body.Close()

			if response.StatusCode == http.StatusOK {
				return node, time.Now()
			}
		}
	}

	return "", time.Time{}
}

// replica returns a node that is not the leader.
func (c *cluster) replica(t *testing.T) string {
	t.Helper()

	if c.run(t, "leader") == "node1" {
		return "node2"
	}

	return "node1"
}

// dial connects from the node of the clients.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	return inside(func() (net.Conn, error) { return new(net.Dialer).DialContext(ctx, network, address) })
}

// inside opens a socket in the network namespace of the clients.
func inside[T any](open func() (T, error)) (socket T, err error) {
	done := make(chan struct{})

	go func() {
		defer close(done)

		// Never unlocked: the thread ends with this goroutine, and no other one runs in the namespace.
		runtime.LockOSThread()

		var namespace *os.File
		if namespace, err = os.Open("/run/netns/ha-client"); err != nil {
			return
		}
		defer namespace.Close()

		if err = unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err == nil {
			socket, err = open()
		}
	}()

	<-done

	return socket, err
}
