package privacy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-B6, R-B5, T-23: a user who asks for an address or a phone that may be another's learns nothing, and is delayed
// alike, until they have proved control of it.
func TestTakenAddressIsRevealedToItsOwnerOnly(t *testing.T) {
	t.Parallel()

	for _, c := range []struct {
		name      string
		of        func(class string) string
		ask       func(to string) world.Call
		prove     func(to, code string) world.Call
		taken     string
		available []string // the classes without an account that has it
	}{
		{
			"e-mail", world.AddressOfClass, func(to string) world.Call { return world.EmailCall(to, "") }, world.EmailCall, "EMAIL_TAKEN",
			world.WithoutAccount,
		},
		{
			"phone", world.PhoneOfClass, world.PhoneCodeCall, world.BindPhoneCall, "PHONE_TAKEN",
			append([]string{world.ClassWithoutPhone}, world.WithoutAccount...),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()

			population := world.NewPopulation(t)
			population.HoldMessages(t)
			population.Clock.Advance(time.Minute) // after the request of the class moving

			browsers := map[string]*apptest.Browser{}

			for n, class := range world.Classes {
				address := fmt.Sprintf("asker.%02d@konec.test", n)
				population.Account(t, address)
				browsers[class] = population.SignedIn(t, address)
			}

			guess := func(to string) world.Call { return c.prove(to, "000000") }

			for n, one := range []struct {
				world.ProbeStep

				call func(to string) world.Call
			}{
				{world.ProbeStep{Want: "CODE_INVALID"}, guess},
				{world.ProbeStep{Want: "204"}, c.ask},
				{world.ProbeStep{Want: "TOO_MANY_REQUESTS"}, c.ask},
				{world.ProbeStep{Want: "CODE_INVALID"}, guess},
				{world.ProbeStep{Want: "CODE_INVALID"}, guess},
				{world.ProbeStep{Wait: time.Minute, Want: "204"}, c.ask},
				{world.ProbeStep{Want: "CODE_INVALID"}, guess},
				{world.ProbeStep{Want: "CODE_INVALID"}, guess},
				{world.ProbeStep{Want: "TOO_MANY_REQUESTS"}, guess},
			} {
				population.Clock.Advance(one.Wait)

				control := population.Observe(t, one.call(c.of(world.ClassUnknown)).FromBrowser(browsers[world.ClassUnknown]))
				if !control.Matches(one.Want) {
					t.Fatalf("call %d: got %s, want %s", n+1, control, one.Want)
				}

				for _, class := range world.Classes[1:] {
					population.Observe(t, one.call(c.of(class)).FromBrowser(browsers[class])).ExpectSame(t, fmt.Sprintf("call %d for %s", n+1, class), control)
				}
			}

			population.Clock.Advance(world.FirstWait)
			population.ReleaseMessages(t)

			for _, class := range world.Classes {
				want := c.taken
				if slices.Contains(c.available, class) {
					want = "204"
				}

				messages := population.Mails(c.of(class))
				if len(messages) == 0 {
					t.Fatalf("no code was sent to %s", class)
				}

				got := population.Observe(t, c.prove(c.of(class), messages[0].Code).FromBrowser(browsers[class]))
				if !got.Matches(want) {
					t.Errorf("the response to the right code for %s is %s, want %s", class, got, want)
				}
			}
		})
	}
}
