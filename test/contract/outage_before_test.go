package contract_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-E6: an outage before a code is compared forgets no earlier failure. Otherwise a stranger who can make the database wait,
// say with many requests, could guess without end.
func TestOutageForgetsNoWrongGuess(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	g.Clock.Stop()

	address, browser := g.NewUser(t)
	g.BindAuthenticator(t, browser)
	g.RequireSecondFactor(t, address)

	owner, app := g.NewUser(t)
	g.BindAuthenticator(t, app)

	calls := map[string]world.Call{
		"signInWithTOTP": withValues(g, operation(t, "signInWithTOTP"), map[string]any{"email": owner}),
		"login": world.PostCall("/login", map[string]any{
			"email": address, "password": apptest.Password, "totp": "000000",
		}).FromBrowser(g.Visitor),
	}

	const guesses = 3

	for name, call := range calls {
		for range guesses {
			if got := call.To(t, g.Server); got.Status != http.StatusBadRequest {
				t.Fatalf("%s, a wrong guess: %s", name, got)
			}
		}
	}

	failures := func() int { return g.Count(t, "SELECT coalesce(sum(count), 0)::int FROM failure") }

	before := failures()
	if before < guesses*len(calls) {
		t.Fatalf("%d failures are counted", before)
	}

	expectOutage := func(name string) {
		if got := calls[name].To(t, g.Server); got.Status != http.StatusServiceUnavailable {
			t.Errorf("%s during the outage: %s", name, got)
		}
	}

	// A code alone is counted at its authenticator, and the disk has no room for that.
	g.Exec(t, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no space left' USING ERRCODE = '53100'; END $$`)
	g.Exec(t, `CREATE TRIGGER full_disk BEFORE UPDATE ON totp FOR EACH ROW EXECUTE FUNCTION full_disk()`)
	expectOutage("signInWithTOTP")
	g.Exec(t, `DROP TRIGGER full_disk ON totp`)

	// A second factor is only read there.
	lock, err := g.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	if _, err := lock.Exec(t.Context(), "LOCK TABLE totp IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}

	expectOutage("login")

	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}

	if after := failures(); after < before {
		t.Errorf("%d of %d failures are left after the outage", after, before)
	}
}
