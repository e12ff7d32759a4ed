// Package bouncertest runs PgBouncer with its default settings in front of a test's database. Only tests import it.
package bouncertest

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// New starts PgBouncer in the mode (session or transaction) in front of the database, and returns the URL that leads through
// it. It stops when the test ends.
func New(tb testing.TB, database, mode string) string {
	tb.Helper()

	program, err := find()
	if err != nil {
		tb.Fatal("bouncertest: there is no pgbouncer on this machine; install it: apt-get install pgbouncer")
	}

	target, err := pgx.ParseConfig(database)
	if err != nil {
		tb.Fatal(err)
	}

	port := freePort(tb)

	dir, err := os.MkdirTemp("/tmp", "bouncertest-")
	if err != nil {
		tb.Fatal(err)
	}

	tb.Cleanup(func() { os.RemoveAll(dir) })

	password := ""
	if target.Password != "" {
		password = fmt.Sprintf(" password='%s'", target.Password)
	}

	// Everything that is not needed to reach the database is left at its default.
	settings := fmt.Sprintf("[databases]\n* = host=%s port=%d user=%s%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\n"+
		"unix_socket_dir =\nauth_type = any\npool_mode = %s\n", target.Host, target.Port, target.User, password, port, mode)

	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(settings), 0o644); err != nil {
		tb.Fatal(err)
	}

	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}

	log := &output{}
	command := exec.Command(program, file)
	command.Stdout, command.Stderr = log, log

	// It refuses to run as root.
	if os.Getuid() == 0 {
		command.SysProcAttr = &syscall.SysProcAttr{Credential: serverUser(tb, target.Host)}
	}

	if err := command.Start(); err != nil {
		tb.Fatal(err)
	}

	tb.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()

		if tb.Failed() {
			tb.Logf("pgbouncer:\n%s", log)
		}
	})

	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	awaitListener(tb, address, log)

	through := url.URL{Scheme: "postgres", User: url.User(target.User), Host: address, Path: "/" + target.Database, RawQuery: "sslmode=disable"}

	return through.String()
}

func find() (string, error) {
	if path, err := exec.LookPath("pgbouncer"); err == nil {
		return path, nil
	}

	return exec.LookPath("/usr/sbin/pgbouncer") // Debian's place, which is not in every PATH
}

func freePort(tb testing.TB) int {
	tb.Helper()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()

	return listener.Addr().(*net.TCPAddr).Port
}

// serverUser returns the user who owns the folder of the database's socket, which no one else can reach.
func serverUser(tb testing.TB, socket string) *syscall.Credential {
	tb.Helper()

	found, err := os.Stat(socket)
	if err != nil {
		return &syscall.Credential{Uid: 65534, Gid: 65534} // a server on the network: anyone but root
	}

	owner := found.Sys().(*syscall.Stat_t)

	return &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}
}

func awaitListener(tb testing.TB, address string, log *output) {
	tb.Helper()

	for range 200 {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()

			return
		}

		time.Sleep(25 * time.Millisecond)
	}

	tb.Fatalf("bouncertest: pgbouncer does not listen at %s:\n%s", address, log)
}

// output is what the program has written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()

	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()

	return o.text.String()
}
