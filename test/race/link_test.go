package app_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
)

// R-C3, T-04: a link and a code change the address once, whoever is first. Who presses the button of the
// page is never told that the address has not changed, when it has.
func TestRaceForEmailLink(t *testing.T) {
	t.Parallel()
	raceForEmailLink(t, 3)
}

func raceForEmailLink(t *testing.T, rounds int) {
	t.Helper()

	var (
		a    = newArena(t, patiently)
		r    = &ring{Env: a.Env, gateways: a.gateways}
		v    = a.rival(t)
		told = map[string]int{}
	)

	for round := range rounds {
		v.again(t, a, round)

		email := fmt.Sprintf("linked.%d@konec.com.au", round)
		link := a.linked(t, v.browser, email)
		plain := a.Mail(t, email, 0).Code

		press := call{method: http.MethodPost, path: "/confirm_email", body: "token=" + link.Query().Get("token")}.
			with("Content-Type", "application/x-www-form-urlencoded").
			with("Origin", "https://gateway.test").with("Sec-Fetch-Site", "same-origin")

		var results [contenders]reply

		r.contend(func(i int, _ *client.ClientWithResponses) {
			if i/2%2 == 0 {
				results[i] = press.to(t, a.gateways[i%2])
			} else {
				results[i] = v.moveTo(email, plain).to(t, a.gateways[i%2])
			}
		})

		for i, got := range results {
			told[got.problem.Code+got.header.Get("Location")]++

			switch {
			case i/2%2 == 0 && got.status == http.StatusSeeOther && got.header.Get("Location") == linkChanged:
			case i/2%2 == 1 && (got.status == http.StatusNoContent || got.problem.Code == "CODE_INVALID"):
			case unavailable(got):
			default:
				t.Errorf("round %d: contender %d got %s %v", round, i, got, got.header["Location"])
			}
		}

		changes := value[int](t, a, "SELECT count(*) FROM audit_event WHERE action = $1", audit.EmailChanged)
		if now := value[string](t, a, "SELECT email FROM account WHERE id = $1", v.id); changes != round+1 || now != email {
			t.Fatalf("round %d: %d changes, and the address is %s", round, changes, now)
		}

		a.Exec(t, "TRUNCATE throttle, failure")
	}

	t.Logf("link and code: %d rounds of %d contenders on 2 gateways, one change each; they got %v", rounds, contenders, told)
}
