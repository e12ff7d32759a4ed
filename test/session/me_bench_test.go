package session_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// BenchmarkMe measures the whole handler of GET /api/users/me with a real Postgres and without TCP.
func BenchmarkMe(b *testing.B) {
	env := apptest.New(b, func(c *apptest.Settings) { c.DatabaseMaxConns = 4 })
	env.Account(b, "me@example.com")
	tokens := env.SignIn(b, "me@example.com")
	handler := env.App.Handler()

	b.ReportAllocs()

	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/api/users/me", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+tokens.AccessToken)
		r.Header.Set("Accept", "application/json")

		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)

		if w.Code != http.StatusOK {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
}
