package cli_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// serving is a running gateway.
type serving struct {
	url     string
	address string
	process *exec.Cmd
	ended   chan error

	mu  sync.Mutex
	log strings.Builder
}

// serve starts the gateway and waits until it listens.
func (p program) serve(t *testing.T) *serving {
	t.Helper()

	s := &serving{process: p.with("ADDR", "127.0.0.1:0").command(t.Context(), t, "serve"), ended: make(chan error, 1)}

	out, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	s.process.Stderr = s.process.Stdout
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}

	listens := make(chan string, 1)

	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.read(lines.Bytes(), listens)
		}

		s.ended <- s.process.Wait()
	}()

	t.Cleanup(func() { _ = s.process.Process.Kill() })

	select {
	case s.address = <-listens:
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not listen: %s", s.said())
	}

	s.url = "http://" + s.address

	return s
}

func (s *serving) read(line []byte, listens chan<- string) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.log.Write(line)
	s.log.WriteByte('\n')

	var entry struct{ Msg, Address string }
	if json.Unmarshal(line, &entry) == nil && entry.Msg == "listening" {
		listens <- entry.Address
	}
}

func (s *serving) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.log.String()
}

// status returns the status of a path, or 0 if the gateway does not answer.
func (s *serving) status(path string) int {
	response, err := http.Get(s.url + path)
	if err != nil {
		return 0
	}

	response.Body.Close()

	return response.StatusCode
}

func (s *serving) ready(t *testing.T) {
	t.Helper()
	apptest.Eventually(t, "the gateway is ready", func() bool { return s.status("/readyz") == http.StatusOK })
}

// V-21, T-30, R-G4: without the settings that protect it the gateway does not start. It names what is missing, and never
// shows a value.
func TestServeRefusesToStart(t *testing.T) {
	t.Parallel()

	const canary = "CaNaRyCaNaRy"

	gateway := program{
		"DATABASE_URL": "postgres://u:" + canary + "@127.0.0.1:1/d", "MASTER_KEY": keyring.Generate(), "SMTP_URL": "smtp://u:" + canary + "@127.0.0.1",
	}
	key := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

	for name, c := range map[string]struct {
		setting, value string
		errors         []string
	}{
		"NoDatabase":      {"DATABASE_URL", "", []string{"DATABASE_URL: required", "toolkit-gateway dev"}},
		"NoKey":           {"MASTER_KEY", "", []string{"MASTER_KEY: required", "openssl rand -base64 32"}},
		"ShortKey":        {"MASTER_KEY", key([]byte(canary)), []string{"MASTER_KEY: key 1: 12 bytes long", "openssl"}},
		"SampleKey":       {"MASTER_KEY", key(make([]byte, 32)), []string{"MASTER_KEY: key 1: not random"}},
		"CountedKey":      {"MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", []string{"MASTER_KEY: key 1: not random"}},
		"TypedKey":        {"MASTER_KEY", key([]byte(canary + canary + "abcdefgh")), []string{"MASTER_KEY: key 1: not random"}},
		"NotBase64":       {"MASTER_KEY", canary + "!", []string{"MASTER_KEY: key 1: not base64"}},
		"SameKeyTwice":    {"MASTER_KEY", "2:" + gateway["MASTER_KEY"] + ",1:" + gateway["MASTER_KEY"], []string{"MASTER_KEY: key 2: it is a duplicate"}},
		"BadDatabaseURL":  {"DATABASE_URL", "postgres://u:" + canary + "@127.0.0.1:port/d", []string{"DATABASE_URL"}},
		"BadDatabaseURL2": {"DATABASE_URL", "postgres://u:" + canary + "%zz@h/d", []string{"DATABASE_URL"}},
		"BadDatabaseURL3": {"DATABASE_URL", "host=h password=" + canary + " port=x", []string{"DATABASE_URL"}},
		"BadDatabaseURL4": {"DATABASE_URL", "mysql://u:" + canary + "@h/d", []string{"DATABASE_URL"}},
		"BadSMTP":         {"SMTP_URL", "http://u:" + canary + "@h", []string{"SMTP_URL"}},
		"BadSender":       {"MAIL_FROM", "no-address", []string{"MAIL_FROM"}},
		"BadMode":         {"MODE", "production", []string{"MODE: "}},
		"AddressTaken":    {"ADDR", "256.0.0.1:80", []string{"ADDR: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := gateway.with("ADDR", "127.0.0.1:0").with(c.setting, c.value).run(t, "serve")
			got.fails(t, c.errors...)

			if strings.Contains(got.out+got.errors, canary) || strings.Contains(got.errors, "goroutine") {
				t.Errorf("shows too much: %s%s", got.out, got.errors)
			}
		})
	}
}

// With a database that is not migrated the gateway waits: the migration may be running.
func TestServeWaitsForTheMigration(t *testing.T) {
	t.Parallel()

	gateway := newProgram(t)
	gateway = gateway.with("DATABASE_URL", emptyDatabase(t, gateway["DATABASE_URL"]))
	serving := gateway.serve(t)

	if serving.status("/healthz") != http.StatusOK || serving.status("/readyz") != http.StatusServiceUnavailable {
		t.Errorf("healthz %d, readyz %d", serving.status("/healthz"), serving.status("/readyz"))
	}

	apptest.Eventually(t, "it says what to do", func() bool { return strings.Contains(serving.said(), "run `toolkit-gateway migrate`") })
	gateway.with("ADDR", serving.address).run(t, "healthcheck").fails(t, "not ready: 503")

	gateway.run(t, "migrate").succeeds(t)
	serving.ready(t)
}

// REL-D7, T-30: a MASTER_KEY that does not open the signing keys of the database ends the server, with a sentence that says so.
func TestServeEndsWithAnotherMasterKey(t *testing.T) {
	t.Parallel()

	gateway := newProgram(t)
	gateway.serve(t).ready(t)

	gateway.with("MASTER_KEY", keyring.Generate()).with("ADDR", "127.0.0.1:0").run(t, "serve").
		fails(t, "toolkit-gateway: MASTER_KEY is not the key with which this database was used")
}

// R-M7: after SIGTERM the gateway is not ready and still serves requests; then it ends in order.
func TestServeStopsInOrder(t *testing.T) {
	t.Parallel()

	const delay = 2 * time.Second

	gateway := newProgram(t).with("SHUTDOWN_DELAY", delay.String())
	serving := gateway.serve(t)
	serving.ready(t)
	gateway.with("ADDR", serving.address).run(t, "healthcheck").succeeds(t)

	start := time.Now()
	if err := serving.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	apptest.Eventually(t, "readiness is off", func() bool { return serving.status("/readyz") == http.StatusServiceUnavailable })

	response, err := http.Get(serving.url + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}

	response.Body.Close()

	if response.StatusCode != http.StatusOK || !response.Close {
		t.Errorf("during the delay requests get %s, Connection: close %t", response.Status, response.Close)
	}

	select {
	case err := <-serving.ended:
		if took := time.Since(start); err != nil || took < delay || took > delay+10*time.Second {
			t.Errorf("ended after %s with %v: %s", took, err, serving.said())
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not end: %s", serving.said())
	}

	if log := serving.said(); !strings.Contains(log, `"msg":"stopping"`) || !strings.Contains(log, `"msg":"stopped"`) {
		t.Errorf("log: %s", log)
	}

	gateway.with("ADDR", serving.address).run(t, "healthcheck").fails(t, "health check")
}

// F-19, T-12: a log that is not read stops neither requests nor the shutdown.
func TestServeOutlivesItsLogReader(t *testing.T) {
	t.Parallel()

	gateway := newProgram(t).with("SHUTDOWN_DELAY", "0s")

	// The reader reads the first lines and then stops.
	process := gateway.with("ADDR", "127.0.0.1:0").command(t.Context(), t, "serve")

	out, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := process.Start(); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = process.Process.Kill() })

	serving := &serving{process: process}

	for lines := bufio.NewScanner(out); serving.address == "" && lines.Scan(); {
		listens := make(chan string, 1)
		serving.read(lines.Bytes(), listens)

		select {
		case serving.address = <-listens:
		default:
		}
	}

	serving.url = "http://" + serving.address
	serving.ready(t)

	// A pipe holds 64 KiB, and a line has some 200 bytes.
	for i := range 1000 {
		if status := serving.status("/healthz"); status != http.StatusOK {
			t.Fatalf("request %d: %d", i, status)
		}
	}

	if err := process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()

	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it does not end")
	}
}
