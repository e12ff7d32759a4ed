package privacy_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-B1, R-B3, R-B5, V-23, W-14, T-23: the responses of the Toolkit surface are the same for every class, the first time
// and later, before and after the delay, with the same statements.
func TestToolkitResponsesAreTheSameForEveryClass(t *testing.T) {
	t.Parallel()
	compareClasses(t, world.ToolkitProbes)
}

// R-B1, R-B3, R-B5, V-23, W-14, T-23: so are those of the public surface.
func TestPublicResponsesAreTheSameForEveryClass(t *testing.T) {
	t.Parallel()
	compareClasses(t, world.PublicProbes)
}

func compareClasses(t *testing.T, probes []world.Probe) {
	t.Helper()

	for _, probe := range probes {
		t.Run(probe.Name, func(t *testing.T) {
			t.Parallel()

			population := world.NewPopulation(t)
			population.HoldMessages(t)

			for n, step := range probe.Steps {
				population.Clock.Advance(step.Wait)

				controls := map[string]world.Observation{world.ClassUnknown: population.Run(t, probe, world.ClassUnknown)}
				if control := controls[world.ClassUnknown]; !control.Matches(step.Want) || len(control.Statements) == 0 {
					t.Fatalf("call %d: got %s and %q, want %s", n+1, control, control.Statements, step.Want)
				}

				if probe.Password {
					controls[world.ClassGuessed] = population.Run(t, probe, world.ClassGuessed)
				}

				for _, class := range probe.ComparedClasses() {
					population.Run(t, probe, class).ExpectSame(t, fmt.Sprintf("call %d for %s", n+1, class), controls[probe.ControlClass(class)])
				}
			}
		})
	}
}

// R-B1, T-23: faults in the rest of a request get the same response for every class. Failures of long ago, and those
// without a delay, do not show.
func TestInvalidRequestsGetTheSameResponse(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("x", 1024)
	population := world.NewPopulation(t, func(c *apptest.Settings) { c.FailuresFree = 100 })

	for want, probes := range map[string][]world.Probe{
		"INVALID_CREDENTIALS": {
			{Name: "long password", Call: func(email string) world.Call { return world.LoginCall(email, long) }},
			{Name: "long password of a browser", Call: func(email string) world.Call { return world.SignInCall(email, long) }},
			{Name: "with a second factor", Call: func(email string) world.Call {
				return world.JSONCall(http.MethodPost, "/login", map[string]string{"email": email, "password": "wrong", "totp": "000000"})
			}},
		},
		"INVALID_REQUEST": {
			{Name: "oversized password", Call: func(email string) world.Call { return world.LoginCall(email, long+"x") }},
			{Name: "short SMS code", ByPhone: true, Call: func(phone string) world.Call { return world.SMSCall(phone, "00000") }},
		},
		"CODE_INVALID": {
			{Name: "TOTP code in two groups", Call: func(email string) world.Call { return world.TOTPCall(email, "000 000") }},
			{Name: "SMS code with a second factor", ByPhone: true, Call: func(phone string) world.Call {
				return world.JSONCall(http.MethodPost, "/login/sms", map[string]string{"phone": phone, "code": "000000", "totp": "000000"})
			}},
			{Name: "password that is the account's name", Call: func(email string) world.Call { return world.ResetCall(email, "000000", "Test Person") }},
			{Name: "address in capitals", Call: func(email string) world.Call {
				return world.ResetCall(strings.ToUpper(email), "000000", world.NewPassword)
			}},
		},
		"PASSWORD_REFUSED": {
			{Name: "common password to register", Call: func(email string) world.Call { return world.RegisterCall(email, "password1", "000000") }},
			{Name: "common password to reset", Call: func(email string) world.Call { return world.ResetCall(email, "000000", "password1") }},
		},
	} {
		for _, probe := range probes {
			control := population.Run(t, probe, world.ClassUnknown)
			if !control.Matches(want) {
				t.Errorf("%s: %s, want %s", probe.Name, control, want)
			}

			for _, class := range probe.ComparedClasses() {
				population.Run(t, probe, class).ExpectSame(t, probe.Name+" for "+class, control)
			}
		}
	}
}

// R-B1, R-C11, T-23: on a day whose budget of failed codes is spent, an address with a pending code gets the same
// response as all others.
func TestSpentBudgetIsReportedToEveryClass(t *testing.T) {
	t.Parallel()

	population := world.NewPopulation(t, func(c *apptest.Settings) { c.CodeGuessBudget, c.TOTPGuessBudget = 1, 1 })

	for _, probe := range append(world.PublicProbes, world.ToolkitProbes...) {
		if probe.Steps[0].Want != "CODE_INVALID" || strings.Contains(probe.Name, "recovery") || probe.Name == "register" {
			continue
		}

		// The first guess at an address with a pending code is the only one of the day.
		population.Run(t, probe, world.ClassExpecting)

		control := population.Run(t, probe, world.ClassUnknown)
		if !control.Matches("TOO_MANY_REQUESTS") {
			t.Errorf("%s: %s", probe.Name, control)
		}

		for _, class := range probe.ComparedClasses() {
			population.Run(t, probe, class).ExpectSame(t, probe.Name+" for "+class, control)
		}
	}
}

// R-B1, T-23: a user with the right proof who may not sign in gets the same response as an unknown address.
func TestRightProofOfARefusedAccountRevealsNothing(t *testing.T) {
	t.Parallel()

	const right = "222222"

	population := world.NewPopulation(t)
	population.HoldMessages(t) // a success sends one

	totpCode := func(class string) string {
		if class == world.ClassUnknown {
			class = world.ClassVerified
		}

		return population.TOTPCode(t, population.Secrets[class], 0)
	}
	totp := func(class string) world.Call { return world.TOTPCall(world.AddressOfClass(class), totpCode(class)) }
	appTOTP := func(class string) world.Call {
		return world.AppTOTPCall(world.AddressOfClass(class), totpCode(class))
	}

	for _, one := range []struct {
		name    string
		call    func(class string) world.Call
		classes []string
		success int
	}{
		{"login of an app", func(class string) world.Call { return world.LoginCall(world.AddressOfClass(class), apptest.Password) }, []string{world.ClassDisabled, world.ClassPasswordless}, http.StatusOK},
		{"login", func(class string) world.Call { return world.SignInCall(world.AddressOfClass(class), apptest.Password) }, []string{world.ClassDisabled, world.ClassPasswordless}, http.StatusNoContent},
		{"totp of an app", appTOTP, []string{world.ClassDisabled}, http.StatusOK},
		{"totp", totp, []string{world.ClassDisabled}, http.StatusNoContent},
		{"sms of an app", func(class string) world.Call { return world.AppSMSCall(world.PhoneOfClass(class), right) }, []string{world.ClassDisabled}, http.StatusOK},
		{"sms", func(class string) world.Call { return world.SMSCall(world.PhoneOfClass(class), right) }, []string{world.ClassDisabled}, http.StatusNoContent},
		{"mail of an app", func(class string) world.Call { return world.AppMailCall(world.AddressOfClass(class), right) }, []string{world.ClassDisabled}, http.StatusOK},
		{"mail", func(class string) world.Call { return world.MailCall(world.AddressOfClass(class), right) }, []string{world.ClassDisabled}, http.StatusNoContent},
		{"reset of an app", func(class string) world.Call {
			return world.AppResetCall(world.AddressOfClass(class), right, world.NewPassword)
		}, []string{world.ClassDisabled}, http.StatusOK},
		{"reset", func(class string) world.Call {
			return world.ResetCall(world.AddressOfClass(class), right, world.NewPassword)
		}, []string{world.ClassDisabled}, http.StatusNoContent},
	} {
		population.Clock.Advance(30 * time.Second) // to the next code of the authenticators

		for _, class := range []string{world.ClassUnknown, world.ClassDisabled, world.ClassVerified} {
			population.PlantCode(t, code.SignIn, world.PhoneOfClass(class), right)
			population.PlantCode(t, code.SignInMail, world.AddressOfClass(class), right)
			population.PlantCode(t, code.Reset, world.AddressOfClass(class), right)
		}

		control := population.Observe(t, one.call(world.ClassUnknown).FromBrowser(population.Visitor))
		if control.Problem.Code == "" {
			t.Fatalf("%s: %s", one.name, control)
		}

		for _, class := range one.classes {
			population.Observe(t, one.call(class).FromBrowser(population.Visitor)).ExpectSame(t, one.name+" of "+class, control)
		}

		if got := population.Observe(t, one.call(world.ClassVerified).FromBrowser(population.Visitor)); got.Status != one.success {
			t.Errorf("%s: the response to the right proof is %s", one.name, got)
		}
	}
}
