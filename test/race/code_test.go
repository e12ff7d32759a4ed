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
		raceForEachKind(t, codeRounds, withoutOtherLimits)
	})

	// As delivered, whoever fails five times is told to wait. That must not lose the right code.
	t.Run("WithTheUsualPatience", func(t *testing.T) {
		t.Parallel()
		raceForEachKind(t, 1, withDefaultLimits)
	})
}

func raceForEachKind(t *testing.T, rounds int, settings func(*apptest.Settings)) {
	t.Helper()

	g := newRaceGateway(t, settings)

	for name, prepare := range races {
		g.raceFor(t, name, prepare, rounds)
	}
}

// races are the kinds of codes, and what else only one may win.
var races = map[string]func(*testing.T, *raceGateway) func(round int) raceRound{
	"RegistrationCode":    raceToRegister,
	"SMSCode":             raceForSMSCode,
	"ResetCode":           raceForResetCode,
	"PhoneCode":           raceForPhoneCode,
	"EmailCode":           raceForEmailCode,
	"AuthenticatorCode":   raceForAuthenticatorCode,
	"CodeAtThreeDoors":    raceAtThreeEndpoints,
	"RecoveryCode":        raceForOneRecoveryCode,
	"AuthenticatorToBind": raceToBind,
	"AddressOfTwo":        raceForAddress,
	"PhoneOfTwo":          raceForPhone,
}

// withoutOtherLimits leaves all but the code's own five guesses to the tests that are about them.
func withoutOtherLimits(c *apptest.Settings) {
	c.HashConcurrency, c.FailuresFree, c.NetworkFailures = world.Contenders, 100, 1_000_000
	c.SessionLimit = 10_000 // whoever signs in to look at what was won must not push the rivals out
}

// withDefaultLimits is as delivered, but that every contender has its turn to hash.
func withDefaultLimits(c *apptest.Settings) { c.HashConcurrency = world.Contenders }

// raceGateway is a desk in front of two gateways.
type raceGateway struct {
	*world.Gateway

	gateways [2]*apptest.Server
	codes    *code.Codes // issues, and does nothing else
}

func newRaceGateway(t *testing.T, change ...func(*apptest.Settings)) *raceGateway {
	t.Helper()

	g := &raceGateway{Gateway: world.NewGateway(t, change...)}
	g.gateways = [2]*apptest.Server{g.Server, g.Serve(t)}

	keys, err := keyring.Parse(g.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	g.codes = code.New(nil, keys, 1, g.Clock.Now)

	return g
}

// issue makes a code that nobody is sent: what a worker takes to deliver it is no part of the race.
func (g *raceGateway) issue(t *testing.T, purpose code.Purpose, subject string) string {
	t.Helper()

	plain, _, err := g.codes.Issue(t.Context(), g.Pool, purpose, subject)
	if err != nil {
		t.Fatal(err)
	}

	return plain
}

// queryValue is what a statement answers.
func queryValue[T any](t *testing.T, g *raceGateway, statement string, args ...any) (found T) {
	t.Helper()

	if err := g.Pool.QueryRow(t.Context(), statement, args...).Scan(&found); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}

	return found
}

// raceRound is what one round is for.
type raceRound struct {
	call     func(i int, code string) world.Call // of contender i
	code     func(i int) string                  // that contender i brings
	email    string                              // of the account, empty where there are several
	lateCode string                              // what those may be told, too, whose own code was right when it was too late
	audit    []string                            // the one row that the round leaves: its action and method, or one of them

	// checkWinner looks at what the winner, who was contender i, has got.
	checkWinner func(t *testing.T, i int, got world.Reply)
}

func (g *raceGateway) raceFor(t *testing.T, name string, prepare func(*testing.T, *raceGateway) func(round int) raceRound, rounds int) {
	t.Helper()

	var (
		r         = &replicas{Env: g.Env, servers: g.gateways}
		next      = prepare(t, g)
		at        [2]int             // how often somebody won at each gateway
		responses = map[string]int{} // what the losers got

		unanswered = 0
	)

	for round := range rounds {
		p := next(round)
		before := g.countAuditRows(t, p)

		// A wrong code, and afterwards the used one, are answered as every loser is. This guess leaves four.
		control := g.wrongCodeResponses(t, p)

		var results [world.Contenders]world.Reply

		r.contend(func(i int, _ *client.ClientWithResponses) {
			results[i] = p.call(i, p.code(i)).To(t, g.gateways[i%2])
		})

		winner, won := g.countWinners(t, p, results, control, responses)
		after := g.countAuditRows(t, p)

		// The losers have spent their person's patience, and the guesses the day's budget: that is another
		// test's business.
		g.Exec(t, "TRUNCATE throttle, failure")

		// On a machine that stands still for seconds the winner may be among those who are told to come back.
		if won == 0 && after == before+1 && slices.ContainsFunc(results[:], unavailable) {
			unanswered++

			continue
		}

		if won != 1 || after != before+1 {
			t.Fatalf("%s, round %d: %d winners and %d audit rows, want one of each; the others got %v", name, round, won, after-before, responses)
		}

		at[winner%2]++

		p.checkWinner(t, winner, results[winner])

		used := p.call(winner, p.code(winner))
		if again := retryUnavailable(t, used, g.gateways[(winner+1)%2]); visible(again) != control[used.Path] {
			t.Errorf("%s, round %d: the used code gets\n%s, and a wrong one\n%s", name, round, visible(again), control[used.Path])
		}

		g.Exec(t, "TRUNCATE throttle, failure")
	}

	t.Logf("%s: %d rounds of %d contenders on 2 gateways, one winner each, %v of them at each, %d not told; the others got %v",
		name, rounds, world.Contenders, at, unanswered, responses)

	if n := queryValue[int](t, g, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n > 0 {
		t.Fatalf("%s, or one before it: %d deadlocks", name, n)
	}
}

// countWinners answers how many won, and the last of them. It counts in told what the others got, and wants that to
// be what a wrong code gets.
func (g *raceGateway) countWinners(t *testing.T, p raceRound, results [world.Contenders]world.Reply, control map[string]string, responses map[string]int) (winner, won int) {
	t.Helper()

	for i, got := range results {
		if got.Status/100 == 2 {
			winner = i
			won++

			continue
		}

		responses[got.Problem.Code]++

		switch got.Problem.Code {
		case "UNAVAILABLE": // a gateway that has no time for a contender says so, and lets it win nothing
		case "TOO_MANY_REQUESTS":
			if world.RetryAfter(t, got) == 0 || g.Config.FailuresFree > world.Contenders {
				t.Errorf("contender %d got %s, Retry-After %s", i, got, world.RetryAfter(t, got))
			}
		case p.lateCode:
		default:
			if want := control[p.call(i, "").Path]; visible(got) != want {
				t.Errorf("loser %d got\n%s, and a wrong code gets\n%s", i, visible(got), want)
			}
		}
	}

	return winner, won
}

func unavailable(got world.Reply) bool { return got.Problem.Code == "UNAVAILABLE" }

// retryUnavailable comes back when it is told to.
func retryUnavailable(t *testing.T, c world.Call, gateway *apptest.Server) world.Reply {
	t.Helper()

	got := c.To(t, gateway)
	for i := 0; i < 5 && unavailable(got); i++ {
		got = c.To(t, gateway)
	}

	return got
}

// wrongCodeResponses answers what a wrong code gets, by path: contenders may go to several doors.
func (g *raceGateway) wrongCodeResponses(t *testing.T, p raceRound) map[string]string {
	t.Helper()

	answers := map[string]string{}

	for i := range world.Contenders {
		c := p.call(i, differentCode(p.code(i)))
		if answers[c.Path] != "" {
			continue
		}

		got := retryUnavailable(t, c, g.Server)
		if got.Status < http.StatusBadRequest {
			t.Fatalf("a wrong code got %s", got)
		}

		answers[c.Path] = visible(got)
	}

	g.Exec(t, "TRUNCATE throttle, failure")

	return answers
}

// visible is everything of an answer that its caller sees, but for what differs each time.
func visible(got world.Reply) string {
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

// countAuditRows counts the audit's rows about successes of this kind.
func (g *raceGateway) countAuditRows(t *testing.T, p raceRound) int {
	t.Helper()

	return queryValue[int](t, g, "SELECT count(*) FROM audit_event WHERE action || ' ' || method = ANY($1)", p.audit)
}

// auditRecord is a row of the audit, for prize.audit.
func auditRecord(action audit.Action, method string) string { return string(action) + " " + method }

// differentCode is a code that is not this one, of the same form.
func differentCode(code string) string {
	last := len(code) - 1
	if code[last] == '7' { // the last sign of base32, which recovery codes are written in
		return code[:last] + "2"
	}

	return code[:last] + "7"
}

// spellingOf is an address in one of the ways to write it.
func spellingOf(email string, i int) string {
	return []string{email, strings.ToUpper(email), strings.Replace(email, "k", "\u212a", 1)}[i%3]
}

// sameCode is for contenders who all bring one code.
func sameCode(code string) func(int) string { return func(int) string { return code } }
