package race_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// guessedSecrets are all kinds of secrets that an attacker could guess at.
func guessedSecrets() map[string]func(*testing.T, *raceGateway) func(round int) raceRound {
	list := map[string]func(*testing.T, *raceGateway) func(round int) raceRound{
		"PasswordOnBothSurfaces": passwordOnBothSurfaces,
		"OldPassword":            oldPassword,
	}

	for name, prepare := range races {
		// The first two are not kinds of their own; a recovery code, which stands behind a password, cannot be guessed.
		if name != "AddressOfTwo" && name != "PhoneOfTwo" && name != "RecoveryCode" {
			list[name] = prepare
		}
	}

	return list
}

func passwordOnBothSurfaces(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	user := g.newUser(t)
	b := &world.BothSurfaces{Env: g.Env, Visitor: g.Visitor}

	return func(int) raceRound {
		return raceRound{
			code: sameCode(apptest.Password), email: user.email, audit: []string{auditRecord(audit.SignInSucceeded, "password")},
			call: func(i int, guess string) world.Call {
				return b.SignInCall([]world.Surface{world.ToolkitSurface, world.PublicSurface}[i/2%2], spellingOf(user.email, i), guess)
			},
		}
	}
}

func oldPassword(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	user := g.newUser(t)

	return func(round int) raceRound {
		old := apptest.Password
		if round > 0 {
			old = fmt.Sprintf("%s, %d", apptest.Password, round-1)
		}

		return raceRound{
			code: sameCode(old), email: user.email, audit: []string{auditRecord(audit.PasswordChanged, "")},
			call: func(_ int, guess string) world.Call {
				return world.PostCall("/user/password", map[string]any{"old": guess, "password": fmt.Sprintf("%s, %d", apptest.Password, round)}).FromBrowser(user.browser)
			},
		}
	}
}

// failAccountWrites makes every right guess fail with 500 after it was compared, because whatever it opens or changes
// writes the account's row. The number of such failures is the number of comparisons.
func (g *raceGateway) failAccountWrites(t *testing.T) (end func()) {
	t.Helper()
	g.Exec(t, `CREATE FUNCTION fail_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'write fails'; END $$`)
	g.Exec(t, "CREATE TRIGGER fail_write BEFORE INSERT OR UPDATE ON account FOR EACH ROW EXECUTE FUNCTION fail_write()")

	return func() { g.Exec(t, "DROP FUNCTION fail_write CASCADE") }
}

// countAtOnce releases n calls at one barrier, half of them through each gateway, and counts the responses.
func (g *raceGateway) countAtOnce(t *testing.T, n int, next func(i int) world.Call) map[string]int {
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

			got := c.To(t, g.gateways[i%2])

			mu.Lock()
			defer mu.Unlock()

			counts[got.Problem.Code]++
		})
	}

	close(barrier)
	all.Wait()

	return counts
}

// R-C6, R-E2, V-06, V-07, W-4, W-8, T-05: of sixty-four guesses at once, through two gateways, at most the free number
// is compared, and the next one is not, though it is right. All guesses are right, and none succeeds: those that fail
// with 500 were compared.
func TestSimultaneousGuessesShareTheLimit(t *testing.T) {
	t.Parallel()
	guessAtOnce(t, 1)
}

func guessAtOnce(t *testing.T, rounds int) {
	t.Helper()

	for name, c := range map[string]struct {
		settings func(*apptest.Settings)
		limited  func(name string) bool
		next     string // the response to the next guess
	}{
		"OfThePerson": {
			settings: func(c *apptest.Settings) { withDefaultLimits(c); world.WithManyNetworkFailures(c) },
			// The others are limited by the code alone: what strangers do delays no one.
			limited: func(name string) bool {
				return !slices.Contains([]string{"AuthenticatorToBind", "ResetCode", "RegistrationCode", "CodeOnBothSurfaces"}, name)
			},
			next: "TOO_MANY_REQUESTS",
		},
		"OfTheCode": {
			settings: withoutOtherLimits,
			limited: func(name string) bool {
				return map[string]bool{
					"RegistrationCode": true, "SMSCode": true, "ResetCode": true, "PhoneCode": true, "EmailCode": true,
					"MailedCode": true, "PhoneCodeOfAnApp": true, "EmailCodeOfAnApp": true, "AuthenticatorToBind": true,
				}[name]
			},
			next: "CODE_INVALID",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			g := newRaceGateway(t, c.settings)

			for secret, prepare := range guessedSecrets() {
				if !c.limited(secret) {
					continue
				}

				next := prepare(t, g)

				for range rounds {
					// An overloaded gateway may refuse all of them, and the round then proves little.
					for range 5 {
						if g.expectFewCompared(t, secret, next(0), c.next) {
							break
						}
					}
				}
			}
		})
	}
}

// expectFewCompared checks that at most the free number was compared, and reports whether it was exactly that many.
func (g *raceGateway) expectFewCompared(t *testing.T, name string, p raceRound, next string) (all bool) {
	t.Helper()

	const guesses = 64

	end := g.failAccountWrites(t)
	counts := g.countAtOnce(t, guesses, func(i int) world.Call { return p.call(i, p.code(i)) })

	end()

	defer g.Exec(t, "TRUNCATE throttle, failure")

	busy := counts["UNAVAILABLE"]
	if counts["INTERNAL"] > world.MaxGuesses || counts["INTERNAL"] < world.MaxGuesses && busy == 0 || counts["INTERNAL"]+counts[next]+busy != guesses {
		t.Errorf("%s: %v, want %d comparisons, and %s for the others", name, counts, world.MaxGuesses, next)
	}

	if counts["INTERNAL"] < world.MaxGuesses {
		return false
	}

	for i := range 3 {
		got := p.call(2*i, p.code(2*i)).To(t, g.gateways[i%2])
		if got.Problem.Code != next || (world.RetryAfter(t, got) > 0) != (next == "TOO_MANY_REQUESTS") {
			t.Errorf("%s: the next guess, which is right, got %s", name, got)
		}
	}

	return true
}
