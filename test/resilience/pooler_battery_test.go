//go:build battery

package resilience_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/bouncertest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// REL-D11, IN-K6: the gateway works behind PgBouncer with its default settings.
func TestGatewayBehindPgBouncer(t *testing.T) {
	t.Parallel()

	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()

			var through string

			g := world.NewMailGateway(t, func(s *apptest.Settings) {
				through = bouncertest.New(t, s.DatabaseURL, mode)
				s.DatabaseURL, s.DatabasePooler = through, mode
			})

			var slowest time.Duration

			emails := make([]string, 10)
			for i := range emails {
				emails[i] = fmt.Sprintf("user%d@konec.test", i)
				began := time.Now()

				g.Send(t, emails[i])
				message := g.AwaitMails(t, emails[i], 1)[0]
				slowest = max(slowest, time.Since(began))
				g.ExpectRegistered(t, emails[i], message)
			}

			t.Logf("the slowest of %d mails arrived after %s", len(emails), slowest.Round(time.Millisecond))

			if slowest > 5*time.Second {
				t.Errorf("a mail arrived after %s", slowest)
			}

			var clients sync.WaitGroup
			for _, email := range emails {
				clients.Go(func() { useSession(t, g.Server, email) })
			}
			clients.Wait()

			// Another program at the pooler must not find the time limits of the gateway.
			for range 20 {
				if limit := ask(t, through, "SHOW statement_timeout"); limit != "0" {
					t.Fatalf("statement_timeout is %s for another program", limit)
				}
			}

			for _, word := range []string{"prepared statement", "startup parameter", `"level":"ERROR"`} {
				if log := g.Log.String(); strings.Contains(log, word) {
					t.Errorf("%s in the log: %s", word, log)
				}
			}
		})
	}
}

// useSession signs in, and refreshes and reads the account for a while.
func useSession(t *testing.T, s *apptest.Server, email string) {
	tokens := s.SignIn(t, email)

	for range 20 {
		status, next := s.Refresh(t, tokens.RefreshToken)
		if next == nil {
			t.Errorf("refresh: %d", status)

			return
		}

		tokens = *next
		if status, _ := s.Me(t, tokens.AccessToken); status != http.StatusOK {
			t.Errorf("me: %d", status)
		}
	}
}

// ask returns the result of a statement on a connection of its own.
func ask(t *testing.T, address, statement string) (result string) {
	t.Helper()

	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())

	if err := conn.QueryRow(t.Context(), statement, pgx.QueryExecModeExec).Scan(&result); err != nil {
		t.Fatal(err)
	}

	return result
}

// emptyDatabase returns the URL of a database without tables, beside one of the tests.
func emptyDatabase(t *testing.T) string {
	t.Helper()

	migrated := postgrestest.New(t)

	u, err := url.Parse(migrated)
	if err != nil {
		t.Fatal(err)
	}

	name := strings.TrimPrefix(u.Path, "/") + "_empty"

	for _, statement := range []string{"DROP DATABASE IF EXISTS " + name, "CREATE DATABASE " + name + " TEMPLATE template0"} {
		conn, err := pgx.Connect(t.Context(), migrated)
		if err != nil {
			t.Fatal(err)
		}

		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}

		conn.Close(t.Context())
	}

	u.Path = "/" + name

	return u.String()
}

// serve and commands refuse a pooler in transaction mode that no setting names, and migrate refuses every one. Session mode
// needs no setting.
func TestPoolerThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()

	program := buildProgram(t)
	database := postgrestest.New(t)
	key := keyring.Generate()
	run := func(address, pooler string, arguments ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()

		command := exec.CommandContext(ctx, program, arguments...)
		command.Env = []string{"DATABASE_URL=" + address, "DATABASE_POOLER=" + pooler, "MASTER_KEY=" + key, "ADDR=127.0.0.1:0", "PUBLIC_URL=https://gateway.test"}
		output, err := command.CombinedOutput()

		return string(output), err
	}

	session, transaction := bouncertest.New(t, database, "session"), bouncertest.New(t, database, "transaction")

	for _, one := range []struct {
		command []string
		remedy  string
	}{
		{[]string{"serve"}, "set DATABASE_POOLER=transaction"},
		{[]string{"key", "list"}, "set DATABASE_POOLER=transaction"},
		{[]string{"migrate"}, "the URL of the database itself"},
	} {
		output, err := run(transaction, "", one.command...)
		if err == nil || !strings.Contains(output, one.remedy) || !strings.Contains(output, "pooler in transaction mode") {
			t.Errorf("%s: %v, %s", one.command, err, output)
		}
	}

	if output, err := run(session, "", "migrate"); err != nil {
		t.Errorf("migrate in session mode: %v, %s", err, output)
	}

	export := filepath.Join(t.TempDir(), "accounts.json")

	for name, one := range map[string]struct{ address, pooler string }{"session": {session, ""}, "transaction": {transaction, "transaction"}} {
		for _, command := range [][]string{
			{"key", "rotate"}, {"account", "create", "--email", name + "@konec.test", "--name", "A"}, {"account", "set-group", name + "@konec.test", "Admin"},
			{"group", "list"}, {"limits", "list"}, {"account", "export", export + name}, {"account", "import", export + name}, {"audit", "verify"},
		} {
			if output, err := run(one.address, one.pooler, command...); err != nil {
				t.Errorf("%s in %s mode: %v, %s", command, name, err, output)
			}
		}
	}
}

// An empty database is migrated through a pooler in session mode.
func TestMigrationBehindPgBouncer(t *testing.T) {
	t.Parallel()

	direct := emptyDatabase(t)
	if _, err := app.Migrate(t.Context(), bouncertest.New(t, direct, "session")); err != nil {
		t.Fatal(err)
	}

	c, err := config.Read(map[string]string{"MODE": config.Development, "DATABASE_URL": direct, "MASTER_KEY": keyring.Generate()})
	if err != nil {
		t.Fatal(err)
	}

	a, err := app.New(t.Context(), app.Options{Config: c, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()

	if _, err := a.Groups.List(t.Context()); err != nil {
		t.Errorf("after the migration: %v", err)
	}
}
