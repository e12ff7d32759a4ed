package app_test

import (
	"net/url"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// W-14, R-B1, T-23: a wrong password, an unknown address, a disabled account and one that is slowed down get the
// same answers, in the same order, with the same words; and who asks for a code too often is told so whether or
// not anybody has the address.
func TestOneAnswerForEverybody(t *testing.T) {
	t.Parallel()

	m := newMatrixOf(t, manyFromOneNetwork)
	people := m.members(t, 2, account.GroupNone)
	known, disabled := people[0], people[1]

	disable(t, m.clerk, disabled)

	addresses := map[string]string{"known": known.email, "disabled": disabled.email}
	unknown := m.address()

	for name, one := range map[string]struct {
		times int
		want  []string // the first answer and the last
		ask   func(email string) call
	}{
		"password": {freeFailures + 2, []string{"400 INVALID_CREDENTIALS", "400 TOO_MANY_REQUESTS"}, func(email string) call {
			return m.visit(known, m.asked(t, "signIn", map[string]any{"email": email, "password": "wrong " + apptest.Password}))
		}},
		"totp": {freeFailures + 2, []string{wrongCode, "400 TOO_MANY_REQUESTS"}, func(email string) call {
			return m.visit(known, m.asked(t, "signInWithTOTP", map[string]any{"email": email, "code": "000000"}))
		}},
		"reset": {freeFailures + 2, []string{wrongCode, "400 TOO_MANY_REQUESTS"}, func(email string) call {
			return m.visit(known, m.asked(t, "resetPassword", map[string]any{"email": email, "code": "000000", "password": newPassword}))
		}},
		"request of a reset": {2, []string{"204", "400 TOO_MANY_REQUESTS"}, func(email string) call {
			return operationOf(t, "sendResetCode").asked(url.Values{"email": {email}}.Encode(), nil)
		}},
	} {
		answers := func(email string) (list []reply) {
			for range one.times {
				list = append(list, one.ask(email).to(t, m.Server))
			}

			return list
		}

		control := answers(unknown)
		if first, last := answerOf(control[0]), answerOf(control[one.times-1]); first != one.want[0] || last != one.want[1] {
			t.Fatalf("%s: %s and then %s, want %s", name, first, last, one.want)
		}

		for class, email := range addresses {
			for i, got := range answers(email) {
				if got.told() != control[i].told() {
					t.Errorf("%s, %s, time %d: %s, and for an unknown address %s", name, class, i+1, got.told(), control[i].told())
				}
			}
		}
	}

	// The right password of who may not sign in is a wrong one. Each is slowed down by now, so it takes another person.
	stopped := m.members(t, 1, account.GroupNone)[0]
	disable(t, m.clerk, stopped)

	ask := func(email, password string) string {
		return m.visit(known, m.asked(t, "signIn", map[string]any{"email": email, "password": password})).to(t, m.Server).told()
	}

	if got, want := ask(stopped.email, apptest.Password), ask(m.address(), apptest.Password); got != want || want[:3] != "400" {
		t.Errorf("a disabled account: %s, want %s", got, want)
	}
}

// newMatrixOf is a gateway that makes people wait as it does by default.
func newMatrixOf(t *testing.T, change func(*config.Config)) *matrix {
	t.Helper()

	d := newDesk(t, change)
	d.Clock.Stop()

	return &matrix{clerk: newClerk(t, d.Env)}
}
