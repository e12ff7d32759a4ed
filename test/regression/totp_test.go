package app_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
)

// told is all that a caller learns of an answer, but for what differs each time.
func (r reply) told() string {
	return r.String()[:3] + " " + r.header.Get("Retry-After") + " " + string(bytes.ReplaceAll(r.body, []byte(r.problem.RequestID), nil))
}

// emptyCodes are those that anybody can compute for who has no secret, of the steps −2 to 2.
func emptyCodes(t *testing.T, now time.Time) (codes []string) {
	t.Helper()

	for steps := -2; steps <= 2; steps++ {
		codes = append(codes, totpAt(t, emptySecret, now.Add(time.Duration(steps)*30*time.Second)))
	}

	return codes
}

// W-1, R-D5: nobody signs in with the code of an empty secret, whether there is no secret, an empty value, one
// that only waits, or one that was removed. The answer is that to a wrong code.
func TestEmptySecretSignsNobodyIn(t *testing.T) {
	t.Parallel()

	m := newMatrix(t)
	people := m.members(t, 5, account.GroupNone)
	owner, bare, pending, removed, empty := people[0], people[1], people[2], people[3], people[4]

	m.bound(t, owner)
	m.pending(t, pending)
	m.bound(t, empty)
	m.exec(t, "UPDATE totp SET secret = '' WHERE account_id = $1", empty.id)
	m.bound(t, removed)

	unbind := m.asked(t, "unbind", nil)
	unbind.path = "/user/totp"

	if got := m.by(removed, unbind).to(t, m.Server); got.status != http.StatusNoContent {
		t.Fatalf("removing: %s", got)
	}

	ask := func(email, plain string) reply {
		t.Helper()

		return m.visit(bare, m.asked(t, "signInWithTOTP", map[string]any{"email": email, "code": plain})).to(t, m.Server)
	}

	want := ask(owner.email, "000000").told()

	for name, email := range map[string]string{
		"nobody": m.address(), "no secret": bare.email, "a secret that waits": pending.email, "a secret that was removed": removed.email, "an empty value": empty.email,
	} {
		for _, plain := range emptyCodes(t, m.Clock.Now()) {
			if got := ask(email, plain); got.told() != want || len(got.header.Values("Set-Cookie")) > 0 {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	}
}

// W-15, R-C12, R-D8, contract "sensitive changes": what the account is entered by is taken away only by who signed in
// a quarter of an hour ago at the most, and a renewal is no sign-in. It is worth nothing from then on, and its
// owner is told.
func TestTakingAwayNeedsAFreshSignIn(t *testing.T) {
	t.Parallel()

	m := newMatrix(t)

	type way struct {
		wayIn func(t *testing.T, own *member) call // prepared before it is taken away
		after string
	}

	for key, w := range map[string]way{
		"phone": {func(t *testing.T, own *member) call {
			t.Helper()

			phone := m.phoned(t, own)

			return m.asked(t, "signInWithCode", map[string]any{"phone": phone, "code": m.code(t, code.SignIn, phone)})
		}, wrongCode},
		"totp": {func(t *testing.T, own *member) call {
			t.Helper()

			return m.asked(t, "signInWithTOTP", map[string]any{"email": own.email, "code": m.bound(t, own)})
		}, wrongCode},
		"lark": {func(t *testing.T, own *member) call {
			t.Helper()

			return m.journeyOf(t, own)
		}, "302 IDENTITY_NOT_BOUND"},
	} {
		own := m.members(t, 1, account.GroupNone)[0]
		wayIn := w.wayIn(t, own)
		unbind := m.asked(t, "unbind", nil)
		unbind.path = "/user/" + key

		m.exec(t, "UPDATE session SET authenticated_at = $2 WHERE account_id = $1", own.id, m.Clock.Now().Add(-15*time.Minute-time.Millisecond))

		renewed := m.by(own, m.asked(t, "renewSession", map[string]any{"code": m.renewal(t, own.browser)})).to(t, m.Server)
		before := m.everything(t)

		if got := answerOf(m.by(own, unbind).to(t, m.Server)); renewed.status != http.StatusNoContent || got != reauth || m.everything(t) != before {
			t.Errorf("%s, after a renewal (%s): %s, want %s", key, renewed, got, reauth)
		}

		m.exec(t, "UPDATE session SET authenticated_at = $2 WHERE account_id = $1", own.id, m.Clock.Now().Add(time.Second-15*time.Minute))

		if got := answerOf(m.by(own, unbind).to(t, m.Server)); got != "204" || m.everything(t) == before {
			t.Errorf("%s, after a little less than a quarter of an hour: %s", key, got)
		}

		m.Mail(t, own.email, 0)

		without := m.everything(t)
		if got := answerOf(m.visit(own, wayIn).to(t, m.Server)); got != w.after || m.everything(t) != without {
			t.Errorf("%s, once it is taken away: %s, want %s", key, got, w.after)
		}

		for _, plain := range emptyCodes(t, m.Clock.Now()) {
			got := answerOf(m.visit(own, m.asked(t, "signInWithTOTP", map[string]any{"email": own.email, "code": plain})).to(t, m.Server))
			if got != wrongCode {
				t.Errorf("%s, and the empty secret: %s", key, got)
			}
		}
	}
}
