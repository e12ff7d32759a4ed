package regression_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/pgproxy"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// W-8, R-E2, T-05: an attempt is counted, and the count committed, before it is compared. While a right attempt has not
// opened its session yet, others see it as a failure; afterwards it is none. Every count expires.
func TestAttemptIsCountedBeforeItIsCompared(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		at  string // the statement that only a right attempt reaches
		ask func(t *testing.T, m *world.Matrix, own *world.Member) world.Call
	}{
		"Password": {"AccountSignIn", func(t *testing.T, m *world.Matrix, own *world.Member) world.Call {
			t.Helper()

			return m.Call(t, "signIn", map[string]any{"email": own.Email, "password": apptest.Password})
		}},
		"PasswordOfAnApp": {"AccountSignIn", func(t *testing.T, m *world.Matrix, own *world.Member) world.Call {
			t.Helper()

			return m.Call(t, "login", map[string]any{"email": own.Email, "password": apptest.Password})
		}},
		"OldPassword": {"AccountChangePassword", func(t *testing.T, m *world.Matrix, _ *world.Member) world.Call {
			t.Helper()

			return m.Call(t, "changePassword", map[string]any{"old": apptest.Password, "password": world.NewPassword})
		}},
		"SMS": {"AccountSignIn", func(t *testing.T, m *world.Matrix, own *world.Member) world.Call {
			t.Helper()

			phone := m.BindPhone(t, own)

			return m.Call(t, "signInWithCode", map[string]any{"phone": phone, "code": m.IssueCode(t, code.SignIn, phone)})
		}},
		"TOTP": {"AccountSignIn", func(t *testing.T, m *world.Matrix, own *world.Member) world.Call {
			t.Helper()

			return m.Call(t, "signInWithTOTP", map[string]any{"email": own.Email, "code": m.BindAuthenticator(t, own)})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			proxy, env := world.NewProxied(t)
			m := &world.Matrix{Seeder: world.NewSeeder(t, env)}

			// On a busy machine the request may time out while the statement is held. Then the attempt stays counted,
			// and another one is made.
			for range 5 {
				own := m.Members(t, 1, account.GroupNone)[0]
				sent := m.AsMember(own, c.ask(t, m, own))
				held := proxy.Inject(pgproxy.AtStatement(c.at), pgproxy.HoldBefore)
				response := make(chan world.Reply, 1)
				before := failures(t, m.Seeder)

				go func() { response <- sent.To(t, env.Server) }()

				<-held.Reached

				if n := failures(t, m.Seeder) - before; n != 1 {
					t.Errorf("%d failures are counted during the comparison, want 1", n)
				}

				close(held.Release)

				got := <-response
				left := failures(t, m.Seeder) - before

				switch {
				case got.Status == http.StatusServiceUnavailable && left == 1:
					continue
				case got.Status >= http.StatusMultipleChoices || left != 0:
					t.Errorf("the attempt: %s, and %d failures", got, left)
				}

				return
			}

			t.Error("it never succeeded")
		})
	}

	t.Run("EveryCountEnds", func(t *testing.T) {
		t.Parallel()

		var endless int

		err := apptest.New(t).Pool.QueryRow(t.Context(), `
			SELECT 2 - count(*) FROM information_schema.columns
			WHERE table_name IN ('throttle', 'failure') AND column_name = 'ends_at' AND is_nullable = 'NO'`).Scan(&endless)
		if err != nil || endless != 0 {
			t.Errorf("%d tables have counts that may never expire, %v", endless, err)
		}
	})
}

// failures returns the sum of all users' failures.
func failures(t *testing.T, s *world.Seeder) (n int) {
	t.Helper()

	if err := s.Pool.QueryRow(t.Context(), "SELECT coalesce(sum(count), 0) FROM failure").Scan(&n); err != nil {
		t.Fatal(err)
	}

	return n
}
