//go:build battery

package attack_test

import (
	"net/http"
	"testing"
	"time"
)

// SEC-S2, "sending codes", "codes": the link in the mail resets after guesses have ended the code, and after a later code.
func TestSECS2LinkOutlivesGuesses(t *testing.T) {
	t.Parallel()

	g := start(t)
	v := newVictim(t, g, "victim", "None", "203.0.113.10")
	evil, elsewhere := g.stranger(t, "198.51.100.66"), g.stranger(t, "192.0.2.77")

	_, found := v.resetCode(t, elsewhere)

	for range 6 {
		v.guess(t, evil, "reset")
	}

	g.pass(t, 2*time.Minute)
	evil.call(t, http.MethodGet, "/forget_code?email="+v.email, nil)

	r := elsewhere.call(t, http.MethodPost, "/forget_reset", map[string]any{"email": v.email, "code": found.code, "password": "new " + secret})
	t.Logf("the code, after six guesses and a later code: %s", r)

	if found.link == "" {
		t.Fatal("the mail has no link")
	}

	r = elsewhere.follow(t, found.link, "new "+secret)
	signIn := elsewhere.login(t, v.email, "new "+secret)
	t.Logf("the link: %s %s; the new password: %s", r, r.header.Get("Location"), signIn)

	if !signIn.ok() {
		t.Errorf("the link did not reset: %s", r)
	}
}

// SEC-S2, "codes": the link in the mail registers after guesses have ended the code, and after a later code.
func TestSECS2LinkRegistersAfterGuesses(t *testing.T) {
	t.Parallel()

	const email = "newcomer@konec.test"

	g := start(t)
	evil, newcomer := g.stranger(t, "198.51.100.66"), g.client("192.0.2.77")
	send := func(c *client) reply {
		return c.call(t, http.MethodPost, "/api/users/register/send-code", map[string]any{"email": email})
	}
	register := func(c *client, code string) reply {
		return c.call(t, http.MethodPost, "/api/users/register", map[string]any{"username": "Newcomer", "email": email, "password": secret, "verificationCode": code})
	}

	send(newcomer).must(t, "request of a code")

	found := g.mailAfter(t, email, 0)

	for range 6 {
		register(evil, "000000")
	}

	g.pass(t, 2*time.Minute)
	send(evil)
	t.Logf("the code, after six guesses and a later code: %s", register(newcomer, found.code))

	if found.link == "" {
		t.Fatal("the mail has no link")
	}

	r := newcomer.follow(t, found.link, secret)
	signIn := newcomer.login(t, email, secret)
	t.Logf("the link: %s %s; sign-in: %s", r, r.header.Get("Location"), signIn)

	if !signIn.ok() {
		t.Errorf("the link did not register: %s", r)
	}
}
