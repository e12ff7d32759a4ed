package race_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// town is many people with a phone each, and nothing else.
type town struct {
	*arena

	factors *factor.Factors
	db      *postgres.DB
}

func newTown(t *testing.T, people int, change ...func(*apptest.Settings)) *town {
	t.Helper()

	w := &town{arena: newArena(t, append([]func(*apptest.Settings){usually, world.BehindProxy}, change...)...)}
	w.Clock.Stop()
	w.Exec(t, `INSERT INTO account (id, email, name, member_group, phone, created_at, updated_at)
		SELECT lpad(to_hex(n), 24, '0'), 'citizen.' || n || '@konec.test', 'Citizen', 'None', '+86137' || lpad(n::text, 8, '0'), now(), now()
		FROM generate_series(0, $1) n`, people-1)

	keys, err := keyring.Parse(w.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	w.db, err = postgres.Open(t.Context(), postgres.Options{URL: w.Config.DatabaseURL, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(w.db.Close)

	w.factors = factor.New(factor.Deps{DB: w.db, Keys: keys, Issuer: "Toolkit", Budget: 1, Now: w.Clock.Now})

	return w
}

func citizen(n int) (id, email, phone string) {
	return fmt.Sprintf("%024x", n), fmt.Sprintf("citizen.%d@konec.test", n), fmt.Sprintf("+86137%08d", n)
}

// at comes from a network of its own.
func at(c world.Call, n int) world.Call {
	return c.With("X-Forwarded-For", fmt.Sprintf("2001:db8:%x:%x::1", n>>16, n&0xffff))
}

// guess is one at a code that the citizen was sent, of one of three kinds: right, unless it is to be wrong.
func (w *town) guess(t *testing.T, n int, right bool) world.Call {
	t.Helper()

	_, email, phone := citizen(n)

	plain := func(purpose code.Purpose, subject string) string {
		if plain := w.issue(t, purpose, subject); right {
			return plain
		} else {
			return another(plain)
		}
	}

	switch n % 3 {
	case 0:
		return at(world.PostCall("/login/sms", map[string]any{"phone": phone, "code": plain(code.SignIn, phone)}).FromBrowser(w.Visitor), n)
	case 1:
		return at(world.PostCall("/forget_reset", map[string]any{"email": email, "code": plain(code.Reset, email), "password": apptest.Password}).FromBrowser(w.Visitor), n)
	default:
		email = "new." + email

		return at(world.PostCall("/api/users/register", map[string]any{
			"username": "Citizen", "email": email, "password": apptest.Password, "verificationCode": plain(code.Registration, email),
		}), n)
	}
}

// bind gives the citizen an authenticator, and answers a code of it.
func (w *town) bind(t *testing.T, n int) string {
	t.Helper()

	id, email, _ := citizen(n)

	url, err := w.factors.Pending(t.Context(), id, email)
	if err != nil {
		t.Fatal(err)
	}

	secret := world.SecretOf(t, url)

	binding, err := w.factors.AttemptBinding(t.Context(), id, url, [2]string{w.TOTPCode(t, secret, -1), w.TOTPCode(t, secret, 0)})
	if err == nil {
		err = w.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error { return w.factors.Bind(ctx, tx, binding) })
	}

	if err != nil {
		t.Fatal(err)
	}

	return w.TOTPCode(t, secret, 1)
}

// inCrowds makes the calls, as many at once as the gateways bear, and counts the answers.
func (w *town) inCrowds(t *testing.T, calls []world.Call) map[string]int {
	t.Helper()

	counts := map[string]int{}

	for crowd := range slices.Chunk(calls, 20) {
		for problem, n := range w.atOnce(t, len(crowd), func(i int) world.Call { return crowd[i] }) {
			counts[problem] += n
		}
	}

	return counts
}

// expectCompared says that so many were compared, or fewer where a gateway had no time for somebody.
func expectCompared(t *testing.T, counts map[string]int, most int) {
	t.Helper()

	busy := counts["UNAVAILABLE"]
	if counts["INTERNAL"] > most || counts["INTERNAL"]+busy < most || counts["TOO_MANY_REQUESTS"] == 0 || len(counts) > 3 {
		t.Errorf("%v, want %d comparisons", counts, most)
	}
}

func (w *town) expect(t *testing.T, what string, c world.Call, code string, want time.Duration) {
	t.Helper()

	if got := c.To(t, w.Server); got.Problem.Code != code || world.RetryAfter(t, got) != want {
		t.Errorf("%s: %s, Retry-After %s, want %q and %s", what, got, world.RetryAfter(t, got), code, want)
	}
}

// R-C11, R-E2, T-05: who tries one code of each of many accounts, from as many networks, has so many
// failures a day, over all kinds of codes. Passwords have nothing to do with it.
func TestSprayingOfCodesStopsAtTheBudget(t *testing.T) {
	t.Parallel()

	const (
		people = 60
		budget = 20
	)

	w := newTown(t, people, func(c *apptest.Settings) { c.CodeGuessBudget = budget })
	end := w.nobodyWins(t)

	calls := make([]world.Call, people)
	for n := range people {
		calls[n] = w.guess(t, n, true)
	}

	counts := w.inCrowds(t, calls)
	expectCompared(t, counts, budget)

	end()

	for n := range 3 {
		w.expect(t, "the right one", w.guess(t, n, true), "TOO_MANY_REQUESTS", 24*time.Hour)
	}

	world.ExpectLimitEvents(t, w.Env, "failed-codes", 1)
	w.expectPassword(t, world.Owner, apptest.Password)
	w.Clock.Advance(24*time.Hour - time.Second)
	w.expect(t, "a second early", w.guess(t, 5, true), "TOO_MANY_REQUESTS", time.Second)
	w.Clock.Advance(time.Second)

	for n := range 6 {
		w.expect(t, "the next day", w.guess(t, n, true), "", 0)
	}
}

// The same of authenticators; recovery codes, which nobody can guess, work on. Who has no authenticator is
// told what everybody is.
func TestSprayingOfAuthenticatorsStopsAtTheBudget(t *testing.T) {
	t.Parallel()

	const (
		people = 30
		budget = 10
	)

	w := newTown(t, people, func(c *apptest.Settings) { c.TOTPGuessBudget = budget })

	calls := make([]world.Call, people)

	for n := range people {
		_, email, _ := citizen(n)
		calls[n] = at(world.PostCall("/login/totp", map[string]any{"email": email, "code": w.bind(t, n)}).FromBrowser(w.Visitor), n)
	}

	end := w.nobodyWins(t)
	counts := w.inCrowds(t, calls)

	end()

	expectCompared(t, counts, budget)

	v := w.rival(t)
	secret := w.BindAuthenticator(t, v.browser)

	made, err := v.browser.Client.CreateRecoveryCodesWithResponse(t.Context())
	if err != nil || made.JSON200 == nil {
		t.Fatalf("recovery codes: %v %s", err, made.Body)
	}

	signIn := func(email, plain string) world.Call {
		return world.PostCall("/login/totp", map[string]any{"email": email, "code": plain}).FromBrowser(w.Visitor)
	}

	w.expect(t, "the right one", signIn(v.email, w.TOTPCode(t, secret, 1)), "TOO_MANY_REQUESTS", 24*time.Hour)
	w.expect(t, "without an authenticator", signIn(world.Owner, "123456"), "TOO_MANY_REQUESTS", 24*time.Hour)
	w.expect(t, "without an account", signIn("nobody@konec.test", "123456"), "TOO_MANY_REQUESTS", 24*time.Hour)
	world.ExpectLimitEvents(t, w.Env, "failed-totp", 1)
	w.expect(t, "a recovery code", signIn(v.email, made.JSON200.Codes[0]), "", 0)
	w.Clock.Advance(24 * time.Hour)
	w.expect(t, "the next day", signIn(v.email, w.TOTPCode(t, secret, 0)), "", 0)
}

// R-C11: the budgets as delivered. The day has seen all but two of its failures already.
func TestBudgetsAreWhatTheContractSays(t *testing.T) {
	t.Parallel()

	w := newTown(t, 20)

	expect := func(key string, most int, wrong func(n int) world.Call) {
		t.Helper()

		w.expect(t, key+", the first", wrong(0), "CODE_INVALID", 0)

		w.Exec(t, "UPDATE throttle SET count = $1 WHERE key LIKE $2 || '%'", most-2, key)

		for n := range 2 {
			w.expect(t, key+", one of the last", wrong(n+3), "CODE_INVALID", 0)
		}

		for n := range 2 {
			w.expect(t, key+", one more", wrong(n+6), "TOO_MANY_REQUESTS", 24*time.Hour)
		}
	}

	expect("failed-codes", 10_000, func(n int) world.Call { return w.guess(t, n, false) })
	expect("failed-totp", 3_333, func(n int) world.Call {
		_, email, _ := citizen(n)

		return at(world.PostCall("/login/totp", map[string]any{"email": email, "code": another(w.bind(t, n))}).FromBrowser(w.Visitor), n)
	})
}

// R-E2, T-05: who tries one code of each of many accounts from one network has a hundred failures an hour,
// as delivered; of IPv6 a /64 is one.
func TestSprayingFromOneNetworkStops(t *testing.T) {
	t.Parallel()

	const people = 130

	w := newTown(t, 3*people+6)
	end := w.nobodyWins(t)

	calls := make([]world.Call, people)
	for n := range people { // every third citizen has a text message, which costs no hash
		calls[n] = w.guess(t, 3*n, true).With("X-Forwarded-For", fmt.Sprintf("2001:db8::%x", n+1))
	}

	counts := w.inCrowds(t, calls)

	end()

	expectCompared(t, counts, 100)

	for n := 3 * people; n < 3*people+3; n++ {
		w.expect(t, "the right one", w.guess(t, n, true).With("X-Forwarded-For", "2001:db8::ffff:1"), "TOO_MANY_REQUESTS", time.Hour)
		w.expect(t, "from elsewhere", w.guess(t, n, true), "", 0)
	}

	w.Clock.Advance(time.Hour)
	w.expect(t, "an hour later", w.guess(t, 3*people+3, true).With("X-Forwarded-For", "2001:db8::1"), "", 0)
}

// R-C10, T-05: who has texts sent to a thousand numbers, from as many networks, through two gateways, gets
// as many as a day has, for all purposes together. Mails go on.
func TestTextMessagesHaveACeiling(t *testing.T) {
	t.Parallel()
	floodWithTexts(t, 200, 40)
}

func floodWithTexts(t *testing.T, numbers, ceiling int) {
	t.Helper()

	w := newTown(t, numbers, func(c *apptest.Settings) { c.SMSPerDay = int32(ceiling) })
	calls := make([]world.Call, numbers)

	for n := range numbers {
		_, _, phone := citizen(n)
		calls[n] = at(world.Call{Method: http.MethodGet, Path: "/login/sms", Query: url.Values{"phone": {phone}}.Encode()}, n)
	}

	sent := w.inCrowds(t, calls)

	rows := value[int](t, w.arena, "SELECT count(*) FROM delivery WHERE channel = 'sms'")
	if sent[""] != ceiling || rows != ceiling || sent["TOO_MANY_REQUESTS"] != numbers-ceiling {
		t.Errorf("%v, and %d messages; want %d", sent, rows, ceiling)
	}

	v := w.rival(t)
	texted := world.Call{Method: http.MethodGet, Path: "/login/sms", Query: url.Values{"phone": {"+8613900000000"}}.Encode()}

	w.expect(t, "one more", texted, "TOO_MANY_REQUESTS", 24*time.Hour)
	w.expect(t, "to bind a phone", world.Call{Method: http.MethodGet, Path: "/user/phone_code", Query: texted.Query}.FromBrowser(v.browser), "TOO_MANY_REQUESTS", 24*time.Hour)

	mailed, err := w.Client.SendRegistrationCodeWithResponse(t.Context(), client.SendCodeRequest{Email: "new@konec.test"})
	if err != nil || mailed.JSON200 == nil {
		t.Errorf("a mail: %v %s", err, mailed.Body)
	}

	w.Clock.Advance(24 * time.Hour)
	w.expect(t, "the next day", texted, "", 0)
	t.Logf("%d numbers asked through 2 gateways, %d messages were sent", numbers, rows)
}
