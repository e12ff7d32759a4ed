package privacy_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-B4, R-B5, T-23: the response to a request for a code is the same for every address. Only the message to the owner
// differs: a code if it can be used, a notice if there is an account already, and nothing if there is no account. A
// worker finds that out, with the same statements.
func TestMessageGoesToTheOwnerOnly(t *testing.T) {
	t.Parallel()

	const (
		nothing  = ""
		withCode = "a code"
		taken    = "您已经有 Toolkit 账号"
		disabled = "您的 Toolkit 账号已被停用"
	)

	arrives := func(class string, probe world.Probe) string {
		resident := slices.Contains(world.WithAccount, class)

		switch {
		case class == world.ClassDisabled && !probe.ByPhone:
			return disabled
		case probe.Name == "send-code" && resident:
			return taken
		case probe.Name == "send-code":
			return withCode
		case !resident, class == world.ClassDisabled, probe.ByPhone && class == world.ClassWithoutPhone:
			return nothing
		}

		return withCode
	}

	for _, probe := range append(world.PublicProbes, world.ToolkitProbes...) {
		if probe.Steps[0].Want[0] != '2' {
			continue // a probe that sends nothing
		}

		t.Run(probe.Name, func(t *testing.T) {
			t.Parallel()

			population := world.NewPopulation(t)

			population.AwaitMessages(t)
			population.Clock.Advance(time.Minute)

			var control []string

			for _, class := range world.Classes {
				before := len(population.Mails(probe.Subject(class)))
				population.Statements.Take()

				if got := probe.Call(probe.Subject(class)).FromBrowser(population.Visitor).To(t, population.Server); got.Status >= 300 {
					t.Fatalf("%s: %s", class, got)
				}

				population.AwaitMessages(t)

				messages := population.Mails(probe.Subject(class))
				statements := world.WithoutMaintenance(population.Statements.Take())

				if control == nil {
					control = statements
				} else if !slices.Equal(statements, control) {
					t.Errorf("%s: the statements are %q, and those of the control %q", class, statements, control)
				}

				got := nothing
				if len(messages) > before {
					got = messages[0].Subject
					if messages[0].Code != "" {
						got = withCode
					}
				}

				if want := arrives(class, probe); got != want || len(messages) > before+1 {
					t.Errorf("%s gets %q and %d messages, want %q", class, got, len(messages)-before, want)
				}
			}
		})
	}
}

// IN-K16: a user whose account was deleted learns so, and until when it can be restored, when asking for a code. To sign in or to
// reset the password would not help.
func TestDeletedUserIsToldSo(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	email, _ := g.NewUser(t)
	deletedAt := g.Clock.Now().Truncate(time.Second)

	g.Exec(t, `UPDATE account SET status = 'deleted', deleted_at = $1 WHERE email = $2`, deletedAt, email)
	g.Clock.Advance(time.Minute)

	until := deletedAt.Add(g.Config.AccountRetention).UTC().Format("2006年1月2日 15:04（UTC）")

	for _, path := range []string{"/api/users/register/send-code", "/api/auth/login/email/send-code", "/forget_code"} {
		seen := len(g.Mails(email))

		call := world.Call{Method: http.MethodPost, Path: path, Body: `{"email":"` + email + `"}`, Header: http.Header{"Content-Type": {"application/json"}}}
		if path == "/forget_code" {
			call = world.Call{Method: http.MethodGet, Path: path, Query: url.Values{"email": {email}}.Encode(), Header: http.Header{"Sec-Fetch-Site": {"same-origin"}}}
		}

		if got := call.To(t, g.Server); got.Status >= 300 {
			t.Fatalf("%s: %s", path, got)
		}

		apptest.Eventually(t, "the mail", func() bool { return len(g.Mails(email)) > seen })

		if mail := g.Mails(email)[0]; mail.Subject != "您的 Toolkit 账号已被删除" || !strings.Contains(mail.Text, until) || mail.Code != "" {
			t.Errorf("%s: %+v", path, mail)
		}
	}
}

// R-B4: even the code that was never sent creates no second account of a taken address, and gets no other response.
func TestTakenAddress(t *testing.T) {
	t.Parallel()

	const right = "222222"

	population := world.NewPopulation(t)

	register := func(class, code string) world.Observation {
		return population.Observe(t, world.RegisterCall(world.AddressOfClass(class), apptest.Password, code))
	}

	for _, class := range world.WithAccount {
		population.PlantCode(t, code.Registration, world.AddressOfClass(class), right)
		wrong := register(class, "111111")

		if got := register(class, right); got.Visible() != wrong.Visible() || !got.Matches("CODE_INVALID") {
			t.Errorf("%s: the response to the secret code is\n%s\nand to a wrong one\n%s", class, got.Visible(), wrong.Visible())
		}

		var version int32
		if err := population.Pool.QueryRow(t.Context(), `SELECT version FROM account WHERE email = $1`, world.AddressOfClass(class)).Scan(&version); err != nil || version != 0 {
			t.Errorf("%s: the account is at version %d, %v", class, version, err)
		}
	}

	// The same code registers a free address, so the planted codes are valid.
	population.PlantCode(t, code.Registration, world.AddressOfClass(world.ClassUnknown), right)

	if got := register(world.ClassUnknown, right); !got.Matches("201") {
		t.Errorf("the response to a planted code is %s", got)
	}
}
