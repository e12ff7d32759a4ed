package signin_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// SEC "Nits": a group that begins to require a second factor after the account was read, and before the session is
// opened, lets no one in with one factor. The trigger changes the group in between: each attempt is counted before it is
// compared.
func TestFactorRequiredMeanwhileIsAskedFor(t *testing.T) {
	t.Parallel()

	for name, call := range map[string]func(email, password string) world.Call{"app": world.LoginCall, "browser": world.SignInCall} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			g := world.NewGateway(t)
			email, _ := g.NewUser(t)
			g.Exec(t, "UPDATE account SET member_group = 'Tester' WHERE email = $1", email)

			g.Exec(t, `CREATE FUNCTION require() RETURNS trigger LANGUAGE plpgsql AS
				$$ BEGIN UPDATE member_group SET requires_totp = true WHERE name = 'Tester'; RETURN NEW; END $$`)
			g.Exec(t, `CREATE TRIGGER require AFTER INSERT OR UPDATE ON failure FOR EACH ROW EXECUTE FUNCTION require()`)

			before := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM session")

			got := call(email, apptest.Password).FromBrowser(g.Visitor).To(t, g.Server)
			if got.Status == http.StatusOK || got.Status == http.StatusNoContent || got.Problem.Code != "TOTP_REQUIRED" {
				t.Errorf("one factor: %s", got)
			}

			if after := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM session"); after != before {
				t.Errorf("%d sessions were opened", after-before)
			}
		})
	}
}
