package resilience_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/pgproxy"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-F6, R-F7, R-M1, V-05, T-08: the real program is killed (SIGKILL) after a refresh is committed and before its
// response. The user stays signed in. What had ended before the crash has ended after it.
func TestServerKilledBetweenCommitAndResponse(t *testing.T) {
	t.Parallel()

	url := postgrestest.New(t)
	proxy := pgproxy.New(t, url)
	program := &program{path: buildProgram(t), environment: map[string]string{
		"MODE": config.Release, "DATABASE_URL": proxy.URL, "MASTER_KEY": keyring.Generate(),
		"ADDR": "127.0.0.1:0", "PUBLIC_URL": "https://gateway.test",
	}}

	database, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(database.Close)

	people := apptest.Env{Clock: &apptest.Clock{}, Config: config.Config{DatabaseURL: url}}
	people.Account(t, world.PersonEmail)

	server, kill := program.start(t)
	tokens, over, replayed := server.SignIn(t, world.PersonEmail), server.SignIn(t, world.PersonEmail), server.SignIn(t, world.PersonEmail)

	if response, err := server.Client.LogoutWithResponse(t.Context(), apptest.Bearer(over.AccessToken)); err != nil || response.StatusCode() != http.StatusNoContent {
		t.Fatalf("logout: %v %s", err, response.Status())
	}

	// The replayed session's first token was rotated twice, and may be repeated only within the grace period.
	_, second := server.Refresh(t, replayed.RefreshToken)
	if _, third := server.Refresh(t, second.RefreshToken); third == nil {
		t.Fatal("refresh of the session to replay failed")
	}

	age := func() {
		// A real program's clock cannot be moved, so the past is moved back instead.
		_, err := database.Exec(t.Context(), `UPDATE session SET seen_at = seen_at - '1 minute'::interval,
			rotated_times = (SELECT coalesce(array_agg(one - '1 minute'::interval ORDER BY n), '{}') FROM unnest(rotated_times) WITH ORDINALITY AS r(one, n))`)
		if err != nil {
			t.Fatal(err)
		}
	}

	for _, late := range []bool{false, true} {
		fault := proxy.Inject(pgproxy.AtStatement("SessionRotate"), pgproxy.HoldAfter)
		lost := make(chan error, 1)

		go func() {
			_, err := server.Client.RefreshWithResponse(t.Context(), client.RefreshRequest{RefreshToken: tokens.RefreshToken})
			lost <- err
		}()

		<-fault.Reached
		kill()

		if err := <-lost; err == nil {
			t.Fatal("the response was not lost: the test proves nothing")
		}

		close(fault.Release)

		server, kill = program.start(t)

		if late {
			age()
		}

		_, repeated := server.Refresh(t, tokens.RefreshToken)
		if repeated == nil {
			t.Fatalf("late %v: the refresh with the lost response does not work again", late)
		}

		_, next := server.Refresh(t, repeated.RefreshToken)
		if next == nil {
			t.Fatalf("late %v: the session does not continue", late)
		}

		if status, _ := server.Me(t, next.AccessToken); status != http.StatusOK {
			t.Errorf("late %v: me returns %d", late, status)
		}

		tokens = *next
	}

	for name, dead := range map[string]string{"ended": over.RefreshToken, "rotated": replayed.RefreshToken} {
		if status, _ := server.Refresh(t, dead); status != http.StatusUnauthorized {
			t.Errorf("the refresh token of a session %s before the crash got %d, want 401", name, status)
		}
	}

	for name, dead := range map[string]string{"ended": over.AccessToken, "replayed": replayed.AccessToken} {
		if status, _ := server.Me(t, dead); status != http.StatusUnauthorized {
			t.Errorf("the access token of a session %s before the crash got %d, want 401", name, status)
		}
	}
}

// buildProgram builds the server and returns its path.
func buildProgram(t *testing.T) string {
	t.Helper()

	path := filepath.Join(t.TempDir(), "toolkit-gateway")

	command := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/konec/toolkit-gateway")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}

	return path
}

// program is the server as operators run it.
type program struct {
	path        string
	environment map[string]string
}

// start runs the program until kill is called.
func (p *program) start(t *testing.T) (server *apptest.Server, kill func()) {
	t.Helper()

	command := exec.Command(p.path, "serve")
	command.Stderr = os.Stderr

	for name, value := range p.environment {
		command.Env = append(command.Env, name+"="+value)
	}

	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := command.Start(); err != nil {
		t.Fatal(err)
	}

	listening := make(chan string, 1)
	ended := make(chan struct{})

	go func() {
		defer close(ended)

		for lines := bufio.NewScanner(output); lines.Scan(); {
			var line struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
				listening <- line.Address
			}
		}

		_ = command.Wait() // the error is that of the kill
	}()

	kill = func() {
		_ = command.Process.Kill()
		<-ended
	}
	t.Cleanup(kill)

	server = &apptest.Server{}

	select {
	case address := <-listening:
		server.URL = "http://" + address
	case <-ended:
		t.Fatal("the server ended by itself")
	}

	server.Client, err = client.NewClientWithResponses(server.URL)
	if err != nil {
		t.Fatal(err)
	}

	apptest.Eventually(t, "the server is ready", func() bool {
		response, err := http.Get(server.URL + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()

		return response.StatusCode == http.StatusOK
	})

	return server, kill
}
