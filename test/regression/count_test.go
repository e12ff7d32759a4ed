package app_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// W-8, R-E2, T-05: an attempt is counted, and committed, before anybody knows whether it is right: while a right
// one is still on its way to its session, everybody else sees it as a failure. It is none once it has arrived.
// And no count is without an end.
func TestAttemptIsCountedBeforeItIsCompared(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		at  string // the statement that only a right one comes to
		ask func(t *testing.T, m *matrix, own *member) call
	}{
		"Password": {"AccountSignIn", func(t *testing.T, m *matrix, own *member) call {
			t.Helper()

			return m.asked(t, "signIn", map[string]any{"email": own.email, "password": apptest.Password})
		}},
		"PasswordOfAnApp": {"AccountSignIn", func(t *testing.T, m *matrix, own *member) call {
			t.Helper()

			return m.asked(t, "login", map[string]any{"email": own.email, "password": apptest.Password})
		}},
		"OldPassword": {"AccountChangePassword", func(t *testing.T, m *matrix, _ *member) call {
			t.Helper()

			return m.asked(t, "changePassword", map[string]any{"old": apptest.Password, "password": newPassword})
		}},
		"SMS": {"AccountSignIn", func(t *testing.T, m *matrix, own *member) call {
			t.Helper()

			phone := m.phoned(t, own)

			return m.asked(t, "signInWithCode", map[string]any{"phone": phone, "code": m.code(t, code.SignIn, phone)})
		}},
		"TOTP": {"AccountSignIn", func(t *testing.T, m *matrix, own *member) call {
			t.Helper()

			return m.asked(t, "signInWithTOTP", map[string]any{"email": own.email, "code": m.bound(t, own)})
		}},
		"Reset": {"AccountResetPassword", func(t *testing.T, m *matrix, own *member) call {
			t.Helper()

			return m.asked(t, "resetPassword", map[string]any{"email": own.email, "code": m.code(t, code.Reset, own.email), "password": newPassword})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			proxy, env := newProxied(t)
			m := &matrix{clerk: newClerk(t, env)}

			// On a machine that has no time the gateway's own may be over while the statement is held. Then the
			// attempt has not arrived and stays counted, and another one has to.
			for range 5 {
				own := m.members(t, 1, account.GroupNone)[0]
				sent := m.by(own, c.ask(t, m, own))
				held := proxy.trap(atStatement(c.at), holdBefore)
				answered := make(chan reply, 1)
				before := m.failures(t)

				go func() { answered <- sent.to(t, env.Server) }()

				<-held.sprung

				if n := m.failures(t) - before; n != 1 {
					t.Errorf("%d failures are counted while it is compared, want 1", n)
				}

				close(held.release)

				got := <-answered
				left := m.failures(t) - before

				switch {
				case got.status == http.StatusServiceUnavailable && left == 1:
					continue
				case got.status >= http.StatusMultipleChoices || left != 0:
					t.Errorf("it: %s, and %d failures", got, left)
				}

				return
			}

			t.Error("it never arrived")
		})
	}

	t.Run("EveryCountEnds", func(t *testing.T) {
		t.Parallel()

		var endless int

		err := apptest.New(t).Pool.QueryRow(t.Context(), `
			SELECT 2 - count(*) FROM information_schema.columns
			WHERE table_name IN ('throttle', 'failure') AND column_name = 'ends_at' AND is_nullable = 'NO'`).Scan(&endless)
		if err != nil || endless != 0 {
			t.Errorf("%d tables of counts may be without an end, %v", endless, err)
		}
	})
}

// failures are those of persons that everybody sees.
func (k *clerk) failures(t *testing.T) (n int) {
	t.Helper()

	if err := k.Pool.QueryRow(t.Context(), "SELECT coalesce(sum(count), 0) FROM failure").Scan(&n); err != nil {
		t.Fatal(err)
	}

	return n
}
