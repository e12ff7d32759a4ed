package signin_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/pgproxy"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-E4, R-M3, T-36: an attempt whose count was committed, but whose COMMIT was not confirmed, counts once. The right
// password is not delayed by itself, and a wrong one counts once.
func TestAttemptWithALostCountCountsOnce(t *testing.T) {
	t.Parallel()

	proxy := pgproxy.New(t, postgrestest.New(t))
	env := apptest.On(t, proxy.URL, func(c *apptest.Settings) { c.FailuresFree = 1 })
	b := &world.BothSurfaces{Env: env, Visitor: env.Browser(t)}

	env.Account(t, world.PersonEmail)
	b.Visitor.Load(t)

	for _, surface := range []world.Surface{world.ToolkitSurface, world.PublicSurface} {
		for _, c := range []struct {
			password, want string
			failures       int
		}{
			{apptest.Password, "", 0},
			{"wrong", "INVALID_CREDENTIALS", 1},
		} {
			cut := proxy.Inject(pgproxy.AtStatement("FailureAttempt"), pgproxy.CutAfter)

			got := b.SignInCall(surface, world.PersonEmail, c.password).To(t, env.Server)
			if got.Problem.Code != c.want || got.Status == http.StatusTooManyRequests {
				t.Errorf("%s: %s", surface, got)
			}

			select {
			case <-cut.Reached:
			default:
				t.Error("nothing was cut: the test proves nothing")
			}

			var failures, network int

			err := env.Pool.QueryRow(t.Context(), `SELECT
				(SELECT coalesce(max(count), 0) FROM failure), (SELECT coalesce(max(count), 0) FROM throttle WHERE key LIKE 'failures %')`).Scan(&failures, &network)
			if err != nil || failures != c.failures || network != c.failures {
				t.Errorf("%s: %d failures of the user, %d of the network, %v; want %d", surface, failures, network, err, c.failures)
			}
		}

		if _, err := env.Pool.Exec(t.Context(), "TRUNCATE throttle, failure"); err != nil {
			t.Fatal(err)
		}
	}
}
