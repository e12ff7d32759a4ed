package token_test

import (
	"context"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/tokentest"
)

const (
	issuer   = "https://gateway.test"
	audience = "toolkit"
	lifetime = time.Hour
	account  = "0123456789abcdef01234567"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

// env is one database, one master key and one clock, for any number of replicas.
type env struct {
	url   string
	ring  *keyring.Keyring
	clock *apptest.Clock
	pool  *pgxpool.Pool
}

// replica is the part of one gateway.
type replica struct {
	keys   *token.Keys
	access *token.Access
}

func setup(t testing.TB) *env {
	t.Helper()

	ring, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}

	e := &env{url: postgrestest.New(t), ring: ring, clock: &apptest.Clock{}}

	e.pool, err = pgxpool.New(t.Context(), e.url)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(e.pool.Close)

	return e
}

// keys returns those of one more replica, not loaded yet.
func (e *env) keys(t testing.TB) *token.Keys {
	t.Helper()

	database, err := postgres.Open(t.Context(), postgres.Options{URL: e.url, MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(database.Close)

	return token.NewKeys(database, e.ring, lifetime, e.clock.Now)
}

// replica returns one more, ready to use.
func (e *env) replica(t testing.TB) replica {
	t.Helper()

	keys := e.keys(t)
	if err := keys.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}

	return replica{keys: keys, access: token.NewAccess(keys, issuer, audience, e.clock.Now)}
}

func (r replica) issue(t *testing.T) string {
	t.Helper()

	text, _, err := r.access.Issue(t.Context(), token.Grant{AccountID: account, SessionID: session.NewID(), MemberGroup: "None"})
	if err != nil {
		t.Fatal(err)
	}

	return text
}

// forger is an attacker who knows everything, the newest signing key included.
func (e *env) forger(t *testing.T) tokentest.Issuer {
	t.Helper()

	var (
		id     string
		sealed []byte
	)

	err := e.pool.QueryRow(t.Context(), "SELECT id, private_key FROM signing_key ORDER BY created_at DESC LIMIT 1").Scan(&id, &sealed)
	if err != nil {
		t.Fatal(err)
	}

	seed, err := e.ring.Open(sealed, "signing_key", "private_key", id)
	if err != nil {
		t.Fatal(err)
	}

	return tokentest.Issuer{
		KeyID: id, Private: ed25519.NewKeyFromSeed(seed), Issuer: issuer, Audience: audience,
		AccountID: account, SessionID: session.NewID(), Now: e.clock.Now(),
	}
}

func (r replica) accepts(ctx context.Context, text string) bool {
	_, err := r.access.Verify(ctx, text)

	return err == nil
}
