package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// V-09, R-F10, T-28: whoever is stopped between the two steps of a flow is stopped at the second.
func TestDisabledBetweenTwoSteps(t *testing.T) {
	t.Parallel()

	m := newMatrix(t)

	for _, s := range []shortcut{
		{"password", "400 INVALID_CREDENTIALS", func(t *testing.T, m *matrix, own, _ *member) call {
			return m.visit(own, m.asked(t, "signIn", map[string]any{"email": own.email, "password": apptest.Password}))
		}},
		{"password of an app", "401 INVALID_CREDENTIALS", func(t *testing.T, m *matrix, own, _ *member) call {
			return m.asked(t, "login", map[string]any{"email": own.email, "password": apptest.Password})
		}},
		{"refresh token", "401 REFRESH_TOKEN_INVALID", func(t *testing.T, m *matrix, own, _ *member) call {
			return m.asked(t, "refresh", map[string]any{"refresh_token": own.refresh})
		}},
		{"code by SMS", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
			phone := m.phoned(t, own)

			return m.visit(own, m.asked(t, "signInWithCode", map[string]any{"phone": phone, "code": m.code(t, code.SignIn, phone)}))
		}},
		{"authenticator", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
			return m.visit(own, m.asked(t, "signInWithTOTP", map[string]any{"email": own.email, "code": m.bound(t, own)}))
		}},
		{"recovery code", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
			return m.visit(own, m.asked(t, "signInWithTOTP", map[string]any{"email": own.email, "code": m.recovery(t, own)}))
		}},
		{"reset code", wrongCode, func(t *testing.T, m *matrix, own, _ *member) call {
			return m.resetting(t, own, m.code(t, code.Reset, own.email))
		}},
		{"refresh code", "401 TOKEN_INVALID", func(t *testing.T, m *matrix, own, _ *member) call {
			return m.by(own, m.asked(t, "renewSession", map[string]any{"code": m.renewal(t, own.browser)}))
		}},
		{"code of a new address", "401 TOKEN_INVALID", func(t *testing.T, m *matrix, own, _ *member) call {
			address := m.address()

			return m.by(own, m.asked(t, "changeUser", map[string]any{"key": "Email", "email": address, "code": m.code(t, code.Email, own.id+" "+address)}))
		}},
		{"journey to Lark", "302 IDENTITY_NOT_BOUND", func(t *testing.T, m *matrix, own, _ *member) call {
			return m.journeyOf(t, own)
		}},
	} {
		people := m.members(t, 2, account.GroupNone)
		c := s.ask(t, m, people[0], people[1])
		disable(t, m.clerk, people[0])

		before := m.everything(t)

		if got := answerOf(c.to(t, m.Server)); got != s.want {
			t.Errorf("%s: %s, want %s", s.name, got, s.want)
		}

		if m.everything(t) != before {
			t.Errorf("%s: something came of it", s.name)
		}
	}
}

// R-D9, V-22: where a member group asks for a second factor, these are all the ways to a session, and none goes
// around it. The reset of a password opens none.
func TestEveryWayInAsksForTheSecondFactor(t *testing.T) {
	t.Parallel()

	m := newMatrix(t)
	m.exec(t, "UPDATE member_group SET requires_totp = $1 WHERE name = 'Tester'", true)

	opened := func(h *member) (n int) {
		t.Helper()

		err := m.Pool.QueryRow(t.Context(), "SELECT count(*) FROM session WHERE account_id = $1", h.id).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}

		return n
	}

	type way struct {
		name, alone, both string
		ask               func(t *testing.T, m *matrix, h *member, second map[string]any) call
	}

	with := func(body, second map[string]any) map[string]any {
		for name, value := range second {
			body[name] = value
		}

		return body
	}

	for _, w := range []way{
		{"password", "400 TOTP_REQUIRED", "204", func(t *testing.T, m *matrix, h *member, second map[string]any) call {
			return m.visit(h, m.asked(t, "signIn", with(map[string]any{"email": h.email, "password": apptest.Password}, second)))
		}},
		{"password of an app", "401 TOTP_REQUIRED", "200", func(t *testing.T, m *matrix, h *member, second map[string]any) call {
			return m.asked(t, "login", with(map[string]any{"email": h.email, "password": apptest.Password}, second))
		}},
		{"code by SMS", "400 TOTP_REQUIRED", "204", func(t *testing.T, m *matrix, h *member, second map[string]any) call {
			phone := m.phone()
			m.exec(t, "UPDATE account SET phone = $2 WHERE id = $1", h.id, phone)

			return m.visit(h, m.asked(t, "signInWithCode", with(map[string]any{"phone": phone, "code": m.code(t, code.SignIn, phone)}, second)))
		}},
		{"Lark", "302 TOTP_REQUIRED", "", func(t *testing.T, m *matrix, h *member, _ map[string]any) call {
			return m.journeyOf(t, h)
		}},
		{"reset", "204", "", func(t *testing.T, m *matrix, h *member, _ map[string]any) call {
			return m.resetting(t, h, m.code(t, code.Reset, h.email))
		}},
	} {
		h := m.members(t, 1, "Tester")[0]
		second := m.bound(t, h)
		before := opened(h)

		got := w.ask(t, m, h, nil).to(t, m.Server)
		if answerOf(got) != w.alone || opened(h) != before || strings.Contains(strings.Join(got.header.Values("Set-Cookie"), "\n"), "__Host-TOKEN") {
			t.Errorf("%s, alone: %s %q, and %d sessions of %d", w.name, answerOf(got), got.header.Values("Set-Cookie"), opened(h), before)
		}

		if w.both == "" {
			continue
		}

		for _, wrong := range []string{"000000", strings.Repeat("A", 20)} {
			if got := w.ask(t, m, h, map[string]any{"totp": wrong}).to(t, m.Server); got.status < http.StatusBadRequest || opened(h) != before {
				t.Errorf("%s, with %s: %s", w.name, wrong, answerOf(got))
			}
		}

		if got := answerOf(w.ask(t, m, h, map[string]any{"totp": second}).to(t, m.Server)); got != w.both || opened(h) != before+1 {
			t.Errorf("%s, with the second factor: %s", w.name, got)
		}
	}
}
