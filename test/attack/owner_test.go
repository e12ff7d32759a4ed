//go:build battery

package attack_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// victim is a user with all ways in, who has signed in at home: with an app and with a browser.
type victim struct {
	g            *gateway
	email, phone string
	app, browser *client
	totp         authenticator
	home         string
	password     string
}

func newVictim(t *testing.T, g *gateway, name, group, home string) *victim {
	t.Helper()

	v := &victim{g: g, email: name + "@konec.test", phone: fmt.Sprintf("+86137%08d", numbers.Add(1)), home: home, password: secret}
	g.account(t, v.email, group)
	v.browser = g.browser(t, v.email, home)
	v.totp, _ = v.browser.bindTOTP(t)

	v.browser.call(t, http.MethodGet, "/user/phone_code?phone=%2B"+v.phone[1:], nil).must(t, "phone code")
	eventually(t, "a text message", func() bool { return len(g.texts.to(v.phone)) > 0 })
	v.browser.call(t, http.MethodPost, "/user/phone", map[string]any{"phone": v.phone, "code": g.texts.to(v.phone)[0].Code}).must(t, "bind the phone")

	v.app = g.app(t, v.email, home)

	return v
}

// guess is a wrong guess at one of the victim's ways in.
func (v *victim) guess(t *testing.T, from *client, way string) reply {
	t.Helper()

	switch way {
	case "password":
		return from.call(t, http.MethodPost, "/api/auth/login", url.Values{"email": {v.email}, "password": {"wrong"}})
	case "reset":
		return from.call(t, http.MethodPost, "/forget_reset", map[string]any{"email": v.email, "code": "000000", "password": "stolen " + secret})
	case "sms":
		return from.call(t, http.MethodPost, "/login/sms", map[string]any{"phone": v.phone, "code": "000000"})
	default:
		return from.call(t, http.MethodPost, "/login/totp", map[string]any{"email": v.email, "code": "000000"})
	}
}

var ways = []string{"password", "reset", "sms", "totp"}

// besiege fills the waits of all ways in of the victims: 13 wrong guesses at each, with the waits between them in the past.
// Each victim has a stranger of their own, whose network stays within its limit.
func besiege(t *testing.T, g *gateway, victims ...*victim) {
	t.Helper()

	strangers := make([]*client, len(victims))
	for i := range victims {
		strangers[i] = g.stranger(t, fmt.Sprintf("198.51.%d.66", 100+i))
	}

	last := make([]reply, len(ways))

	for range 13 {
		g.unwait(t)
		flood(len(victims)*len(ways), func(i int) {
			r := victims[i/len(ways)].guess(t, strangers[i/len(ways)], ways[i%len(ways)])
			if i/len(ways) == 0 {
				last[i%len(ways)] = r
			}
		})
	}

	t.Logf("the last of 13 wrong guesses at %v: %v", ways, last)
}

// resetCode asks for a code and returns the mail.
func (v *victim) resetCode(t *testing.T, c *client) (reply, mail) {
	t.Helper()

	before := v.g.delivered(t, v.email)
	r := c.call(t, http.MethodGet, "/forget_code?email="+url.QueryEscape(v.email), nil)

	if !r.ok() {
		return r, mail{}
	}

	return r, v.g.mailAfter(t, v.email, before)
}

// SEC-S2, R-E4: a stranger who knows an address does not keep its owner out, by any way in.
func TestSECS2StrangerKeepsNoOwnerOut(t *testing.T) {
	t.Parallel()

	expect := func(t *testing.T, what string, r reply) {
		t.Helper()
		t.Logf("%s: %s", what, r)

		if !r.ok() {
			t.Errorf("%s: %s %s", what, r, r.body)
		}
	}

	g := start(t, "NETWORK_SENDS=1000")

	var (
		names   []string
		victims []*victim // each proof has its own, because a success clears waits
		proofs  []func(*testing.T, *victim)
	)

	for name, proof := range map[string]func(t *testing.T, v *victim){
		"PasswordOnTheOwnersApp": func(t *testing.T, v *victim) {
			expect(t, "right password in the app", v.app.login(t, v.email, secret))
		},
		"PasswordInTheOwnersBrowser": func(t *testing.T, v *victim) {
			expect(t, "right password in the browser", v.browser.call(t, http.MethodPost, "/login", map[string]any{"email": v.email, "password": secret}))
		},
		"PasswordInTheOwnersNetwork": func(t *testing.T, v *victim) {
			expect(t, "right password on a new device at home", v.g.client(strings.TrimSuffix(v.home, "10")+"99").login(t, v.email, secret))
		},
		"PasswordChangeWithALiveSession": func(t *testing.T, v *victim) {
			expect(t, "change of password", v.browser.call(t, http.MethodPost, "/user/password", map[string]any{"old": secret, "password": "new " + secret}))
		},
		"ResetOnTheOwnersDevice": func(t *testing.T, v *victim) {
			sent, found := v.resetCode(t, v.browser)
			expect(t, "request of a reset code", sent)
			expect(t, "right reset code", v.browser.call(t, http.MethodPost, "/forget_reset",
				map[string]any{"email": v.email, "code": found.code, "password": "new " + secret}))
		},
		"ResetOnANewDevice": func(t *testing.T, v *victim) {
			elsewhere := v.g.stranger(t, "192.0.2.77")
			sent, found := v.resetCode(t, elsewhere)
			expect(t, "request of a reset code", sent)
			expect(t, "right reset code", elsewhere.call(t, http.MethodPost, "/forget_reset",
				map[string]any{"email": v.email, "code": found.code, "password": "new " + secret}))
			expect(t, "the new password there", elsewhere.login(t, v.email, "new "+secret))
		},
		"SMSOnTheOwnersDevice": func(t *testing.T, v *victim) {
			before := len(v.g.texts.to(v.phone))
			expect(t, "request of a code by SMS", v.browser.call(t, http.MethodGet, "/login/sms?phone=%2B"+v.phone[1:], nil))
			eventually(t, "a text message", func() bool { return len(v.g.texts.to(v.phone)) > before })

			texts := v.g.texts.to(v.phone)
			expect(t, "right code by SMS", v.browser.call(t, http.MethodPost, "/login/sms", map[string]any{"phone": v.phone, "code": texts[len(texts)-1].Code}))
		},
		"AuthenticatorOnTheOwnersDevice": func(t *testing.T, v *victim) {
			v.g.forgetSteps(t)
			expect(t, "right code of the authenticator", v.browser.call(t, http.MethodPost, "/login/totp", map[string]any{"email": v.email, "code": v.totp.code(0)}))
		},
	} {
		names, victims = append(names, name), append(victims, newVictim(t, g, "victim"+strconv.Itoa(len(victims)), "None", fmt.Sprintf("203.0.%d.10", len(victims))))
		proofs = append(proofs, proof)
	}

	besiege(t, g, victims...)

	for i, proof := range proofs {
		t.Run(names[i], func(t *testing.T) { proof(t, victims[i]) })
	}
}

// SEC-S2: codes that a stranger asks for use up no allowance of the owner and of administrators.
func TestSECS2StrangerUsesUpNoCodes(t *testing.T) {
	t.Parallel()

	g := start(t)
	boss := g.withBoss(t)
	v := newVictim(t, g, "victim", "None", "203.0.113.10")
	evil := g.stranger(t, "198.51.100.66")

	for i := range 20 {
		if r := evil.call(t, http.MethodGet, "/forget_code?email="+v.email, nil); i == 0 || !r.ok() {
			t.Logf("request %d of the stranger: %s", i+1, r)
		}

		g.pass(t, 12*time.Minute)
	}

	// Now the hour, too: nothing is left to strangers at this moment.
	for range 6 {
		evil.call(t, http.MethodGet, "/forget_code?email="+v.email, nil)
		g.pass(t, 61*time.Second)
	}

	t.Run("OwnersDeviceGetsACode", func(t *testing.T) {
		r, found := v.resetCode(t, v.browser)
		t.Logf("the owner's request: %s", r)

		if !r.ok() {
			t.Fatalf("%s %s", r, r.body)
		}

		r = v.browser.call(t, http.MethodPost, "/forget_reset", map[string]any{"email": v.email, "code": found.code, "password": "new " + secret})
		t.Logf("the right code: %s", r)

		if !r.ok() {
			t.Errorf("%s %s", r, r.body)
		}
	})

	t.Run("AdministratorSendsACode", func(t *testing.T) {
		boss.call(t, http.MethodPost, "/api/admin/accounts/"+g.idOf(t, v.email)+"/unlock", nil).must(t, "unlock")

		r := boss.call(t, http.MethodPost, "/api/admin/codes", map[string]any{"email": v.email, "purpose": "reset"})
		t.Logf("after unlock, the administrator's request: %s", r)

		if !r.ok() {
			t.Errorf("%s %s", r, r.body)
		}
	})
}

// SEC-S2: a stranger does not keep a new user from registering.
func TestSECS2StrangerKeepsNoOneFromRegistering(t *testing.T) {
	t.Parallel()

	const email = "newcomer@konec.test"

	g := start(t)
	evil, newcomer := g.stranger(t, "198.51.100.66"), g.client("192.0.2.77")

	for range 20 {
		evil.call(t, http.MethodPost, "/api/users/register/send-code", map[string]any{"email": email})
		g.unwait(t)
		evil.call(t, http.MethodPost, "/api/users/register",
			map[string]any{"username": "Thief", "email": email, "password": secret, "verificationCode": "000000"})
		g.pass(t, 12*time.Minute)
	}

	before := g.delivered(t, email)
	r := newcomer.call(t, http.MethodPost, "/api/users/register/send-code", map[string]any{"email": email})
	t.Logf("the newcomer's request: %s", r)

	if !r.ok() {
		t.Fatalf("%s %s", r, r.body)
	}

	r = newcomer.call(t, http.MethodPost, "/api/users/register", map[string]any{
		"username": "Newcomer", "email": email, "password": secret, "verificationCode": g.mailAfter(t, email, before).code,
	})
	t.Logf("the right code: %s", r)

	if !r.ok() {
		t.Errorf("%s %s", r, r.body)
	}
}

// SEC-S2b: the timeline names every wait, and unlock lifts it.
func TestSECS2bUnlockLiftsWhatTheTimelineNames(t *testing.T) {
	t.Parallel()

	g := start(t)
	boss := g.withBoss(t)
	v := newVictim(t, g, "victim", "None", "203.0.113.10")
	evil, elsewhere := g.stranger(t, "198.51.100.66"), g.stranger(t, "192.0.2.77")
	path := "/api/admin/accounts/" + g.idOf(t, v.email)

	for range 13 {
		g.unwait(t)
		v.guess(t, evil, "reset")
	}

	for range 6 {
		evil.call(t, http.MethodGet, "/forget_code?email="+v.email, nil)
		g.pass(t, 61*time.Second)
	}

	for range 13 {
		g.unwait(t)
		v.guess(t, evil, "reset")
	}

	waits := reasons(boss.call(t, http.MethodGet, path+"/timeline", nil).must(t, "timeline"))
	t.Logf("reset attacked; the timeline: %s", waits)

	if !strings.Contains(waits, "reset") {
		t.Errorf("the timeline does not name what the reset waits for: %s", waits)
	}

	boss.call(t, http.MethodPost, path+"/unlock", nil).must(t, "unlock")

	sent, found := v.resetCode(t, elsewhere)
	r := elsewhere.call(t, http.MethodPost, "/forget_reset", map[string]any{"email": v.email, "code": found.code, "password": "new " + secret})
	left := one[int](t, g, "SELECT count(*) FROM failure WHERE blocked_until > now() AND (key LIKE '%' || $1 || '%' OR key LIKE '%' || $2 || '%')", v.email, g.idOf(t, v.email))
	t.Logf("after unlock: request %s, right code %s, waits left: %d, the timeline: %s",
		sent, r, left, reasons(boss.call(t, http.MethodGet, path+"/timeline", nil)))

	if !r.ok() || left > 0 {
		t.Errorf("unlock did not unlock: %s %s, %d waits left", r, r.body, left)
	}
}

// reasons returns the reasons of a timeline as a text.
func reasons(r reply) string { return fmt.Sprint(r.value["reasons"]) }
