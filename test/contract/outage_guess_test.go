package contract_test

import (
	"fmt"
	"net/http"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// An outage between a right guess and what it allows, such as a full disk, is not the caller's fault: however often the
// caller repeats the request, it works afterwards. A code may be guessed five times, and five failures in a row are free.
func TestOutageCountsNoRightGuess(t *testing.T) {
	t.Parallel()

	// Each call holds its place at the hash gate while it waits for the database.
	g := world.NewGateway(t, func(c *apptest.Settings) { c.HashConcurrency = 16 })
	calls := map[string]world.Call{}
	wanted := map[string]string{}

	for _, one := range scenarios {
		if one.state != healthy || one.status[0] != '2' {
			continue
		}

		switch one.operation {
		case "register", "signInWithTOTP", "bindPhone", "login", "reauthenticate":
			calls[one.operation] = one.call(t, g, operation(t, one.operation))
			wanted[one.operation] = one.status
		}
	}

	address, browser := g.NewUser(t)
	secret := g.BindAuthenticator(t, browser)
	g.RequireSecondFactor(t, address)

	second := map[string]any{"email": address, "password": apptest.Password, "totp": g.TOTPCode(t, secret, 1)}
	calls["signIn with two factors"] = world.PostCall("/login", second).FromBrowser(g.Visitor)
	wanted["signIn with two factors"] = "204"

	// Every change of an account is recorded, and the disk has no room for that.
	g.Exec(t, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no space left' USING ERRCODE = '53100'; END $$`)
	g.Exec(t, `CREATE TRIGGER full_disk BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION full_disk()`)

	var waiting errgroup.Group

	for name, call := range calls {
		waiting.Go(func() error {
			for range 6 {
				if got := call.To(t, g.Server); got.Status != http.StatusServiceUnavailable {
					t.Errorf("%s during the outage: %s", name, got)
				}
			}

			return nil
		})
	}

	_ = waiting.Wait()

	g.Exec(t, `DROP TRIGGER full_disk ON audit_event`)

	for name, call := range calls {
		if got := call.To(t, g.Server); fmt.Sprint(got.Status) != wanted[name] {
			t.Errorf("%s after the outage: %s", name, got)
		}
	}
}
