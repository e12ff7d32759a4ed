package app_test

import (
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// R-B4, R-B5, T-23: who asks for a code sees the same whoever it is for; what differs is what comes, and
// that comes to the owner: a code where it is of use, word of the account where one is there already, and
// nothing where there is nobody. A worker finds that out, with the same statements.
func TestMessageGoesToTheOwnerOnly(t *testing.T) {
	t.Parallel()

	const (
		nothing  = ""
		withCode = "a code"
		taken    = "您已经有 Toolkit 账号"
	)

	arrives := func(class string, i inquiry) string {
		resident := slices.Contains(residents, class)

		switch {
		case i.name == "send-code" && resident:
			return taken
		case i.name == "send-code":
			return withCode
		case !resident, class == classDisabled, i.byPhone && class == classWithoutPhone:
			return nothing
		}

		return withCode
	}

	for _, i := range append(publicInquiries, toolkitInquiries...) {
		if i.steps[0].want[0] != '2' {
			continue // not one that sends
		}

		t.Run(i.name, func(t *testing.T) {
			t.Parallel()

			crowd := newCrowd(t)

			crowd.settle(t)
			crowd.Clock.Advance(time.Minute)

			var control []string

			for _, class := range classes {
				before := len(crowd.Mails(i.of(class)))
				crowd.Statements.Take()

				if got := i.ask(i.of(class)).from(crowd.visitor).to(t, crowd.Server); got.status >= 300 {
					t.Fatalf("%s: %s", class, got)
				}

				crowd.settle(t)

				messages := crowd.Mails(i.of(class))
				statements := withoutChores(crowd.Statements.Take())

				if control == nil {
					control = statements
				} else if !slices.Equal(statements, control) {
					t.Errorf("%s costs %q, and the control %q", class, statements, control)
				}

				got := nothing
				if len(messages) > before {
					got = messages[0].Subject
					if messages[0].Code != "" {
						got = withCode
					}
				}

				if want := arrives(class, i); got != want || len(messages) > before+1 {
					t.Errorf("%s gets %q and %d messages, want %q", class, got, len(messages)-before, want)
				}
			}
		})
	}
}

// R-B4: even the code that nobody was sent makes no second account of a taken address, and no other answer.
func TestTakenAddress(t *testing.T) {
	t.Parallel()

	const right = "222222"

	crowd := newCrowd(t)

	register := func(class, code string) shown {
		return crowd.show(t, registerCall(addressOfClass(class), apptest.Password, code))
	}

	for _, class := range residents {
		crowd.plant(t, code.Registration, addressOfClass(class), right)
		wrong := register(class, "111111")

		if got := register(class, right); got.outside() != wrong.outside() || !got.is("CODE_INVALID") {
			t.Errorf("%s: the secret code is answered\n%s\nand a wrong one\n%s", class, got.outside(), wrong.outside())
		}

		var version int32
		if err := crowd.Pool.QueryRow(t.Context(), `SELECT version FROM account WHERE email = $1`, addressOfClass(class)).Scan(&version); err != nil || version != 0 {
			t.Errorf("%s: the account is at version %d, %v", class, version, err)
		}
	}

	// The same code registers a free address: the test knows how to make one.
	crowd.plant(t, code.Registration, addressOfClass(classUnknown), right)

	if got := register(classUnknown, right); !got.is("201") {
		t.Errorf("a planted code is answered %s", got)
	}
}
