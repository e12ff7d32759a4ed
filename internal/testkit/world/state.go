package world

import (
	"crypto/sha256"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// SessionOf returns the id of the session that the browser's cookie belongs to, or an empty string.
func SessionOf(t *testing.T, env *apptest.Env, b *apptest.Browser) string {
	t.Helper()

	sum := sha256.Sum256([]byte(b.Cookie("__Host-TOKEN")))

	var id string

	err := env.Pool.QueryRow(t.Context(), "SELECT coalesce(max(session_id), '') FROM session_cookie WHERE digest = $1", sum[:]).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}

	return id
}

// PublicState returns a text that changes if a call of the public surface changes anything.
func PublicState(t *testing.T, env *apptest.Env) string {
	t.Helper()

	var text string

	err := env.Pool.QueryRow(t.Context(), `
		SELECT concat_ws(' ',
			(SELECT count(*) FROM session), (SELECT count(*) FROM session WHERE revoked_at IS NULL), (SELECT count(*) FROM session_cookie),
			(SELECT count(*) FROM audit_event), (SELECT count(*) FROM code), (SELECT count(*) FROM delivery), (SELECT count(*) FROM failure),
			(SELECT sum(count) FROM throttle), (SELECT sum(sign_in_count) FROM account), (SELECT sum(version) FROM account))`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}

	return text
}

// QueryValue returns the one value that a statement returns.
func QueryValue[T any](t *testing.T, pool *pgxpool.Pool, statement string, args ...any) (value T) {
	t.Helper()

	if err := pool.QueryRow(t.Context(), statement, args...).Scan(&value); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}

	return value
}
