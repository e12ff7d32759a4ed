package race_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// codeRounds are for every run; the battery runs a thousand.
const codeRounds = 3

// R-C3, R-C6, R-D3, R-D4, V-02, V-03, W-3, W-6, F-13, T-04: whatever kind of code it is, of sixteen who
// bring the right one at once, through two gateways, exactly one is let in, and none of the others is told
// more than who brings a wrong one.
func TestRaceForEveryKindOfCode(t *testing.T) {
	t.Parallel()

	t.Run("WithTime", func(t *testing.T) {
		t.Parallel()
		raceForAll(t, codeRounds, patiently)
	})

	// As delivered, whoever fails five times is told to wait. That must not lose the right code.
	t.Run("WithTheUsualPatience", func(t *testing.T) {
		t.Parallel()
		raceForAll(t, 1, usually)
	})
}

func raceForAll(t *testing.T, rounds int, settings func(*apptest.Settings)) {
	t.Helper()

	a := newArena(t, settings)

	for name, prepare := range races {
		a.raceFor(t, name, prepare, rounds)
	}
}

// races are the kinds of codes, and what else only one may win.
var races = map[string]func(*testing.T, *arena) func(round int) prize{
	"RegistrationCode":    raceToRegister,
	"SMSCode":             raceForSMSCode,
	"ResetCode":           raceForResetCode,
	"PhoneCode":           raceForPhoneCode,
	"EmailCode":           raceForEmailCode,
	"AuthenticatorCode":   raceForAuthenticatorCode,
	"CodeAtThreeDoors":    raceAtThreeDoors,
	"RecoveryCode":        raceForOneRecoveryCode,
	"AuthenticatorToBind": raceToBind,
	"AddressOfTwo":        raceForAddress,
	"PhoneOfTwo":          raceForPhone,
}

// patiently leaves all but the code's own five guesses to the tests that are about them.
func patiently(c *apptest.Settings) {
	c.HashConcurrency, c.FailuresFree, c.NetworkFailures = world.Contenders, 100, 1_000_000
	c.SessionLimit = 10_000 // whoever signs in to look at what was won must not push the rivals out
}

// usually is as delivered, but that every contender has its turn to hash.
func usually(c *apptest.Settings) { c.HashConcurrency = world.Contenders }

// arena is a desk in front of two gateways.
type arena struct {
	*world.Gateway

	gateways [2]*apptest.Server
	codes    *code.Codes // issues, and does nothing else
}

func newArena(t *testing.T, change ...func(*apptest.Settings)) *arena {
	t.Helper()

	a := &arena{Gateway: world.NewGateway(t, change...)}
	a.gateways = [2]*apptest.Server{a.Server, a.Serve(t)}

	keys, err := keyring.Parse(a.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	a.codes = code.New(nil, keys, 1, a.Clock.Now)

	return a
}

// issue makes a code that nobody is sent: what a worker takes to deliver it is no part of the race.
func (a *arena) issue(t *testing.T, purpose code.Purpose, subject string) string {
	t.Helper()

	plain, _, err := a.codes.Issue(t.Context(), a.Pool, purpose, subject)
	if err != nil {
		t.Fatal(err)
	}

	return plain
}

// value is what a statement answers.
func value[T any](t *testing.T, a *arena, statement string, args ...any) (found T) {
	t.Helper()

	if err := a.Pool.QueryRow(t.Context(), statement, args...).Scan(&found); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}

	return found
}

// prize is what one round is for.
type prize struct {
	call  func(i int, code string) world.Call // of contender i
	code  func(i int) string                  // that contender i brings
	email string                              // of the account, empty where there are several
	taken string                              // what those may be told, too, whose own code was right when it was too late
	audit []string                            // the one row that the round leaves: its action and method, or one of them

	// won looks at what the winner, who was contender i, has got.
	won func(t *testing.T, i int, got world.Reply)
}

func (a *arena) raceFor(t *testing.T, name string, prepare func(*testing.T, *arena) func(round int) prize, rounds int) {
	t.Helper()

	var (
		r    = &Replicas{Env: a.Env, Servers: a.gateways}
		next = prepare(t, a)
		at   [2]int             // how often somebody won at each gateway
		told = map[string]int{} // what the losers got

		untold = 0
	)

	for round := range rounds {
		p := next(round)
		before := a.recorded(t, p)

		// A wrong code, and afterwards the used one, are answered as every loser is. This guess leaves four.
		control := a.lost(t, p)

		var results [world.Contenders]world.Reply

		r.Contend(func(i int, _ *client.ClientWithResponses) {
			results[i] = p.call(i, p.code(i)).To(t, a.gateways[i%2])
		})

		winner, won := a.judge(t, p, results, control, told)
		after := a.recorded(t, p)

		// The losers have spent their person's patience, and the guesses the day's budget: that is another
		// test's business.
		a.Exec(t, "TRUNCATE throttle, failure")

		// On a machine that stands still for seconds the winner may be among those who are told to come back.
		if won == 0 && after == before+1 && slices.ContainsFunc(results[:], unavailable) {
			untold++

			continue
		}

		if won != 1 || after != before+1 {
			t.Fatalf("%s, round %d: %d winners and %d audit rows, want one of each; the others got %v", name, round, won, after-before, told)
		}

		at[winner%2]++

		p.won(t, winner, results[winner])

		used := p.call(winner, p.code(winner))
		if again := served(t, used, a.gateways[(winner+1)%2]); seen(again) != control[used.Path] {
			t.Errorf("%s, round %d: the used code gets\n%s, and a wrong one\n%s", name, round, seen(again), control[used.Path])
		}

		a.Exec(t, "TRUNCATE throttle, failure")
	}

	t.Logf("%s: %d rounds of %d contenders on 2 gateways, one winner each, %v of them at each, %d not told; the others got %v",
		name, rounds, world.Contenders, at, untold, told)

	if n := value[int](t, a, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n > 0 {
		t.Fatalf("%s, or one before it: %d deadlocks", name, n)
	}
}

// judge answers how many won, and the last of them. It counts in told what the others got, and wants that to
// be what a wrong code gets.
func (a *arena) judge(t *testing.T, p prize, results [world.Contenders]world.Reply, control map[string]string, told map[string]int) (winner, won int) {
	t.Helper()

	for i, got := range results {
		if got.Status/100 == 2 {
			winner = i
			won++

			continue
		}

		told[got.Problem.Code]++

		switch got.Problem.Code {
		case "UNAVAILABLE": // a gateway that has no time for a contender says so, and lets it win nothing
		case "TOO_MANY_REQUESTS":
			if world.RetryAfter(t, got) == 0 || a.Config.FailuresFree > world.Contenders {
				t.Errorf("contender %d got %s, Retry-After %s", i, got, world.RetryAfter(t, got))
			}
		case p.taken:
		default:
			if want := control[p.call(i, "").Path]; seen(got) != want {
				t.Errorf("loser %d got\n%s, and a wrong code gets\n%s", i, seen(got), want)
			}
		}
	}

	return winner, won
}

func unavailable(got world.Reply) bool { return got.Problem.Code == "UNAVAILABLE" }

// served comes back when it is told to.
func served(t *testing.T, c world.Call, gateway *apptest.Server) world.Reply {
	t.Helper()

	got := c.To(t, gateway)
	for i := 0; i < 5 && unavailable(got); i++ {
		got = c.To(t, gateway)
	}

	return got
}

// lost answers what a wrong code gets, by path: contenders may go to several doors.
func (a *arena) lost(t *testing.T, p prize) map[string]string {
	t.Helper()

	answers := map[string]string{}

	for i := range world.Contenders {
		c := p.call(i, another(p.code(i)))
		if answers[c.Path] != "" {
			continue
		}

		got := served(t, c, a.Server)
		if got.Status < http.StatusBadRequest {
			t.Fatalf("a wrong code got %s", got)
		}

		answers[c.Path] = seen(got)
	}

	a.Exec(t, "TRUNCATE throttle, failure")

	return answers
}

// seen is everything of an answer that its caller sees, but for what differs each time.
func seen(got world.Reply) string {
	header := got.Header.Clone()
	header.Del("Date")
	header.Del("X-Request-Id")

	for i, line := range header["Set-Cookie"] {
		header["Set-Cookie"][i], _, _ = strings.Cut(line, "=")
	}

	slices.Sort(header["Set-Cookie"])

	var text strings.Builder

	fmt.Fprintf(&text, "%d %s %s %v\n", got.Status, got.Problem.Code, got.Problem.Message, got.Problem.Errors)
	_ = header.Write(&text) // sorted by name

	return text.String()
}

// recorded counts the audit's rows about successes of this kind.
func (a *arena) recorded(t *testing.T, p prize) int {
	t.Helper()

	return value[int](t, a, "SELECT count(*) FROM audit_event WHERE action || ' ' || method = ANY($1)", p.audit)
}

// record is a row of the audit, for prize.audit.
func record(action audit.Action, method string) string { return string(action) + " " + method }

// another is a code that is not this one, of the same form.
func another(code string) string {
	last := len(code) - 1
	if code[last] == '7' { // the last sign of base32, which recovery codes are written in
		return code[:last] + "2"
	}

	return code[:last] + "7"
}

// spelled is an address in one of the ways to write it.
func spelled(email string, i int) string {
	return []string{email, strings.ToUpper(email), strings.Replace(email, "k", "\u212a", 1)}[i%3]
}

// same is for contenders who all bring one code.
func same(code string) func(int) string { return func(int) string { return code } }
