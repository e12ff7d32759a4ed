//go:build battery

package attack_test

import (
	"encoding/base32"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// homeLine returns an address in the n-th /64 of a home line's /56.
func homeLine(n int) string { return fmt.Sprintf("2001:db8:77:%x::1", n%256) }

// elsewhere returns an address in a network of its own: the n-th /48.
func elsewhere(n int) string { return fmt.Sprintf("2001:db8:%x::1", 0x1000+n) }

// phones imports people with phones, and returns the numbers.
func phones(t *testing.T, g *gateway, n int) []string {
	t.Helper()

	list, people := make([]string, n), make([]map[string]any, n)
	for i := range n {
		list[i] = fmt.Sprintf("+86136%08d", numbers.Add(1))
		people[i] = map[string]any{"email": unique("phone") + "@konec.test", "name": "Person", "phone": list[i]}
	}

	g.imported(t, people...)

	return list
}

// register registers a new user with the code of the mail.
func (g *gateway) register(t *testing.T, c *client, email string) reply {
	t.Helper()

	before := g.delivered(t, email)
	if r := c.call(t, http.MethodPost, "/api/users/register/send-code", map[string]any{"email": email}); !r.ok() {
		return r
	}

	return c.call(t, http.MethodPost, "/api/users/register", map[string]any{
		"username": "Newcomer", "email": email, "password": secret, "verificationCode": g.mailAfter(t, email, before).code,
	})
}

// guessAtMadeUpNumbers asks for codes for unbound numbers, and guesses five times at each, from one home line.
func guessAtMadeUpNumbers(t *testing.T, g *gateway, n int) {
	t.Helper()

	lines := make([]*client, 256)
	for i := range lines {
		lines[i] = g.client(homeLine(i))
	}

	begun := time.Now()
	last := make([]reply, n)

	lines[0].load(t)

	for i := range lines[1:] {
		lines[i+1].cookies = maps.Clone(lines[0].cookies) // one pre-session will do
	}

	flood(n, func(i int) {
		phone, line := fmt.Sprintf("%%2B86131%08d", i), lines[i%256]
		line.call(t, http.MethodGet, "/login/sms?phone="+phone, nil)

		for range 5 {
			last[i] = line.call(t, http.MethodPost, "/login/sms", map[string]any{"phone": strings.Replace(phone, "%2B", "+", 1), "code": "000000"})
		}
	})

	refused := 0

	for _, r := range last {
		if r.code == "TOO_MANY_REQUESTS" {
			refused++
		}
	}

	t.Logf("%d numbers, %d guesses in %.0f s, the last one at %d numbers refused; texts sent: %d", n, 5*n, time.Since(begun).Seconds(), refused, g.texts.count())
}

// SEC-S3, R-C11: a stranger without an account does not turn off for all users what needs a code. The budget is a tenth of the
// usual one, so that the attack takes a tenth of the time.
func TestSECS3StrangerTurnsNothingOffForAll(t *testing.T) {
	t.Parallel()

	g := start(t, "CODE_GUESS_BUDGET=1000")
	v := newVictim(t, g, "victim", "None", "203.0.113.10")

	guessAtMadeUpNumbers(t, g, 202)

	expect := func(t *testing.T, what string, r reply) {
		t.Helper()
		t.Logf("%s: %s", what, r)

		if !r.ok() {
			t.Errorf("%s: %s %s", what, r, r.body)
		}
	}

	t.Run("Registration", func(t *testing.T) {
		expect(t, "right code", g.register(t, g.client("192.0.2.77"), "newcomer@konec.test"))
	})

	t.Run("SMS", func(t *testing.T) {
		c, before := g.stranger(t, "192.0.2.79"), len(g.texts.to(v.phone))
		c.call(t, http.MethodGet, "/login/sms?phone=%2B"+v.phone[1:], nil).must(t, "request of a code by SMS")
		eventually(t, "a text message", func() bool { return len(g.texts.to(v.phone)) > before })

		texts := g.texts.to(v.phone)
		expect(t, "right code", c.call(t, http.MethodPost, "/login/sms", map[string]any{"phone": v.phone, "code": texts[len(texts)-1].Code}))
	})

	t.Run("ChangeOfPhone", func(t *testing.T) {
		c, phone := g.browser(t, v.email, "203.0.113.10"), fmt.Sprintf("+86135%08d", numbers.Add(1))
		c.call(t, http.MethodGet, "/user/phone_code?phone=%2B"+phone[1:], nil).must(t, "phone code")
		eventually(t, "a text message", func() bool { return len(g.texts.to(phone)) > 0 })
		expect(t, "right code", c.call(t, http.MethodPost, "/user/phone", map[string]any{"phone": phone, "code": g.texts.to(phone)[0].Code}))
	})

	// After the others: a reset suspends the phone, which was bound lately.
	t.Run("Reset", func(t *testing.T) {
		c := g.stranger(t, "192.0.2.78")
		_, found := v.resetCode(t, c)
		expect(t, "right code", c.call(t, http.MethodPost, "/forget_reset", map[string]any{"email": v.email, "code": found.code, "password": secret}))
	})
}

// SEC-S3: real guesses count, but one network spends a hundredth of the budget only, and half of it is an alarm.
func TestSECS3OneNetworkSpendsAShare(t *testing.T) {
	t.Parallel()

	g := start(t, "CODE_GUESS_BUDGET=100")
	v := newVictim(t, g, "victim", "None", "203.0.113.10")

	guess := func(numbers []string, address func(i int) string) {
		for i, phone := range numbers {
			g.client(elsewhere(500+i)).load(t).call(t, http.MethodGet, "/login/sms?phone=%2B"+phone[1:], nil).must(t, "request of a code")

			for n := range 5 {
				g.client(address(5*i+n)).load(t).call(t, http.MethodPost, "/login/sms", map[string]any{"phone": phone, "code": "000000"})
			}
		}
	}

	signIn := func(c *client) reply {
		g.pass(t, time.Minute)

		before := len(g.texts.to(v.phone))
		c.call(t, http.MethodGet, "/login/sms?phone=%2B"+v.phone[1:], nil).must(t, "request of a code by SMS")
		eventually(t, "a text message", func() bool { return len(g.texts.to(v.phone)) > before })

		texts := g.texts.to(v.phone)

		return c.call(t, http.MethodPost, "/login/sms", map[string]any{"phone": v.phone, "code": texts[len(texts)-1].Code})
	}

	alarms := func() int {
		return one[int](t, g, "SELECT count(*) FROM audit_event WHERE action = 'budget.alarm'")
	}

	guess(phones(t, g, 21), homeLine)

	r := signIn(g.stranger(t, "192.0.2.79"))
	t.Logf("after 105 guesses of one home line: a stranger's right code %s, alarms %d", r, alarms())

	if !r.ok() {
		t.Errorf("one network has spent the budget: %s", r)
	}

	guess(phones(t, g, 11), elsewhere)
	t.Logf("after 55 guesses of 55 networks: alarms %d", alarms())

	if alarms() == 0 {
		t.Error("no alarm at one half")
	}

	guess(phones(t, g, 12), func(i int) string { return elsewhere(100 + i) })

	r = signIn(g.stranger(t, "192.0.2.80"))
	own := signIn(v.browser)
	t.Logf("after 115 guesses of 115 networks: a stranger's right code %s, the owner's device %s", r, own)

	if !own.ok() {
		t.Errorf("the spent budget keeps a known device out: %s", own)
	}
}

// SEC-S3, "TOTP as a way in": failed guesses at accounts of one's own do not turn off sign-in with an authenticator.
func TestSECS3OwnAccountsTurnOffNoAuthenticator(t *testing.T) {
	t.Parallel()

	g := start(t, "TOTP_GUESS_BUDGET=100")
	v := newVictim(t, g, "victim", "None", "203.0.113.10")

	people := make([]map[string]any, 25)
	for i := range people {
		people[i] = map[string]any{
			"email": fmt.Sprintf("own%d@konec.test", i), "name": "Own", "totpSecret": base32.StdEncoding.EncodeToString([]byte(fmt.Sprintf("%020d", i))),
		}
	}

	g.imported(t, people...)

	var last reply

	for i := range people {
		c := g.client(homeLine(i)).load(t)
		for range 5 {
			last = c.call(t, http.MethodPost, "/login/totp", map[string]any{"email": people[i]["email"], "code": "000000"})
		}
	}

	g.forgetSteps(t)

	home := v.browser.call(t, http.MethodPost, "/login/totp", map[string]any{"email": v.email, "code": v.totp.code(0)})

	g.forgetSteps(t)

	away := g.stranger(t, "192.0.2.80").call(t, http.MethodPost, "/login/totp", map[string]any{"email": v.email, "code": v.totp.code(0)})
	t.Logf("125 guesses of one home line at 25 own accounts, the last: %s; then the owner's right code at home %s, elsewhere %s", last, home, away)

	if !home.ok() {
		t.Errorf("a known device is kept out: %s", home)
	}

	if !away.ok() {
		t.Errorf("one network has spent the budget: %s", away)
	}
}
