//go:build battery

package attack_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// requireTOTP makes a group that requires a second factor, with the rights of administrators.
func requireTOTP(t *testing.T, boss *client, name string) {
	t.Helper()
	boss.call(t, http.MethodPost, "/api/admin/groups", map[string]any{
		"name": name, "rights": []string{"accounts.read", "accounts.write", "groups.write"}, "requiresTotp": true,
	}).must(t, "create a group that requires a second factor")
}

// SEC-S4 (a), "last administrator": no change takes the last administrator's way in, and an operator has a way back.
func TestSECS4LastAdministratorStays(t *testing.T) {
	t.Parallel()

	g := start(t)
	boss := g.withBoss(t)

	change := func(requires bool) reply {
		return boss.call(t, http.MethodPut, "/api/admin/groups/Admin", map[string]any{
			"description": "", "requiresTotp": requires,
			"rights": []string{"accounts.read", "accounts.write", "accounts.delete", "groups.write", "audit.read", "webhooks.write"},
		}, fmt.Sprintf(`If-Match: "%d"`, one[int](t, g, "SELECT version FROM member_group WHERE name = 'Admin'")))
	}

	t.Run("RequirementThatNoOneFulfils", func(t *testing.T) {
		r := change(true)
		t.Logf("requiresTotp for Admin, whose only administrator has no authenticator: %s; sign-in then: %s",
			r, g.client("198.51.100.1").login(t, "boss@konec.test", secret))

		if r.status != http.StatusConflict || r.code != "LAST_ADMINISTRATOR" {
			t.Errorf("%s, want 409 LAST_ADMINISTRATOR", r)
		}

		g.exec(t, "UPDATE member_group SET requires_totp = false WHERE name = 'Admin'")
	})

	t.Run("FactorOfTheLastOne", func(t *testing.T) {
		browser := g.browser(t, "boss@konec.test", "198.51.100.1")
		app, _ := browser.bindTOTP(t)
		change(true).must(t, "requiresTotp for Admin, whose administrator has an authenticator")
		g.forgetSteps(t)
		boss.login(t, "boss@konec.test", secret, app.code(0)).must(t, "sign in with both factors")

		g.forgetSteps(t)
		browser.load(t).call(t, http.MethodPost, "/login", map[string]any{"email": "boss@konec.test", "password": secret, "totp": app.code(0)}).
			must(t, "sign in with both factors in a browser")

		id := g.idOf(t, "boss@konec.test")
		r := boss.call(t, http.MethodDelete, "/api/admin/accounts/"+id+"/factors/totp", nil, fmt.Sprintf(`If-Match: "%d"`, g.version(t, id)))
		t.Logf("DELETE …/factors/totp of the last administrator: %s", r)

		own := browser.call(t, http.MethodDelete, "/user/totp", nil)
		t.Logf("DELETE /user/totp by the last administrator: %s", own)

		if r.code != "LAST_ADMINISTRATOR" || own.ok() {
			t.Errorf("%s and %s, want 409 LAST_ADMINISTRATOR and a refusal", r, own)
		}
	})

	t.Run("OperatorHasAWayBack", func(t *testing.T) {
		for _, args := range [][]string{{"account", "reset-factor", "--help"}, {"group", "set", "--help"}} {
			code, out := g.run(t, "", args...)
			t.Logf("%s: exit code %d", strings.Join(args, " "), code)

			if code != 0 {
				t.Errorf("%s: %s", strings.Join(args, " "), out)
			}
		}
	})
}

// SEC-S4 (b), "TOTP as a second factor": 100 wrong codes of a stranger stop no second factor.
func TestSECS4StrangerStopsNoSecondFactor(t *testing.T) {
	t.Parallel()

	g := start(t)
	boss := g.withBoss(t)
	v := newVictim(t, g, "admin", "Admin", "203.0.113.10")
	requireTOTP(t, boss, "Guarded")
	g.exec(t, "UPDATE account SET member_group = 'Guarded' WHERE email = $1", v.email)

	evil := g.stranger(t, "198.51.100.66")
	statuses := map[string]int{}

	for i := range 101 {
		if i%90 == 89 {
			evil = g.stranger(t, "198.51.101.66") // 100 an hour
		}

		g.unwait(t)
		statuses[v.guess(t, evil, "totp").String()]++
	}

	g.unwait(t)
	g.forgetSteps(t)

	home := v.app.login(t, v.email, secret, v.totp.code(0))

	g.forgetSteps(t)

	away := g.client("192.0.2.80").login(t, v.email, secret, v.totp.code(0))
	t.Logf("101 wrong codes: %v; then password and right code at home %s, elsewhere %s", statuses, home, away)

	if !home.ok() || !away.ok() {
		t.Errorf("a stranger has stopped the second factor: at home %s, elsewhere %s", home, away)
	}
}

// SEC-S4 (c): where TOTP is not a way in, nothing is counted, and no wait spreads to the password.
func TestSECS4NothingIsCountedWhereTOTPIsOff(t *testing.T) {
	t.Parallel()

	g := start(t, "TOTP_SIGN_IN=false")
	boss := g.withBoss(t)
	v := newVictim(t, g, "admin", "Admin", "203.0.113.10")
	requireTOTP(t, boss, "Guarded")
	g.exec(t, "UPDATE account SET member_group = 'Guarded' WHERE email = $1", v.email)

	evil := g.stranger(t, "198.51.100.66")

	var last reply
	for range 6 {
		last = v.guess(t, evil, "totp")
	}

	g.forgetSteps(t)

	// From an address that the owner never used: at home the waits of strangers do not count anyway.
	r := g.client("192.0.2.80").login(t, v.email, secret, v.totp.code(0))
	t.Logf("the last of 6 tries of a stranger at /login/totp: %s; then right password and right code: %s", last, r)

	if last.code == "TOO_MANY_REQUESTS" {
		t.Errorf("tries are counted where TOTP is off: %s", last)
	}

	if !r.ok() {
		t.Errorf("%s", r)
	}
}

// SEC-S5, "password change and reset": after the reset that our mail advises, what a thief has bound opens nothing.
func TestSECS5ResetSuspendsWhatAThiefBound(t *testing.T) {
	t.Parallel()

	// theft returns a victim and a thief with the victim's cookie, less than a quarter of an hour after its sign-in.
	theft := func(t *testing.T, g *gateway) (string, *client) {
		t.Helper()

		email := unique("victim") + "@konec.test"
		g.account(t, email, "None")
		owner := g.browser(t, email, "203.0.113.10")
		thief := g.client("198.51.100.66")

		for name, value := range owner.cookies {
			if name != "__Host-DEVICE" {
				thief.cookies[name] = value
			}
		}

		return email, thief
	}

	reset := func(t *testing.T, g *gateway, email string) {
		t.Helper()

		v := &victim{g: g, email: email}
		c := g.stranger(t, "203.0.113.11")
		sent, found := v.resetCode(t, c)
		sent.must(t, "request of a reset code")
		c.call(t, http.MethodPost, "/forget_reset", map[string]any{"email": email, "code": found.code, "password": "new " + secret}).must(t, "reset")
	}

	g := start(t)

	t.Run("RecoveryCode", func(t *testing.T) {
		email, thief := theft(t, g)
		_, codes := thief.bindTOTP(t)
		reset(t, g, email)

		r := g.stranger(t, "198.51.100.66").call(t, http.MethodPost, "/login/totp", map[string]any{"email": email, "code": codes[0]})
		t.Logf("the thief's recovery code at /login/totp after the reset: %s", r)

		if r.ok() {
			t.Error("the thief is in")
		}
	})

	t.Run("Authenticator", func(t *testing.T) {
		email, thief := theft(t, g)
		app, _ := thief.bindTOTP(t)
		reset(t, g, email)
		g.forgetSteps(t)

		r := g.stranger(t, "198.51.100.66").call(t, http.MethodPost, "/login/totp", map[string]any{"email": email, "code": app.code(0)})
		t.Logf("the thief's authenticator at /login/totp after the reset: %s", r)

		if r.ok() {
			t.Error("the thief is in")
		}
	})

	t.Run("Phone", func(t *testing.T) {
		email, thief := theft(t, g)
		phone := fmt.Sprintf("+86134%08d", numbers.Add(1))
		thief.call(t, http.MethodGet, "/user/phone_code?phone=%2B"+phone[1:], nil).must(t, "phone code")
		eventually(t, "a text message", func() bool { return len(g.texts.to(phone)) > 0 })
		thief.call(t, http.MethodPost, "/user/phone", map[string]any{"phone": phone, "code": g.texts.to(phone)[0].Code}).must(t, "bind")
		reset(t, g, email)

		c := g.stranger(t, "198.51.100.66")
		asked := c.call(t, http.MethodGet, "/login/sms?phone=%2B"+phone[1:], nil)

		// A suspended phone gets no code. Without one, any code is as wrong.
		code := "000000"

		g.delivered(t, phone)

		if texts := g.texts.to(phone); len(texts) > 1 {
			code = texts[len(texts)-1].Code
		}

		r := c.call(t, http.MethodPost, "/login/sms", map[string]any{"phone": phone, "code": code})
		t.Logf("after the reset the thief's phone: request %s, sign-in %s", asked, r)

		if r.ok() {
			t.Error("the thief is in")
		}
	})

	t.Run("MailOfABindingUndoesIt", func(t *testing.T) {
		email, thief := theft(t, g)
		before := g.delivered(t, email)
		thief.bindTOTP(t)

		found := g.mailAfter(t, email, before)

		link := regexp.MustCompile(`https?://localhost:8080/\S+`).FindString(found.body)
		if link == "" {
			t.Fatalf("the mail of the binding has no link: %s", found.body)
		}

		r := g.client("203.0.113.11").follow(t, link, "new "+secret)
		left := one[int](t, g, "SELECT count(*) FROM totp WHERE account_id = $1", g.idOf(t, email))
		session := thief.call(t, http.MethodGet, "/verify", nil)
		t.Logf("the link of the mail: %s; authenticators left: %d; the thief's session: %s", r, left, session)

		if left > 0 || session.ok() {
			t.Error("the link undid nothing")
		}
	})
}

// SEC-S6, "TOTP as a way in", "TOTP as a second factor": six digits alone do not enter where two factors are asked for.
func TestSECS6SixDigitsAreNotTwoFactors(t *testing.T) {
	t.Parallel()

	g := start(t)
	boss := g.withBoss(t)
	requireTOTP(t, boss, "Guarded")

	g.account(t, "admin@konec.test", "Admin")
	browser := g.browser(t, "admin@konec.test", "203.0.113.10")
	app, codes := browser.bindTOTP(t)
	g.exec(t, "UPDATE account SET member_group = 'Guarded' WHERE email = 'admin@konec.test'")

	elsewhere := g.stranger(t, "192.0.2.80")

	t.Run("PasswordAlone", func(t *testing.T) {
		r := g.client("192.0.2.80").login(t, "admin@konec.test", secret)
		t.Logf("password alone: %s", r)

		if r.code != "TOTP_REQUIRED" {
			t.Errorf("%s, want TOTP_REQUIRED", r)
		}
	})

	t.Run("CodeAlone", func(t *testing.T) {
		g.forgetSteps(t)

		wrong := elsewhere.call(t, http.MethodPost, "/login/totp", map[string]any{"email": "admin@konec.test", "code": "000000"})
		r := elsewhere.call(t, http.MethodPost, "/login/totp", map[string]any{"email": "admin@konec.test", "code": app.code(0)})
		t.Logf("right code alone: %s; wrong code alone: %s", r, wrong)

		if r.ok() || r.String() != wrong.String() {
			t.Errorf("right code alone: %s, want the answer of a wrong one, %s", r, wrong)
		}
	})

	t.Run("RecoveryCodeAlone", func(t *testing.T) {
		r := g.stranger(t, "192.0.2.81").call(t, http.MethodPost, "/login/totp", map[string]any{"email": "admin@konec.test", "code": codes[1]})
		t.Logf("recovery code alone: %s", r)

		if r.ok() {
			t.Error("a recovery code alone signs in")
		}
	})

	t.Run("PasswordAndCode", func(t *testing.T) {
		g.forgetSteps(t)

		r := g.client("192.0.2.82").login(t, "admin@konec.test", secret, app.code(0))
		t.Logf("password and code: %s", r)

		if !r.ok() {
			t.Errorf("%s", r)
		}
	})

	t.Run("PasswordAndRecoveryCode", func(t *testing.T) {
		r := g.client("192.0.2.83").login(t, "admin@konec.test", secret, codes[2])
		t.Logf("password and recovery code: %s", r)

		if !r.ok() {
			t.Errorf("%s", r)
		}
	})

	t.Run("RecoveryCodeOfAnotherAccount", func(t *testing.T) {
		g.account(t, "person@konec.test", "None")
		_, codes := g.browser(t, "person@konec.test", "203.0.113.12").bindTOTP(t)

		r := g.stranger(t, "192.0.2.84").call(t, http.MethodPost, "/login/totp", map[string]any{"email": "person@konec.test", "code": codes[0]})
		t.Logf("without a second factor, a recovery code at /login/totp: %s", r)

		if r.ok() {
			t.Error("a recovery code alone signs in")
		}
	})
}
