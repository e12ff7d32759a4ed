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

// sprayGateway is a raceGateway with many accounts that have a phone and nothing else.
type sprayGateway struct {
	*raceGateway

	factors *factor.Factors
	db      *postgres.DB
}

func newSprayGateway(t *testing.T, accounts int, change ...func(*apptest.Settings)) *sprayGateway {
	t.Helper()

	g := &sprayGateway{raceGateway: newRaceGateway(t, append([]func(*apptest.Settings){withDefaultLimits, world.BehindProxy}, change...)...)}
	g.Clock.Stop()
	g.Exec(t, `INSERT INTO account (id, email, name, member_group, phone, created_at, updated_at)
		SELECT lpad(to_hex(n), 24, '0'), 'user.' || n || '@konec.test', 'User', 'None', '+86137' || lpad(n::text, 8, '0'), now(), now()
		FROM generate_series(0, $1) n`, accounts-1)

	keys, err := keyring.Parse(g.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	g.db, err = postgres.Open(t.Context(), postgres.Options{URL: g.Config.DatabaseURL, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(g.db.Close)

	g.factors = factor.New(factor.Deps{DB: g.db, Keys: keys, Issuer: "Toolkit", Now: g.Clock.Now})

	return g
}

func sprayedUser(n int) (id, email, phone string) {
	return fmt.Sprintf("%024x", n), fmt.Sprintf("user.%d@konec.test", n), fmt.Sprintf("+86137%08d", n)
}

// fromNetwork returns the call as it comes from the /48 number n.
func fromNetwork(c world.Call, n int) world.Call {
	return c.With("X-Forwarded-For", fmt.Sprintf("2001:%x:%x::1", 0xdb8+(n>>16), n&0xffff))
}

// guess returns a guess at a code that was issued to account n, of one of three kinds; the code is right or wrong.
func (g *sprayGateway) guess(t *testing.T, n int, right bool) world.Call {
	t.Helper()

	_, email, phone := sprayedUser(n)

	plain := func(purpose code.Purpose, subject string) string {
		if plain := g.issue(t, purpose, subject); right {
			return plain
		} else {
			return differentCode(plain)
		}
	}

	switch n % 3 {
	case 0:
		return fromNetwork(world.PostCall("/login/sms", map[string]any{"phone": phone, "code": plain(code.SignIn, phone)}).FromBrowser(g.Visitor), n)
	case 1:
		return fromNetwork(world.PostCall("/forget_reset", map[string]any{"email": email, "code": plain(code.Reset, email), "password": apptest.Password}).FromBrowser(g.Visitor), n)
	default:
		email = "new." + email

		return fromNetwork(world.PostCall("/api/users/register", map[string]any{
			"username": "User", "email": email, "password": apptest.Password, "verificationCode": plain(code.Registration, email),
		}), n)
	}
}

// bindAuthenticator binds an authenticator app to account n and returns a code of it.
func (g *sprayGateway) bindAuthenticator(t *testing.T, n int) string {
	t.Helper()

	id, email, _ := sprayedUser(n)

	url, err := postgres.TxGet(t.Context(), g.db, func(ctx context.Context, tx postgres.Tx) (string, error) {
		return g.factors.Pending(ctx, tx, id, email)
	})
	if err != nil {
		t.Fatal(err)
	}

	secret := world.SecretOf(t, url)

	binding, err := g.factors.AttemptBinding(t.Context(), id, url, [2]string{g.TOTPCode(t, secret, -1), g.TOTPCode(t, secret, 0)})
	if err == nil {
		err = g.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error { return g.factors.Bind(ctx, tx, binding) })
	}

	if err != nil {
		t.Fatal(err)
	}

	return g.TOTPCode(t, secret, 1)
}

// countInBatches makes the calls, as many at once as the gateways can handle, and counts the responses.
func (g *sprayGateway) countInBatches(t *testing.T, calls []world.Call) map[string]int {
	t.Helper()

	counts := map[string]int{}

	for batch := range slices.Chunk(calls, 20) {
		for problem, n := range g.countAtOnce(t, len(batch), func(i int) world.Call { return batch[i] }) {
			counts[problem] += n
		}
	}

	return counts
}

// expectCompared checks how many guesses were compared. Fewer are allowed if a gateway was overloaded.
func expectCompared(t *testing.T, counts map[string]int, most int) {
	t.Helper()

	busy := counts["UNAVAILABLE"]
	if counts["INTERNAL"] > most || counts["INTERNAL"]+busy < most || counts["TOO_MANY_REQUESTS"] == 0 || len(counts) > 3 {
		t.Errorf("%v, want %d comparisons", counts, most)
	}
}

func (g *sprayGateway) expect(t *testing.T, what string, c world.Call, code string, want time.Duration) {
	t.Helper()

	if got := c.To(t, g.Server); got.Problem.Code != code || world.RetryAfter(t, got) != want {
		t.Errorf("%s: %s, Retry-After %s, want %q and %s", what, got, world.RetryAfter(t, got), code, want)
	}
}

// R-C11, R-E2, SEC-S3, T-05: an attacker who tries one code on each of many accounts, from as many networks, has a daily
// budget of failures for each purpose. Registration and passwords are not affected.
func TestSprayingOfCodesStopsAtTheBudget(t *testing.T) {
	t.Parallel()

	const (
		accounts = 90
		budget   = 10
	)

	g := newSprayGateway(t, accounts, func(c *apptest.Settings) { c.CodeGuessBudget = budget })
	end := g.failAccountWrites(t)

	calls := make([]world.Call, accounts)
	for n := range accounts {
		calls[n] = g.guess(t, n, true)
	}

	counts := g.countInBatches(t, calls)
	// The budgets of two purposes, and all registrations.
	expectCompared(t, counts, 2*budget+accounts/3)

	end()

	for n := range 2 {
		g.expect(t, "the right one", g.guess(t, n, true), "TOO_MANY_REQUESTS", 24*time.Hour)
	}

	g.expect(t, "a registration", g.guess(t, 2, true), "", 0)
	world.ExpectLimitEvents(t, g.Env, "failed-codes/sign-in", 1)
	world.ExpectLimitEvents(t, g.Env, "failed-codes/reset", 1)
	g.expectPassword(t, world.Owner, apptest.Password)
	g.Clock.Advance(24*time.Hour - time.Second)
	g.expect(t, "a second early", g.guess(t, 4, true), "TOO_MANY_REQUESTS", time.Second)
	g.Clock.Advance(time.Second)

	for n := range 5 {
		if n != 2 {
			g.expect(t, "the next day", g.guess(t, n, true), "", 0)
		}
	}
}

// The same for authenticator apps. Recovery codes, which cannot be guessed, still work. Accounts without an
// authenticator get the same response as the others.
func TestSprayingOfAuthenticatorsStopsAtTheBudget(t *testing.T) {
	t.Parallel()

	const (
		accounts = 30
		budget   = 10
	)

	g := newSprayGateway(t, accounts, func(c *apptest.Settings) { c.TOTPGuessBudget = budget })

	calls := make([]world.Call, accounts)

	for n := range accounts {
		_, email, _ := sprayedUser(n)
		calls[n] = fromNetwork(world.PostCall("/login/totp", map[string]any{"email": email, "code": g.bindAuthenticator(t, n)}).FromBrowser(g.Visitor), n)
	}

	end := g.failAccountWrites(t)
	counts := g.countInBatches(t, calls)

	end()

	expectCompared(t, counts, budget)

	user := g.newUser(t)
	secret := g.BindAuthenticator(t, user.browser)

	made, err := user.browser.Client.CreateRecoveryCodesWithResponse(t.Context())
	if err != nil || made.JSON200 == nil {
		t.Fatalf("recovery codes: %v %s", err, made.Body)
	}

	signIn := func(email, plain string) world.Call {
		return world.PostCall("/login/totp", map[string]any{"email": email, "code": plain}).FromBrowser(g.Visitor)
	}

	g.expect(t, "the right one", signIn(user.email, g.TOTPCode(t, secret, 1)), "TOO_MANY_REQUESTS", 24*time.Hour)
	g.expect(t, "without an authenticator", signIn(world.Owner, "123456"), "TOO_MANY_REQUESTS", 24*time.Hour)
	g.expect(t, "without an account", signIn("nobody@konec.test", "123456"), "TOO_MANY_REQUESTS", 24*time.Hour)
	world.ExpectLimitEvents(t, g.Env, "failed-totp", 1)
	g.expect(t, "a recovery code alone", signIn(user.email, made.JSON200.Codes[0]), "CODE_INVALID", 0)
	g.Clock.Advance(24 * time.Hour)
	g.expect(t, "the next day", signIn(user.email, g.TOTPCode(t, secret, 0)), "", 0)
}

// R-C11: the default budgets. The day has had all but two of its failures already.
func TestBudgetsMatchTheContract(t *testing.T) {
	t.Parallel()

	g := newSprayGateway(t, 30)

	expect := func(key string, most int, wrong func(n int) world.Call) {
		t.Helper()

		g.expect(t, key+", the first", wrong(0), "CODE_INVALID", 0)

		g.Exec(t, "UPDATE throttle SET count = $1 WHERE key IN ($2, $2 || ' ')", most-2, key)

		for n := range 2 {
			g.expect(t, key+", one of the last", wrong(n+3), "CODE_INVALID", 0)
		}

		for n := range 2 {
			g.expect(t, key+", one more", wrong(n+6), "TOO_MANY_REQUESTS", 24*time.Hour)
		}
	}

	expect("failed-codes/sign-in", 3_333, func(n int) world.Call { return g.guess(t, 3*n, false) })
	expect("failed-codes/reset", 3_333, func(n int) world.Call { return g.guess(t, 3*n+1, false) })
	expect("failed-codes/sign-in-mail", 3_333, func(n int) world.Call {
		_, email, _ := sprayedUser(n)

		return fromNetwork(world.MailCall(email, differentCode(g.issue(t, code.SignInMail, email))).FromBrowser(g.Visitor), n)
	})
	expect("failed-totp", 3_333, func(n int) world.Call {
		_, email, _ := sprayedUser(n)

		return fromNetwork(world.PostCall("/login/totp", map[string]any{"email": email, "code": differentCode(g.bindAuthenticator(t, n))}).FromBrowser(g.Visitor), n)
	})
}

// R-E2, T-05: an attacker who tries one code on each of many accounts from one network has a hundred failures per hour
// by default. An IPv6 /64 is one network.
func TestSprayingFromOneNetworkStops(t *testing.T) {
	t.Parallel()

	const accounts = 130

	g := newSprayGateway(t, 3*accounts+6, func(c *apptest.Settings) { c.NetworkShare = 1 })
	end := g.failAccountWrites(t)

	calls := make([]world.Call, accounts)
	for n := range accounts { // every third account guesses at an SMS code, which costs no hash
		calls[n] = g.guess(t, 3*n, true).With("X-Forwarded-For", fmt.Sprintf("2001:db8::%x", n+1))
	}

	counts := g.countInBatches(t, calls)

	end()

	expectCompared(t, counts, 100)

	for n := 3 * accounts; n < 3*accounts+3; n++ {
		g.expect(t, "the right one", g.guess(t, n, true).With("X-Forwarded-For", "2001:db8::ffff:1"), "TOO_MANY_REQUESTS", time.Hour)
		g.expect(t, "from elsewhere", g.guess(t, n, true), "", 0)
	}

	g.Clock.Advance(time.Hour)
	g.expect(t, "an hour later", g.guess(t, 3*accounts+3, true).With("X-Forwarded-For", "2001:db8::1"), "", 0)
}

// R-C10, T-05: an attacker who has text messages sent to a thousand numbers, from as many networks and through two
// gateways, gets as many as the daily limit for all purposes together. Mails are not affected.
func TestTextMessagesAreLimited(t *testing.T) {
	t.Parallel()
	sendManyTexts(t, 200, 40)
}

func sendManyTexts(t *testing.T, numbers, ceiling int) {
	t.Helper()

	g := newSprayGateway(t, numbers, func(c *apptest.Settings) { c.SMSPerDay = int32(ceiling) })
	calls := make([]world.Call, numbers)

	for n := range numbers {
		_, _, phone := sprayedUser(n)
		calls[n] = fromNetwork(world.Call{Method: http.MethodGet, Path: "/login/sms", Query: url.Values{"phone": {phone}}.Encode()}, n)
	}

	sent := g.countInBatches(t, calls)

	rows := queryValue[int](t, g.raceGateway, "SELECT count(*) FROM delivery WHERE channel = 'sms'")
	if sent[""] != ceiling || rows != ceiling || sent["TOO_MANY_REQUESTS"] != numbers-ceiling {
		t.Errorf("%v, and %d messages; want %d", sent, rows, ceiling)
	}

	user := g.newUser(t)
	texted := world.Call{Method: http.MethodGet, Path: "/login/sms", Query: url.Values{"phone": {"+8613900000000"}}.Encode()}

	g.expect(t, "one more", fromNetwork(texted, numbers+1), "TOO_MANY_REQUESTS", 24*time.Hour)
	g.expect(t, "to bind a phone", world.Call{Method: http.MethodGet, Path: "/user/phone_code", Query: texted.Query}.FromBrowser(user.browser), "TOO_MANY_REQUESTS", 24*time.Hour)

	mailed, err := g.Client.SendRegistrationCodeWithResponse(t.Context(), client.SendCodeRequest{Email: "new@konec.test"})
	if err != nil || mailed.JSON200 == nil {
		t.Errorf("a mail: %v %s", err, mailed.Body)
	}

	g.Clock.Advance(24 * time.Hour)
	g.expect(t, "the next day", texted, "", 0)
	t.Logf("%d numbers requested codes through 2 gateways, %d messages were sent", numbers, rows)
}
