package race_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// secrets are all kinds of secrets that somebody could guess at.
func secrets() map[string]func(*testing.T, *arena) func(round int) prize {
	list := map[string]func(*testing.T, *arena) func(round int) prize{
		"PasswordAtBothDoors": passwordAtBothDoors,
		"OldPassword":         oldPassword,
	}

	for name, prepare := range races {
		if name != "AddressOfTwo" && name != "PhoneOfTwo" { // no kinds of their own
			list[name] = prepare
		}
	}

	return list
}

func passwordAtBothDoors(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	v := a.rival(t)
	p := &world.BothSurfaces{Env: a.Env, Visitor: a.Visitor}

	return func(int) prize {
		return prize{
			code: same(apptest.Password), email: v.email, audit: []string{record(audit.SignInSucceeded, "password")},
			call: func(i int, guess string) world.Call {
				return p.SignInCall([]world.Surface{world.ToolkitSurface, world.PublicSurface}[i/2%2], spelled(v.email, i), guess)
			},
		}
	}
}

func oldPassword(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	v := a.rival(t)

	return func(round int) prize {
		old := apptest.Password
		if round > 0 {
			old = fmt.Sprintf("%s, %d", apptest.Password, round-1)
		}

		return prize{
			code: same(old), email: v.email, audit: []string{record(audit.PasswordChanged, "")},
			call: func(_ int, guess string) world.Call {
				return world.PostCall("/user/password", map[string]any{"old": guess, "password": fmt.Sprintf("%s, %d", apptest.Password, round)}).FromBrowser(v.browser)
			},
		}
	}
}

// nobodyWins makes every right guess a fault of ours, once it has been compared: whatever it opens or
// changes writes the account's row. So many were compared.
func (a *arena) nobodyWins(t *testing.T) (end func()) {
	t.Helper()
	a.Exec(t, `CREATE FUNCTION nobody_wins() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'nobody wins'; END $$`)
	a.Exec(t, "CREATE TRIGGER nobody_wins BEFORE INSERT OR UPDATE ON account FOR EACH ROW EXECUTE FUNCTION nobody_wins()")

	return func() { a.Exec(t, "DROP FUNCTION nobody_wins CASCADE") }
}

// atOnce lets so many go by one barrier, half of them through each gateway, and counts the answers.
func (a *arena) atOnce(t *testing.T, n int, next func(i int) world.Call) map[string]int {
	t.Helper()

	var (
		all     sync.WaitGroup
		mu      sync.Mutex
		barrier = make(chan struct{})
		counts  = map[string]int{}
	)

	for i := range n {
		all.Go(func() {
			c := next(i)
			<-barrier

			got := c.To(t, a.gateways[i%2])

			mu.Lock()
			defer mu.Unlock()

			counts[got.Problem.Code]++
		})
	}

	close(barrier)
	all.Wait()

	return counts
}

// R-C6, R-E2, V-06, V-07, W-4, W-8, T-05: of sixty-four guesses at once, through two gateways, no more are
// compared than are free, and the next one is not, though it is right. All of them are right, and nobody
// wins: as many as fail by our fault were compared.
func TestGuessesAtOnceShareTheLimit(t *testing.T) {
	t.Parallel()
	guessAtOnce(t, 1)
}

func guessAtOnce(t *testing.T, rounds int) {
	t.Helper()

	for name, c := range map[string]struct {
		settings func(*apptest.Settings)
		limited  func(name string) bool
		next     string // what the next one gets
	}{
		"OfThePerson": {
			settings: func(c *apptest.Settings) { usually(c); world.WithManyNetworkFailures(c) },
			limited:  func(name string) bool { return name != "AuthenticatorToBind" }, // by who is signed in
			next:     "TOO_MANY_REQUESTS",
		},
		"OfTheCode": {
			settings: patiently,
			limited: func(name string) bool {
				return map[string]bool{
					"RegistrationCode": true, "SMSCode": true, "ResetCode": true, "PhoneCode": true, "EmailCode": true, "AuthenticatorToBind": true,
				}[name]
			},
			next: "CODE_INVALID",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			a := newArena(t, c.settings)

			for secret, prepare := range secrets() {
				if !c.limited(secret) {
					continue
				}

				next := prepare(t, a)

				for range rounds {
					// A gateway that has no time says so, to all of them if need be: that round proves little.
					for range 5 {
						if a.expectFewCompared(t, secret, next(0), c.next) {
							break
						}
					}
				}
			}
		})
	}
}

// expectFewCompared answers whether as many as are free were compared, and not fewer.
func (a *arena) expectFewCompared(t *testing.T, name string, p prize, next string) (all bool) {
	t.Helper()

	const guesses = 64

	end := a.nobodyWins(t)
	counts := a.atOnce(t, guesses, func(i int) world.Call { return p.call(i, p.code(i)) })

	end()

	defer a.Exec(t, "TRUNCATE throttle, failure")

	busy := counts["UNAVAILABLE"]
	if counts["INTERNAL"] > world.MaxGuesses || counts["INTERNAL"] < world.MaxGuesses && busy == 0 || counts["INTERNAL"]+counts[next]+busy != guesses {
		t.Errorf("%s: %v, want %d comparisons, and %s for the others", name, counts, world.MaxGuesses, next)
	}

	if counts["INTERNAL"] < world.MaxGuesses {
		return false
	}

	for i := range 3 {
		got := p.call(2*i, p.code(2*i)).To(t, a.gateways[i%2])
		if got.Problem.Code != next || (world.RetryAfter(t, got) > 0) != (next == "TOO_MANY_REQUESTS") {
			t.Errorf("%s: the next one, which is right, got %s", name, got)
		}
	}

	return true
}
