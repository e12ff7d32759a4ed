package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// R-B1, R-B3, R-B5, V-23, W-14, T-23: the Toolkit surface answers every class alike, the first time and again,
// early and in time, with the same statements.
func TestToolkitAnswersEveryClassAlike(t *testing.T) {
	t.Parallel()
	compareClasses(t, toolkitInquiries)
}

// R-B1, R-B3, R-B5, V-23, W-14, T-23: the public surface does, too.
func TestPublicAnswersEveryClassAlike(t *testing.T) {
	t.Parallel()
	compareClasses(t, publicInquiries)
}

func compareClasses(t *testing.T, inquiries []inquiry) {
	t.Helper()

	for _, i := range inquiries {
		t.Run(i.name, func(t *testing.T) {
			t.Parallel()

			crowd := newCrowd(t)
			crowd.hold(t)

			for n, step := range i.steps {
				crowd.Clock.Advance(step.wait)

				controls := map[string]shown{classUnknown: crowd.inquire(t, i, classUnknown)}
				if control := controls[classUnknown]; !control.is(step.want) || len(control.statements) == 0 {
					t.Fatalf("call %d: got %s and %q, want %s", n+1, control, control.statements, step.want)
				}

				if i.password {
					controls[classHammered] = crowd.inquire(t, i, classHammered)
				}

				for _, class := range i.compared() {
					crowd.inquire(t, i, class).expectLike(t, fmt.Sprintf("call %d for %s", n+1, class), controls[i.control(class)])
				}
			}
		})
	}
}

// R-B1, T-23: what is wrong with the rest of a request is said to every class alike; and failures of long
// ago, or those that are still free, show nowhere.
func TestOddRequestsAreAnsweredAlike(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("x", 1024)
	crowd := newCrowd(t, func(c *config.Config) { c.FailuresFree = 100 })

	for want, inquiries := range map[string][]inquiry{
		"INVALID_CREDENTIALS": {
			{name: "long password", ask: func(email string) call { return loginCall(email, long) }},
			{name: "long password of a browser", ask: func(email string) call { return signInCall(email, long) }},
			{name: "with a second factor", ask: func(email string) call {
				return jsonCall(http.MethodPost, "/login", map[string]string{"email": email, "password": "wrong", "totp": "000000"})
			}},
		},
		"INVALID_REQUEST": {
			{name: "oversized password", ask: func(email string) call { return loginCall(email, long+"x") }},
			{name: "short SMS code", byPhone: true, ask: func(phone string) call { return smsCall(phone, "00000") }},
		},
		"CODE_INVALID": {
			{name: "TOTP code in two groups", ask: func(email string) call { return totpCall(email, "000 000") }},
			{name: "SMS code with a second factor", byPhone: true, ask: func(phone string) call {
				return jsonCall(http.MethodPost, "/login/sms", map[string]string{"phone": phone, "code": "000000", "totp": "000000"})
			}},
			{name: "password that is the account's name", ask: func(email string) call { return resetCall(email, "000000", "Test Person") }},
			{name: "address in capitals", ask: func(email string) call { return resetCall(strings.ToUpper(email), "000000", newPassword) }},
		},
		"PASSWORD_REFUSED": {
			{name: "common password to register", ask: func(email string) call { return registerCall(email, "password1", "000000") }},
			{name: "common password to reset", ask: func(email string) call { return resetCall(email, "000000", "password1") }},
		},
	} {
		for _, i := range inquiries {
			control := crowd.inquire(t, i, classUnknown)
			if !control.is(want) {
				t.Errorf("%s: %s, want %s", i.name, control, want)
			}

			for _, class := range i.compared() {
				crowd.inquire(t, i, class).expectLike(t, i.name+" for "+class, control)
			}
		}
	}
}

// R-B1, R-C11, T-23: on a day whose budget of failed codes is spent, who has a code waiting is told what
// everybody else is.
func TestSpentBudgetIsToldToEveryClass(t *testing.T) {
	t.Parallel()

	crowd := newCrowd(t, func(c *config.Config) { c.CodeGuessBudget, c.TOTPGuessBudget = 1, 1 })

	for _, i := range append(publicInquiries, toolkitInquiries...) {
		if i.steps[0].want != "CODE_INVALID" || strings.Contains(i.name, "recovery") {
			continue
		}

		// The first guess of somebody who has something to guess at is the only one of the day.
		crowd.inquire(t, i, classExpecting)

		control := crowd.inquire(t, i, classUnknown)
		if !control.is("TOO_MANY_REQUESTS") {
			t.Errorf("%s: %s", i.name, control)
		}

		for _, class := range i.compared() {
			crowd.inquire(t, i, class).expectLike(t, i.name+" for "+class, control)
		}
	}
}

// R-B1, T-23: who proves who they are, and may not come in, is answered like nobody.
func TestRightProofOfWhoMayNotIsAnsweredLikeNobodys(t *testing.T) {
	t.Parallel()

	const right = "222222"

	crowd := newCrowd(t)

	for _, class := range []string{classUnknown, classDisabled, classVerified} {
		crowd.plant(t, code.SignIn, phoneOfClass(class), right)
		crowd.plant(t, code.Reset, addressOfClass(class), right)
	}

	totp := func(class string) call {
		if class == classUnknown {
			return totpCall(addressOfClass(class), crowd.totp(t, crowd.secrets[classVerified], 0))
		}

		return totpCall(addressOfClass(class), crowd.totp(t, crowd.secrets[class], 0))
	}

	for _, one := range []struct {
		name    string
		call    func(class string) call
		classes []string
		success int
	}{
		{"login of an app", func(class string) call { return loginCall(addressOfClass(class), apptest.Password) }, []string{classDisabled, classPasswordless}, http.StatusOK},
		{"login", func(class string) call { return signInCall(addressOfClass(class), apptest.Password) }, []string{classDisabled, classPasswordless}, http.StatusNoContent},
		{"totp", totp, []string{classDisabled}, http.StatusNoContent},
		{"sms", func(class string) call { return smsCall(phoneOfClass(class), right) }, []string{classDisabled}, http.StatusNoContent},
		{"reset", func(class string) call { return resetCall(addressOfClass(class), right, newPassword) }, []string{classDisabled}, http.StatusNoContent},
	} {
		control := crowd.show(t, one.call(classUnknown).from(crowd.visitor))
		if control.problem.Code == "" {
			t.Fatalf("%s: %s", one.name, control)
		}

		for _, class := range one.classes {
			crowd.show(t, one.call(class).from(crowd.visitor)).expectLike(t, one.name+" of "+class, control)
		}

		if got := crowd.show(t, one.call(classVerified).from(crowd.visitor)); got.status != one.success {
			t.Errorf("%s: the proof that would be right is answered %s", one.name, got)
		}
	}
}
