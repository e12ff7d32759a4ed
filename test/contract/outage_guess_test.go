package contract_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// An outage between a right guess and what it allows, such as a full disk, is not the caller's fault: however often the
// caller repeats the request, it works afterwards. A code may be guessed five times, and five failures in a row are free.
func TestOutageCountsNoRightGuess(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	calls := map[string]world.Call{}
	wanted := map[string]string{}

	for _, one := range scenarios {
		if one.state != healthy || one.status[0] != '2' {
			continue
		}

		switch one.operation {
		case "register", "resetPassword", "signInWithCode", "signInWithTOTP", "bindPhone", "login", "signIn", "changePassword", "reauthenticate", "reauthenticateBrowser":
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

	// Every change of an account is recorded. A fault of ours is answered at once, a full disk after two seconds.
	g.Exec(t, `CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'test' USING ERRCODE = TG_ARGV[0]; END $$`)
	g.Exec(t, `CREATE TRIGGER fails BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION fails('XX000')`)

	for name, call := range calls {
		for range 6 {
			if got := call.To(t, g.Server); got.Status != http.StatusInternalServerError {
				t.Errorf("%s during the fault: %s", name, got)
			}
		}
	}

	g.Exec(t, `DROP TRIGGER fails ON audit_event`)
	g.Exec(t, `CREATE TRIGGER fails BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION fails('53100')`)

	var waiting sync.WaitGroup

	for _, name := range []string{"bindPhone", "login"} {
		waiting.Go(func() {
			for range 6 {
				if got := calls[name].To(t, g.Server); got.Status != http.StatusServiceUnavailable {
					t.Errorf("%s during the outage: %s", name, got)
				}
			}
		})
	}

	waiting.Wait()
	g.Exec(t, `DROP TRIGGER fails ON audit_event`)

	for name, call := range calls {
		if got := call.To(t, g.Server); fmt.Sprint(got.Status) != wanted[name] {
			t.Errorf("%s after the outage: %s", name, got)
		}
	}
}
