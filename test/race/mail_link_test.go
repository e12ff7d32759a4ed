package race_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// SEC-S25, R-C3, T-04: two links and a code are in the mailbox, and twelve contenders on two gateways use them at once: one
// resets the password.
func TestRaceForResetLink(t *testing.T) {
	t.Parallel()

	g := newRaceGateway(t, withoutOtherLimits)
	r := &replicas{Env: g.Env, servers: g.gateways}

	for round := range 3 {
		user := g.newUser(t)
		first := world.MailToken(t, g.ResetMail(t, user.email))

		g.Exec(t, "TRUNCATE throttle, failure")

		mail := g.ResetMail(t, user.email)
		second := world.MailToken(t, mail)

		winners, results := 0, [world.Contenders]world.Reply{}

		r.contend(func(i int, _ *client.ClientWithResponses) {
			password := fmt.Sprintf("a horse for contender %d", i)

			switch i % 3 {
			case 0:
				results[i] = world.ResetFormCall(first, map[string]string{"password": password, "repeat": password}).To(t, g.gateways[i%2])
			case 1:
				results[i] = world.ResetFormCall(second, map[string]string{"password": password, "repeat": password}).To(t, g.gateways[i%2])
			default:
				results[i] = world.PostCall("/forget_reset", map[string]any{"email": user.email, "code": mail.Code, "password": password}).
					FromBrowser(g.Visitor).To(t, g.gateways[i%2])
			}
		})

		for i, got := range results {
			switch {
			case got.Header.Get("Location") == world.ResetDone, got.Status == http.StatusNoContent:
				winners++
			case got.Header.Get("Location") == world.ResetInvalid, got.Problem.Code == "CODE_INVALID", unavailable(got):
			default:
				t.Errorf("round %d: contender %d got %s %v", round, i, got, got.Header["Location"])
			}
		}

		if resets := queryValue[int](t, g, "SELECT count(*) FROM audit_event WHERE action = $1 AND account_id = $2", audit.PasswordReset, user.id); winners != 1 || resets != 1 {
			t.Errorf("round %d: %d winners, %d resets", round, winners, resets)
		}

		if left := queryValue[int](t, g, "SELECT count(*) FROM code WHERE purpose IN ('reset', 'reset-link')"); left != 0 {
			t.Errorf("round %d: %d codes and links are left", round, left)
		}
	}
}

// The same for a registration: one account.
func TestRaceForRegistrationLink(t *testing.T) {
	t.Parallel()

	g := newRaceGateway(t, withoutOtherLimits)
	r := &replicas{Env: g.Env, servers: g.gateways}

	for round := range 3 {
		address := g.FreeAddress()
		mail := g.SignUpMail(t, address)
		token := world.MailToken(t, mail)

		winners, results := 0, [world.Contenders]world.Reply{}

		r.contend(func(i int, _ *client.ClientWithResponses) {
			if i%3 == 0 {
				results[i] = world.OperationOf(t, "register").Call("", map[string]any{
					"username": "Racer", "email": address, "password": world.NewPassword, "verificationCode": mail.Code,
				}).To(t, g.gateways[i%2])
			} else {
				results[i] = world.SignUpFormCall(token, nil).To(t, g.gateways[i%2])
			}
		})

		for i, got := range results {
			switch {
			case got.Header.Get("Location") == world.SignUpDone, got.Status == http.StatusCreated:
				winners++
			case got.Header.Get("Location") == world.SignUpInvalid, got.Problem.Code == "CODE_INVALID", unavailable(got):
			default:
				t.Errorf("round %d: contender %d got %s %v", round, i, got, got.Header["Location"])
			}
		}

		accounts := queryValue[int](t, g, "SELECT count(*) FROM account WHERE email = $1", address)
		left := queryValue[int](t, g, "SELECT count(*) FROM code WHERE purpose IN ('registration', 'registration-link')")

		if winners != 1 || accounts != 1 || left != 0 {
			t.Errorf("round %d: %d winners, %d accounts, %d codes and links left", round, winners, accounts, left)
		}
	}
}
