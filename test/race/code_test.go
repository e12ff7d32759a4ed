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

// codeRounds is how many rounds every run has; the battery runs a thousand.
const codeRounds = 3

// R-C3, R-C6, R-D3, R-D4, V-02, V-03, W-3, W-6, F-13, T-04: of sixteen contenders who send the right code at once
// through two gateways, exactly one succeeds, whatever kind of code it is. The others get the same response as a wrong
// code.
func TestRaceForEveryKindOfCode(t *testing.T) {
	t.Parallel()

	t.Run("WithoutOtherLimits", func(t *testing.T) {
		t.Parallel()
		raceForEachKind(t, codeRounds, withoutOtherLimits)
	})

	// With default settings a user must wait after five failures. That must not lose the right code.
	t.Run("WithDefaultLimits", func(t *testing.T) {
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

// races are the kinds of codes, and other things that only one contender may get.
var races = map[string]func(*testing.T, *raceGateway) func(round int) raceRound{
	"RegistrationCode":    raceToRegister,
	"SMSCode":             raceForSMSCode,
	"MailedCode":          raceForMailedCode,
	"ResetCode":           raceForResetCode,
	"PhoneCode":           raceForPhoneCode,
	"PhoneCodeOfAnApp":    raceForPhoneCodeOfAnApp,
	"EmailCode":           raceForEmailCode,
	"EmailCodeOfAnApp":    raceForEmailCodeOfAnApp,
	"AuthenticatorCode":   raceForAuthenticatorCode,
	"CodeOnBothSurfaces":  raceOnBothSurfaces,
	"RecoveryCode":        raceForOneRecoveryCode,
	"AuthenticatorToBind": raceToBind,
	"AddressOfTwo":        raceForAddress,
	"PhoneOfTwo":          raceForPhone,
}

// withoutOtherLimits lifts all limits except a code's own five guesses.
func withoutOtherLimits(c *apptest.Settings) {
	c.HashConcurrency, c.FailuresFree, c.NetworkFailures = world.Contenders, 100, 1_000_000
	c.NetworkShare, c.MailsPerDay, c.SMSPerDay, c.NewPhones = 1, 1_000_000, 1_000_000, 1_000_000
	c.SessionLimit = 10_000 // the sign-ins that check a result must not end the users' sessions
}

// withDefaultLimits keeps the default limits, but lets every contender hash a password at once.
func withDefaultLimits(c *apptest.Settings) { c.HashConcurrency = world.Contenders }

// raceGateway is a Gateway with a second server on the same database.
type raceGateway struct {
	*world.Gateway

	gateways [2]*apptest.Server
	codes    *code.Codes // only issues codes
}

func newRaceGateway(t *testing.T, change ...func(*apptest.Settings)) *raceGateway {
	t.Helper()

	g := &raceGateway{Gateway: world.NewGateway(t, change...)}
	g.gateways = [2]*apptest.Server{g.Server, g.Serve(t)}

	keys, err := keyring.Parse(g.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	g.codes = code.New(nil, keys, code.Budget{}, g.Clock.Now)

	return g
}

// issue creates a code without sending it, because the time a worker takes to deliver it is not part of the race.
func (g *raceGateway) issue(t *testing.T, purpose code.Purpose, subject string) string {
	t.Helper()

	plain, _, err := g.codes.Issue(t.Context(), g.Pool, purpose, subject)
	if err != nil {
		t.Fatal(err)
	}

	return plain
}

// queryValue returns the one value that a statement returns.
func queryValue[T any](t *testing.T, g *raceGateway, statement string, args ...any) (found T) {
	t.Helper()

	if err := g.Pool.QueryRow(t.Context(), statement, args...).Scan(&found); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}

	return found
}

// raceRound is what the contenders of one round compete for.
type raceRound struct {
	call     func(i int, code string) world.Call // the call of contender i
	code     func(i int) string                  // the code of contender i
	email    string                              // the address of the account, empty if there are several
	lateCode string                              // an error code that contenders get too, whose own code was right but too late
	audit    []string                            // the action and method of the one audit event that the round leaves, or alternatives

	// checkWinner checks what contender i, the winner, has received.
	checkWinner func(t *testing.T, i int, got world.Reply)
}

func (g *raceGateway) raceFor(t *testing.T, name string, prepare func(*testing.T, *raceGateway) func(round int) raceRound, rounds int) {
	t.Helper()

	var (
		r         = &replicas{Env: g.Env, servers: g.gateways}
		next      = prepare(t, g)
		at        [2]int             // how many winners each gateway had
		responses = map[string]int{} // the error codes of the losers

		unanswered = 0
	)

	for round := range rounds {
		p := next(round)
		before := g.countAuditRows(t, p)

		// A wrong code, and later the used code, must get the same response as every loser. This guess leaves four.
		control := g.wrongCodeResponses(t, p)

		var results [world.Contenders]world.Reply

		r.contend(func(i int, _ *client.ClientWithResponses) {
			results[i] = p.call(i, p.code(i)).To(t, g.gateways[i%2])
		})

		winner, won := g.countWinners(t, p, results, control, responses)
		after := g.countAuditRows(t, p)

		// The losers have used up the free failures and the day's budget, which other tests are about.
		g.Exec(t, "TRUNCATE throttle, failure")

		// If the machine stalls for seconds, the winner may have received 503 and be asked to retry.
		if won == 0 && after == before+1 && slices.ContainsFunc(results[:], unavailable) {
			unanswered++

			continue
		}

		if won != 1 || after != before+1 {
			t.Fatalf("%s, round %d: %d winners and %d audit events, want one of each; the others got %v", name, round, won, after-before, responses)
		}

		at[winner%2]++

		p.checkWinner(t, winner, results[winner])

		used := p.call(winner, p.code(winner))
		if again := retryUnavailable(t, used, g.gateways[(winner+1)%2]); visible(again) != control[used.Path] {
			t.Errorf("%s, round %d: the used code gets\n%s, and a wrong one\n%s", name, round, visible(again), control[used.Path])
		}

		g.Exec(t, "TRUNCATE throttle, failure")
	}

	t.Logf("%s: %d rounds of %d contenders on 2 gateways, one winner each, %v of them at each gateway, %d without a response; the others got %v",
		name, rounds, world.Contenders, at, unanswered, responses)

	if n := queryValue[int](t, g, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n > 0 {
		t.Fatalf("%s, or one before it: %d deadlocks", name, n)
	}
}

// countWinners returns how many contenders won, and the last of them. It counts the error codes of the others in
// responses and checks that each got the response to a wrong code.
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
		case "UNAVAILABLE": // an overloaded gateway refuses a contender, who must not win
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

// retryUnavailable sends a call and repeats it while the gateway is overloaded.
func retryUnavailable(t *testing.T, c world.Call, gateway *apptest.Server) world.Reply {
	t.Helper()

	got := c.To(t, gateway)
	for i := 0; i < 5 && unavailable(got); i++ {
		got = c.To(t, gateway)
	}

	return got
}

// wrongCodeResponses returns the responses to a wrong code, by path: contenders may call different operations.
func (g *raceGateway) wrongCodeResponses(t *testing.T, p raceRound) map[string]string {
	t.Helper()

	responses := map[string]string{}

	for i := range world.Contenders {
		c := p.call(i, differentCode(p.code(i)))
		if responses[c.Path] != "" {
			continue
		}

		got := retryUnavailable(t, c, g.Server)
		if got.Status < http.StatusBadRequest {
			t.Fatalf("a wrong code got %s", got)
		}

		responses[c.Path] = visible(got)
	}

	g.Exec(t, "TRUNCATE throttle, failure")

	return responses
}

// visible returns everything of a response that its caller sees, without what differs each time.
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

// countAuditRows counts the audit events of successes of this kind.
func (g *raceGateway) countAuditRows(t *testing.T, p raceRound) int {
	t.Helper()

	return queryValue[int](t, g, "SELECT count(*) FROM audit_event WHERE action || ' ' || method = ANY($1)", p.audit)
}

// auditRecord returns an entry of raceRound.audit.
func auditRecord(action audit.Action, method string) string { return string(action) + " " + method }

// differentCode returns a wrong code of the same form.
func differentCode(code string) string {
	last := len(code) - 1
	if code[last] == '7' { // the last character of base32, the alphabet of recovery codes
		return code[:last] + "2"
	}

	return code[:last] + "7"
}

// spellingOf returns one of the equivalent spellings of an address.
func spellingOf(email string, i int) string {
	return []string{email, strings.ToUpper(email), strings.Replace(email, "k", "\u212a", 1)}[i%3]
}

// sameCode lets all contenders send the same code.
func sameCode(code string) func(int) string { return func(int) string { return code } }
