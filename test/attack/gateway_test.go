//go:build battery

package attack_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
)

// gateway is two replicas of the attacked program over one database, behind a trusted proxy, which the tests play.
type gateway struct {
	env      map[string]string
	replicas []*replica
	db       *pgxpool.Pool
	mails    *smtptest.Sink
	texts    *provider
	http     *http.Client
}

// replica is a running program.
type replica struct {
	url string
	pid int

	mu  sync.Mutex
	log strings.Builder
}

// start starts two replicas. settings are NAME=value, and are added to the usual ones.
func start(t *testing.T, settings ...string) *gateway {
	t.Helper()

	key := make([]byte, 32)
	_, _ = rand.Read(key)

	g := &gateway{mails: smtptest.New(t, smtptest.Options{}), texts: newProvider(t)}
	g.env = map[string]string{
		"DATABASE_URL": postgrestest.New(t), "MASTER_KEY": base64.StdEncoding.EncodeToString(key), "ADDR": "127.0.0.1:0",
		"PUBLIC_URL": "http://localhost:8080", "TRUSTED_PROXIES": "127.0.0.1/32", "SMTP_URL": g.mails.URL(), "SHUTDOWN_DELAY": "0s",
		"SMS_URL": g.texts.URL, "SMS_WEBHOOK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "SSL_CERT_FILE": g.texts.certificate(t),
		"WEBHOOK_PRIVATE_NETWORKS": "127.0.0.0/8",
	}

	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		g.env[name] = value
	}

	pool, err := pgxpool.New(t.Context(), g.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(pool.Close)

	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)

	g.db = pool
	g.http = &http.Client{
		Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	g.replicas = []*replica{g.serve(t), g.serve(t)}

	for _, one := range g.replicas {
		eventually(t, "the gateway is ready", func() bool {
			response, err := g.http.Get(one.url + "/readyz")
			if err != nil {
				return false
			}

			response.Body.Close()

			return response.StatusCode == http.StatusOK
		})
	}

	return g
}

func (g *gateway) command(ctx context.Context, t *testing.T, args ...string) *exec.Cmd {
	t.Helper()

	command := exec.CommandContext(ctx, attacked, args...)
	command.Dir = t.TempDir()
	command.Env = []string{"HOME=" + command.Dir}

	for name, value := range g.env {
		command.Env = append(command.Env, name+"="+value)
	}

	return command
}

// serve starts a replica and waits until it listens.
func (g *gateway) serve(t *testing.T) *replica {
	t.Helper()

	command := g.command(context.Background(), t, "serve")

	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}

	r, listens, ended := &replica{pid: command.Process.Pid}, make(chan string, 1), make(chan struct{})

	go func() {
		defer close(ended)

		for lines := bufio.NewScanner(out); lines.Scan(); {
			r.read(lines.Bytes(), listens)
		}

		_ = command.Wait()
	}()

	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-ended
	})

	select {
	case address := <-listens:
		r.url = "http://" + address
	case <-ended:
		t.Fatalf("it has ended: %s", r.said())
	case <-time.After(30 * time.Second):
		t.Fatalf("it does not listen: %s", r.said())
	}

	return r
}

func (r *replica) read(line []byte, listens chan<- string) {
	var entry struct{ Msg, Address string }

	_ = json.Unmarshal(line, &entry)

	// The access log of a siege is long, and no test reads it.
	if entry.Msg != "request" {
		r.mu.Lock()
		r.log.Write(line)
		r.log.WriteByte('\n')
		r.mu.Unlock()
	}

	if entry.Msg == "listening" {
		select {
		case listens <- entry.Address:
		default: // the address of the metrics
		}
	}
}

func (r *replica) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()

	return r.log.String()
}

// run runs a command of the program. It returns its exit code and what it printed.
func (g *gateway) run(t *testing.T, input string, args ...string) (int, string) {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	command := g.command(ctx, t, args...)
	command.Stdin = strings.NewReader(input)

	out, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}

	return command.ProcessState.ExitCode(), string(out)
}

// secret is the password of every account.
const secret = "correct horse battery staple"

// account creates an account in a group, and returns its id.
func (g *gateway) account(t *testing.T, email, group string) string {
	t.Helper()

	code, out := g.run(t, secret+"\n", "account", "create", "--email", email, "--name", "A Person", "--group", group, "--password-stdin")
	if code != 0 {
		t.Fatalf("account create: %s", out)
	}

	return one[string](t, g, "SELECT id FROM account WHERE email = $1", email)
}

// imported imports accounts: each is an object of our own form.
func (g *gateway) imported(t *testing.T, accounts ...map[string]any) {
	t.Helper()

	var lines bytes.Buffer
	for _, account := range accounts {
		if err := json.NewEncoder(&lines).Encode(account); err != nil {
			t.Fatal(err)
		}
	}

	file := filepath.Join(t.TempDir(), "accounts.json")
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}

	if code, out := g.run(t, "", "account", "import", file); code != 0 {
		t.Fatalf("account import: %s", out)
	}
}

// pemFile writes a certificate to a file and returns its name.
func pemFile(t *testing.T, der []byte) string {
	t.Helper()

	file := filepath.Join(t.TempDir(), "certificate.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}

	return file
}

// eventually waits until a condition holds, at most half a minute.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()

	for end := time.Now().Add(30 * time.Second); !holds(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
