package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

const (
	idle     = 30 * 24 * time.Hour
	absolute = 180 * 24 * time.Hour
	perUser  = 20
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

var studio = origin.Origin{UserAgent: "Toolkit Studio"}

// env is one account, whose sessions the test opens.
type env struct {
	*session.Sessions

	db         *postgres.DB
	pool       *pgxpool.Pool // the same database, where the statements are not counted
	clock      *apptest.Clock
	statements *apptest.Statements
	account    account.Account
}

func setup(t *testing.T) *env {
	t.Helper()

	e := &env{clock: &apptest.Clock{}, statements: &apptest.Statements{}}
	url := postgrestest.New(t)

	must := func(err error) {
		t.Helper()

		if err != nil {
			t.Fatal(err)
		}
	}

	var err error

	e.pool, err = pgxpool.New(t.Context(), url)
	must(err)
	t.Cleanup(e.pool.Close)

	e.db, err = postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 4, Tracer: e.statements})
	must(err)
	t.Cleanup(e.db.Close)

	ring, err := keyring.Parse(keyring.Generate())
	must(err)

	keys := token.NewKeys(e.db, ring, time.Hour, e.clock.Now)
	must(keys.Ensure(t.Context()))

	queue, err := delivery.NewQueue(e.db, ring, e.clock.Now)
	must(err)

	e.Sessions = session.New(session.Deps{
		DB: e.db, Access: token.NewAccess(keys, "https://gateway.test", "toolkit", e.clock.Now), Refresh: token.NewRefresh(ring), Queue: queue,
		Limits: session.Limits{Idle: idle, Absolute: absolute, PerUser: perUser}, Patience: 40 * time.Second, Room: 100, Now: e.clock.Now,
	})

	e.account, err = e.accounts().Create(origin.With(t.Context(), studio), account.Creation{
		Email: "holder@konec.com.au", Name: "Holder", PasswordHash: "none", MemberGroup: account.GroupNone,
	})
	must(err)

	e.statements.Take()

	return e
}

func (e *env) accounts() *account.Accounts { return account.New(e.db, e.clock.Now) }

// open signs in.
func (e *env) open(t *testing.T) session.Tokens {
	t.Helper()

	id := session.NewID()

	tx, err := e.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	if err := e.Open(origin.With(t.Context(), studio), postgres.Tx{Tx: tx}, e.account.ID, id, session.Methods{session.ByPassword}); err != nil {
		t.Fatal(err)
	}

	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}

	tokens, err := e.Tokens(t.Context(), token.Grant{AccountID: e.account.ID, MemberGroup: e.account.MemberGroup, SessionID: id}, 0)
	if err != nil {
		t.Fatal(err)
	}

	return tokens
}

// refresh makes a successful refresh.
func (e *env) refresh(t *testing.T, text string) session.Tokens {
	t.Helper()

	tokens, err := e.Refresh(origin.With(t.Context(), studio), text)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}

	if !e.lives(t, tokens) {
		t.Fatal("the access token of a refresh is refused")
	}

	return tokens
}

// expectRefused makes a refresh that fails.
func (e *env) expectRefused(t *testing.T, text string) {
	t.Helper()

	if _, err := e.Refresh(origin.With(t.Context(), studio), text); !errors.Is(err, session.ErrRefreshTokenInvalid) {
		t.Errorf("got %v, want REFRESH_TOKEN_INVALID", err)
	}
}

// lives reports whether an access token is valid.
func (e *env) lives(t *testing.T, tokens session.Tokens) bool {
	t.Helper()

	_, err := e.Authenticate(t.Context(), tokens.Access)

	return err == nil
}

// notices counts the mails about ended sessions.
func (e *env) notices(t *testing.T) (count int) {
	t.Helper()

	err := e.pool.QueryRow(t.Context(), "SELECT count(*) FROM delivery WHERE kind = $1 AND recipient = $2",
		delivery.SessionEnded, e.account.Email).Scan(&count)
	if err != nil {
		t.Fatal(err)
	}

	return count
}
