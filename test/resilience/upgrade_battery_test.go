//go:build battery

package resilience_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/smtptest"
)

// REL-D6, T-32: the previous release serves while this one migrates the database, and beside it afterwards: people
// register at either, sign in at either, and refresh at both in turn. Nothing fails, and the audit log is sound, also where
// the previous release is from before there was a chain.
func TestTwoVersionsServeOneDatabase(t *testing.T) {
	t.Parallel()

	for name, commit := range map[string]string{"PreviousRelease": "296e48e", "FromBeforeTheAuditChain": "9d68b35"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			u := newUpgrade(t, commit)
			u.run(t, u.before, "migrate")

			old, stopOld := u.before.start(t)
			u.use(t, old, old)
			u.use(t, old, old)

			// The old replica serves while this version migrates.
			migrated := make(chan struct{})

			go func() {
				defer close(migrated)

				u.run(t, u.after, "migrate")
			}()

			for done := false; !done; {
				u.use(t, old, old)

				select {
				case <-migrated:
					done = true
				default:
				}
			}

			u.use(t, old, old)

			// Then beside it, started anew too.
			stopOld()

			old, stopOld = u.before.start(t)
			current, _ := u.after.start(t)

			for range 5 {
				u.use(t, old, current)
				u.use(t, current, old)
			}

			stopOld()
			u.use(t, current, current)

			t.Logf("%d people, %d requests", u.people, u.requests)

			// What the old replica wrote is taken in within a minute, and then sealed.
			deadline := time.Now().Add(2 * time.Minute)

			for {
				out, err := u.command(t, u.after, "audit", "verify")
				if err == nil && !strings.Contains(out, "FAULT") {
					t.Logf("%s", out)

					break
				}

				if time.Now().After(deadline) {
					t.Fatalf("audit verify: %v: %s", err, out)
				}

				time.Sleep(time.Second)
			}
		})
	}
}

// upgrade is one database, with the programs of two versions.
type upgrade struct {
	before, after    *program
	sink             *smtptest.Sink
	people, requests int
}

func newUpgrade(t *testing.T, commit string) *upgrade {
	t.Helper()

	u := &upgrade{sink: smtptest.New(t, smtptest.Options{})}
	environment := map[string]string{
		"MODE": config.Release, "DATABASE_URL": empty(t, postgrestest.New(t)), "MASTER_KEY": keyring.Generate(),
		"ADDR": "127.0.0.1:0", "PUBLIC_URL": "https://gateway.test", "SMTP_URL": u.sink.URL(), "MAIL_FROM": "Toolkit <no-reply@konec.test>",
		"NETWORK_SENDS": "100000", "NETWORK_FAILURES": "100000", "LOG_LEVEL": "INFO",
	}

	u.before = &program{path: buildCommit(t, commit), environment: environment}
	u.after = &program{path: buildProgram(t), environment: environment}

	return u
}

// buildCommit builds the server of an earlier commit. It fails in a clone without its history.
func buildCommit(t *testing.T, commit string) string {
	t.Helper()

	dir := t.TempDir()
	shell := func(script string, args ...string) {
		t.Helper()

		command := exec.CommandContext(t.Context(), "sh", append([]string{"-ec", script, "sh"}, args...)...)
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("commit %s: %v: %s\n(the test needs the history of the repository: git fetch --unshallow)", commit, err, output)
		}
	}

	shell(`cd "$(git rev-parse --show-toplevel)"; git cat-file -e "$1^{commit}"; git archive -o "$2/source.tar" "$1"; tar -xf "$2/source.tar" -C "$2"`, commit, dir)
	shell(`cd "$1"; go build -o "$1/earlier-gateway" .`, dir)

	return filepath.Join(dir, "earlier-gateway")
}

// empty makes a migrated database an empty one.
func empty(t *testing.T, url string) string {
	t.Helper()

	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())

	if _, err := conn.Exec(t.Context(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public"); err != nil {
		t.Fatal(err)
	}

	return url
}

func (u *upgrade) command(t *testing.T, p *program, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	command := exec.CommandContext(ctx, p.path, args...)
	command.Env = []string{"HOME=" + os.TempDir()}

	for name, value := range p.environment {
		command.Env = append(command.Env, name+"="+value)
	}

	var out bytes.Buffer

	command.Stdout, command.Stderr = &out, &out
	err := command.Run()

	return out.String(), err
}

func (u *upgrade) run(t *testing.T, p *program, args ...string) {
	if out, err := u.command(t, p, args...); err != nil {
		t.Errorf("%q: %v: %s", args, err, out)
	}
}

// use lets a new person register at one server and sign in at the other, refresh at both in turn, and fail once.
func (u *upgrade) use(t *testing.T, one, other *apptest.Server) {
	t.Helper()

	u.people++
	email := fmt.Sprintf("person-%d@konec.test", u.people)

	expect := func(what string, want, got int, err error, body []byte) {
		t.Helper()

		if u.requests++; err != nil || got != want {
			t.Fatalf("%s of %s: %d, %v: %s", what, email, got, err, body)
		}
	}

	sent, err := one.Client.SendRegistrationCodeWithResponse(t.Context(), client.SendCodeRequest{Email: email})
	expect("send-code", http.StatusOK, sent.StatusCode(), err, sent.Body)

	registered, err := one.Client.RegisterWithResponse(t.Context(), client.RegisterRequest{
		Email: email, Username: "Person", Password: apptest.Password, VerificationCode: u.code(t, email),
	})
	expect("register", http.StatusCreated, registered.StatusCode(), err, registered.Body)

	wrong, err := one.Client.LoginWithFormdataBodyWithResponse(t.Context(), nil, client.LoginRequest{Email: email, Password: "wrong " + apptest.Password})
	expect("a wrong password", http.StatusUnauthorized, wrong.StatusCode(), err, wrong.Body)

	opened, err := other.Client.LoginWithFormdataBodyWithResponse(t.Context(), nil, client.LoginRequest{Email: email, Password: apptest.Password})
	expect("login", http.StatusOK, opened.StatusCode(), err, opened.Body)

	tokens := *opened.JSON200

	for i := range 6 {
		server := []*apptest.Server{one, other}[i%2]

		refreshed, err := server.Client.RefreshWithResponse(t.Context(), client.RefreshRequest{RefreshToken: tokens.RefreshToken})
		expect("refresh", http.StatusOK, refreshed.StatusCode(), err, refreshed.Body)

		tokens = *refreshed.JSON200

		me, err := []*apptest.Server{other, one}[i%2].Client.GetMeWithResponse(t.Context(), apptest.Bearer(tokens.AccessToken))
		expect("me", http.StatusOK, me.StatusCode(), err, me.Body)
	}
}

var digits = regexp.MustCompile(`(?m)^\s+(\d{6})\s*$`)

// code waits for the mail with the code.
func (u *upgrade) code(t *testing.T, email string) (code string) {
	t.Helper()

	apptest.Eventually(t, "mail to "+email, func() bool {
		for _, message := range u.sink.To(email) {
			if found := digits.FindStringSubmatch(message.Read(t).Parts[0].Body); found != nil {
				code = found[1]
			}
		}

		return code != ""
	})

	return code
}
