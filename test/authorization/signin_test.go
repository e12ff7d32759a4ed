package authorization_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// V-09, R-F10, T-28: a user who is disabled between the two steps of a flow is refused at the second.
func TestDisabledBetweenTwoSteps(t *testing.T) {
	t.Parallel()

	m := world.NewMatrix(t)

	for _, s := range []skippedStep{
		{"password", "400 INVALID_CREDENTIALS", func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
			return m.AsVisitor(own, m.Call(t, "signIn", map[string]any{"email": own.Email, "password": apptest.Password}))
		}},
		{"password of an app", "401 INVALID_CREDENTIALS", func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
			return m.Call(t, "login", map[string]any{"email": own.Email, "password": apptest.Password})
		}},
		{"refresh token", "401 REFRESH_TOKEN_INVALID", func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
			return m.Call(t, "refresh", map[string]any{"refresh_token": own.RefreshToken})
		}},
		{"code by SMS", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
			phone := m.BindPhone(t, own)

			return m.AsVisitor(own, m.Call(t, "signInWithCode", map[string]any{"phone": phone, "code": m.IssueCode(t, code.SignIn, phone)}))
		}},
		{"authenticator", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
			return m.AsVisitor(own, m.Call(t, "signInWithTOTP", map[string]any{"email": own.Email, "code": m.BindAuthenticator(t, own)}))
		}},
		{"recovery code", "400 INVALID_CREDENTIALS", func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
			return m.AsVisitor(own, m.Call(t, "signIn", map[string]any{"email": own.Email, "password": apptest.Password, "totp": m.RecoveryCode(t, own)}))
		}},
		{"reset code", world.CodeInvalid, func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
			return m.ResetCall(t, own, m.IssueCode(t, code.Reset, own.Email))
		}},
		{"refresh code", "401 TOKEN_INVALID", func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
			return m.AsMember(own, m.Call(t, "renewSession", map[string]any{"code": m.RefreshCode(t, own.BrowserSession)}))
		}},
		{"code of a new address", "401 TOKEN_INVALID", func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
			address := m.NewAddress()

			return m.AsMember(own, m.Call(t, "changeUser", map[string]any{"key": "Email", "email": address, "code": m.IssueCode(t, code.Email, own.ID+" "+address)}))
		}},
		{"journey to Lark", "302 IDENTITY_NOT_BOUND", func(t *testing.T, m *world.Matrix, own, _ *world.Member) world.Call {
			return m.LarkReturn(t, own)
		}},
	} {
		people := m.Members(t, 2, account.GroupNone)
		c := s.call(t, m, people[0], people[1])
		world.DisableAccount(t, m.Seeder, people[0])

		before := m.AllState(t)

		if got := world.StatusAndCode(c.To(t, m.Server)); got != s.want {
			t.Errorf("%s: %s, want %s", s.name, got, s.want)
		}

		if m.AllState(t) != before {
			t.Errorf("%s: the call had an effect", s.name)
		}
	}
}

// R-D9, V-22: these are all the ways to get a session in a group that requires a second factor, and none avoids it. A
// password reset opens no session.
func TestEverySignInRequiresTheSecondFactor(t *testing.T) {
	t.Parallel()

	m := world.NewMatrix(t)
	m.Update(t, "UPDATE member_group SET requires_totp = $1 WHERE name = 'Tester'", true)

	opened := func(member *world.Member) (n int) {
		t.Helper()

		err := m.Pool.QueryRow(t.Context(), "SELECT count(*) FROM session WHERE account_id = $1", member.ID).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}

		return n
	}

	type way struct {
		name, alone, both string
		ask               func(t *testing.T, m *world.Matrix, member *world.Member, second map[string]any) world.Call
	}

	with := func(body, second map[string]any) map[string]any {
		for name, value := range second {
			body[name] = value
		}

		return body
	}

	for _, w := range []way{
		{"password", "400 TOTP_REQUIRED", "204", func(t *testing.T, m *world.Matrix, member *world.Member, second map[string]any) world.Call {
			return m.AsVisitor(member, m.Call(t, "signIn", with(map[string]any{"email": member.Email, "password": apptest.Password}, second)))
		}},
		{"password of an app", "401 TOTP_REQUIRED", "200", func(t *testing.T, m *world.Matrix, member *world.Member, second map[string]any) world.Call {
			return m.Call(t, "login", with(map[string]any{"email": member.Email, "password": apptest.Password}, second))
		}},
		{"code by SMS", "400 TOTP_REQUIRED", "204", func(t *testing.T, m *world.Matrix, member *world.Member, second map[string]any) world.Call {
			phone := m.NewPhone()
			m.Update(t, "UPDATE account SET phone = $2 WHERE id = $1", member.ID, phone)

			return m.AsVisitor(member, m.Call(t, "signInWithCode", with(map[string]any{"phone": phone, "code": m.IssueCode(t, code.SignIn, phone)}, second)))
		}},
		{"Lark", "302 TOTP_REQUIRED", "", func(t *testing.T, m *world.Matrix, member *world.Member, _ map[string]any) world.Call {
			return m.LarkReturn(t, member)
		}},
		{"reset", "204", "", func(t *testing.T, m *world.Matrix, member *world.Member, _ map[string]any) world.Call {
			return m.ResetCall(t, member, m.IssueCode(t, code.Reset, member.Email))
		}},
	} {
		member := m.Members(t, 1, "Tester")[0]
		second := m.BindAuthenticator(t, member)
		before := opened(member)

		got := w.ask(t, m, member, nil).To(t, m.Server)
		if world.StatusAndCode(got) != w.alone || opened(member) != before || strings.Contains(strings.Join(got.Header.Values("Set-Cookie"), "\n"), "__Host-TOKEN") {
			t.Errorf("%s, alone: %s %q, and %d sessions of %d", w.name, world.StatusAndCode(got), got.Header.Values("Set-Cookie"), opened(member), before)
		}

		if w.both == "" {
			continue
		}

		for _, wrong := range []string{"000000", strings.Repeat("A", 20)} {
			if got := w.ask(t, m, member, map[string]any{"totp": wrong}).To(t, m.Server); got.Status < http.StatusBadRequest || opened(member) != before {
				t.Errorf("%s, with %s: %s", w.name, wrong, world.StatusAndCode(got))
			}
		}

		if got := world.StatusAndCode(w.ask(t, m, member, map[string]any{"totp": second}).To(t, m.Server)); got != w.both || opened(member) != before+1 {
			t.Errorf("%s, with the second factor: %s", w.name, got)
		}
	}
}
