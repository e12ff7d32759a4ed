package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// R-B6, R-B5, T-23: who asks for an address or a phone that may be another's learns nothing, and waits as
// long, until they have proved that it is theirs.
func TestWhatIsTakenShowsOnlyToItsOwner(t *testing.T) {
	t.Parallel()

	for _, c := range []struct {
		name      string
		of        func(class string) string
		ask       func(to string) call
		prove     func(to, code string) call
		taken     string
		available []string // the classes that have no account with it
	}{
		{
			"e-mail", addressOfClass, func(to string) call { return emailCall(to, "") }, emailCall, "EMAIL_TAKEN",
			newcomers,
		},
		{
			"phone", phoneOfClass, phoneCodeCall, bindPhoneCall, "PHONE_TAKEN",
			append([]string{classWithoutPhone}, newcomers...),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			crowd := newCrowd(t)
			crowd.hold(t)
			crowd.Clock.Advance(time.Minute) // since moving has asked

			askers := map[string]*apptest.Browser{}

			for n, class := range classes {
				address := fmt.Sprintf("asker.%02d@konec.test", n)
				crowd.Account(t, address)
				askers[class] = crowd.SignedIn(t, address)
			}

			guess := func(to string) call { return c.prove(to, "000000") }

			for n, one := range []struct {
				step

				call func(to string) call
			}{
				{step{0, "CODE_INVALID"}, guess},
				{step{0, "204"}, c.ask},
				{step{0, "TOO_MANY_REQUESTS"}, c.ask},
				{step{0, "CODE_INVALID"}, guess},
				{step{0, "CODE_INVALID"}, guess},
				{step{time.Minute, "204"}, c.ask},
				{step{0, "CODE_INVALID"}, guess},
				{step{0, "CODE_INVALID"}, guess},
				{step{0, "TOO_MANY_REQUESTS"}, guess},
			} {
				crowd.Clock.Advance(one.wait)

				control := crowd.show(t, one.call(c.of(classUnknown)).from(askers[classUnknown]))
				if !control.is(one.want) {
					t.Fatalf("call %d: got %s, want %s", n+1, control, one.want)
				}

				for _, class := range classes[1:] {
					crowd.show(t, one.call(c.of(class)).from(askers[class])).expectLike(t, fmt.Sprintf("call %d for %s", n+1, class), control)
				}
			}

			crowd.Clock.Advance(firstWait)
			crowd.release(t)

			for _, class := range classes {
				want := c.taken
				if slices.Contains(c.available, class) {
					want = "204"
				}

				messages := crowd.Mails(c.of(class))
				if len(messages) == 0 {
					t.Fatalf("no code came for %s", class)
				}

				got := crowd.show(t, c.prove(c.of(class), messages[0].Code).from(askers[class]))
				if !got.is(want) {
					t.Errorf("the right code for %s is answered %s, want %s", class, got, want)
				}
			}
		})
	}
}
