// Package apptest runs whole gateways for tests: real Postgres, real HTTP, the generated client, a clock that the test
// moves, and every response compared with the document. Only tests import it.
package apptest

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/app"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/surface/inbox"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// Migrate is the function that postgrestest.Main needs.
func Migrate(ctx context.Context, url string) error {
	_, err := app.Migrate(ctx, url)

	return err
}

// Env is a database and the gateways on it.
type Env struct {
	*Server // the first gateway

	Clock        *Clock
	Inbox        *inbox.Inbox
	Config       config.Config // with the URL of the database
	HashCost     password.Cost
	networkShare int32
	// RefusalStep is that of app.Options.
	RefusalStep time.Duration
	Pool        *pgxpool.Pool // a connection for what the API does not show
}

// Settings are what a test can change about its gateways.
type Settings struct {
	config.Config

	// HashCost is minimal unless a test sets it, because most tests are not about hashing.
	HashCost password.Cost
	// NetworkShare is app.Options.NetworkShare.
	NetworkShare int32
	// RefusalStep is measured unless a test sets it.
	RefusalStep time.Duration
}

// cheap is the cost of a hash in tests that are not about hashing.
var cheap = password.Cost{Memory: 64, Passes: 1, Threads: 1}

// StandardHashes sets the production cost of a hash, for tests about it.
func StandardHashes(s *Settings) { s.HashCost = password.Standard }

// Server is one running gateway.
type Server struct {
	App        *app.App
	HTTP       *httptest.Server
	URL        string
	Client     *client.ClientWithResponses
	Statements *Statements
	Log        *Log
}

// New starts a gateway on a private database. change, if any, changes the settings first.
func New(tb testing.TB, change ...func(*Settings)) *Env {
	tb.Helper()

	return On(tb, postgrestest.New(tb), change...)
}

// On starts a gateway on the migrated database at url.
func On(tb testing.TB, url string, change ...func(*Settings)) *Env {
	tb.Helper()

	c, err := config.Read(map[string]string{
		"MODE": config.Development, "DATABASE_URL": url, "MASTER_KEY": keyring.Generate(), "PUBLIC_URL": "https://gateway.test",
		"DATABASE_MAX_CONNS": "10",
	})
	if err != nil {
		tb.Fatal(err)
	}

	c.ChangesPerMinute = 1_000_000 // most tests change more in a minute than a user does

	settings := Settings{Config: c, HashCost: cheap}
	for _, one := range change {
		one(&settings)
	}

	c = settings.Config
	if err := c.Check(); err != nil {
		tb.Fatal(err)
	}

	pool, err := pgxpool.New(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}

	tb.Cleanup(pool.Close)

	e := &Env{Clock: &Clock{}, Inbox: inbox.New(), Config: c, HashCost: settings.HashCost, networkShare: settings.NetworkShare, RefusalStep: settings.RefusalStep, Pool: pool}
	e.Server = e.Serve(tb)

	return e
}

// Serve starts another gateway on the same database, as a second replica. It stops when the test ends.
func (e *Env) Serve(tb testing.TB) *Server {
	tb.Helper()

	s := e.listen(tb, true)

	Eventually(tb, "the gateway is ready", func() bool {
		response, err := s.HTTP.Client().Get(s.URL + "/readyz")
		if err != nil {
			return false
		}
		defer response.Body.Close()

		return response.StatusCode == http.StatusOK
	})

	return s
}

// NotStarted returns another gateway on the same database that serves requests and has not started, as in the first moments
// of a process, or while the database is not migrated.
func (e *Env) NotStarted(tb testing.TB) *Server {
	tb.Helper()

	return e.listen(tb, false)
}

func (e *Env) listen(tb testing.TB, start bool) *Server {
	tb.Helper()

	s := &Server{Statements: &Statements{}, Log: &Log{}}

	var err error

	s.App, err = app.New(tb.Context(), app.Options{
		Config: e.Config,
		Log:    slog.New(slog.NewJSONHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:    e.Clock.Now,
		Tracer: s.Statements,
		Inbox:  e.Inbox,

		HashCost: e.HashCost, NetworkShare: e.networkShare, RefusalStep: e.RefusalStep,
	})
	if err != nil {
		tb.Fatal(err)
	}

	if start {
		s.App.Start()
	}

	s.HTTP = httptest.NewUnstartedServer(Conforming(tb, s.App.Handler()))
	s.HTTP.Config = app.NewServer(e.Config, s.HTTP.Config.Handler, slog.New(slog.DiscardHandler))
	s.HTTP.Start()
	s.URL = s.HTTP.URL
	s.HTTP.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = 64

	tb.Cleanup(func() {
		s.HTTP.Close()

		if !start {
			s.App.Close()

			return
		}

		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()

		_ = s.App.Stop(ctx) // a test that took its database away may see this fail
	})

	s.Client, err = client.NewClientWithResponses(s.URL, client.WithHTTPClient(s.HTTP.Client()))
	if err != nil {
		tb.Fatal(err)
	}

	return s
}

// Password is the password of every account that Account creates.
const Password = "correct horse battery staple"

// hashes are the hashes of Password, by cost. Each is computed once per process.
var hashes = map[password.Cost]func() (string, error){cheap: hashed(cheap), password.Standard: hashed(password.Standard)}

func hashed(cost password.Cost) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		hasher, err := password.NewHasher(1, cost)
		if err != nil {
			return "", err
		}

		return hasher.Hash(context.Background(), Password)
	})
}

// Account creates an account with Password, without a mail or a code.
func (e *Env) Account(tb testing.TB, email string) account.Account {
	tb.Helper()

	hash, err := hashes[cmp.Or(e.HashCost, cheap)]()
	if err != nil {
		tb.Fatal(err)
	}

	database, err := postgres.Open(tb.Context(), postgres.Options{URL: e.Config.DatabaseURL, MaxConns: 1})
	if err != nil {
		tb.Fatal(err)
	}
	defer database.Close()

	created, err := account.New(database, e.Clock.Now).Create(origin.With(tb.Context(), origin.Command("test")), account.Creation{
		Email: email, Name: "Test Person", PasswordHash: hash, MemberGroup: account.GroupNone,
	})
	if err != nil {
		tb.Fatal(err)
	}

	return created
}

// Exec executes a statement on the database, past the gateway.
func (e *Env) Exec(tb testing.TB, statement string, args ...any) {
	tb.Helper()

	if _, err := e.Pool.Exec(tb.Context(), statement, args...); err != nil {
		tb.Fatal(err)
	}
}

// SignIn signs in with an address and Password.
func (s *Server) SignIn(tb testing.TB, email string) client.Tokens {
	tb.Helper()

	response, err := s.Client.LoginWithFormdataBodyWithResponse(tb.Context(), nil, client.LoginRequest{Email: email, Password: Password})
	if err != nil {
		tb.Fatal(err)
	}

	if response.JSON200 == nil {
		tb.Fatalf("login: %s: %s", response.Status(), response.Body)
	}

	return *response.JSON200
}

// Refresh exchanges a refresh token. It returns the status, and the tokens if it is 200.
func (s *Server) Refresh(tb testing.TB, token string) (int, *client.Tokens) {
	tb.Helper()

	response, err := s.Client.RefreshWithResponse(tb.Context(), client.RefreshRequest{RefreshToken: token})
	if err != nil {
		tb.Fatal(err)
	}

	return response.StatusCode(), response.JSON200
}

// Me calls GET /api/users/me with an access token and returns the status.
func (s *Server) Me(tb testing.TB, accessToken string) (int, *client.MeResponse) {
	tb.Helper()

	response, err := s.Client.GetMeWithResponse(tb.Context(), Bearer(accessToken))
	if err != nil {
		tb.Fatal(err)
	}

	return response.StatusCode(), response.JSON200
}

// Bearer returns an option that adds an access token to a request of the generated client.
func Bearer(accessToken string) client.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+accessToken)

		return nil
	}
}

// Mail waits for a message to an address beyond the first before ones, and returns the newest.
func (e *Env) Mail(tb testing.TB, to string, before int) inbox.Message {
	tb.Helper()

	var found []inbox.Message

	Eventually(tb, "mail to "+to, func() bool {
		found = e.Mails(to)

		return len(found) > before
	})

	return found[0]
}

// Mails returns the messages to an address so far, newest first.
func (e *Env) Mails(to string) []inbox.Message {
	var found []inbox.Message

	for _, message := range e.Inbox.Messages() {
		if message.To == to {
			found = append(found, message)
		}
	}

	return found
}

// Eventually waits until a condition holds, at most half a minute.
func Eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()

	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()

	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()

	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			tb.Fatalf("waited too long until: %s", what)
		}
	}
}
