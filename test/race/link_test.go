package race_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-C3, T-04: a link and a code change the address once, whichever is first. The page of the link never reports a
// failure if the address has changed.
func TestRaceForEmailLink(t *testing.T) {
	t.Parallel()
	raceForEmailLink(t, 3)
}

func raceForEmailLink(t *testing.T, rounds int) {
	t.Helper()

	var (
		g         = newRaceGateway(t, withoutOtherLimits)
		r         = &replicas{Env: g.Env, servers: g.gateways}
		user      = g.newUser(t)
		responses = map[string]int{}
	)

	for round := range rounds {
		user.signInAgain(t, g, round)

		email := fmt.Sprintf("linked.%d@konec.com.au", round)
		link := g.EmailLink(t, user.browser, email)
		plain := g.Mail(t, email, 0).Code

		press := world.Call{Method: http.MethodPost, Path: "/confirm_email", Body: "token=" + link.Query().Get("token")}.
			With("Content-Type", "application/x-www-form-urlencoded").
			With("Origin", "https://gateway.test").With("Sec-Fetch-Site", "same-origin")

		var results [world.Contenders]world.Reply

		r.contend(func(i int, _ *client.ClientWithResponses) {
			if i/2%2 == 0 {
				results[i] = press.To(t, g.gateways[i%2])
			} else {
				results[i] = user.changeEmailCall(email, plain).To(t, g.gateways[i%2])
			}
		})

		for i, got := range results {
			responses[got.Problem.Code+got.Header.Get("Location")]++

			switch {
			case i/2%2 == 0 && got.Status == http.StatusSeeOther && got.Header.Get("Location") == world.LinkChanged:
			case i/2%2 == 1 && (got.Status == http.StatusNoContent || got.Problem.Code == "CODE_INVALID"):
			case unavailable(got):
			default:
				t.Errorf("round %d: contender %d got %s %v", round, i, got, got.Header["Location"])
			}
		}

		changes := queryValue[int](t, g, "SELECT count(*) FROM audit_event WHERE action = $1", audit.EmailChanged)
		if now := queryValue[string](t, g, "SELECT email FROM account WHERE id = $1", user.id); changes != round+1 || now != email {
			t.Fatalf("round %d: %d changes, and the address is %s", round, changes, now)
		}

		g.Exec(t, "TRUNCATE throttle, failure")
	}

	t.Logf("link and code: %d rounds of %d contenders on 2 gateways, one change each; responses %v", rounds, world.Contenders, responses)
}
