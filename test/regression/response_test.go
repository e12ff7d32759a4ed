package regression_test

import (
	"net/url"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// W-14, R-B1, T-23: a wrong password, an unknown address, a disabled account and a delayed one get the same responses,
// in the same order, with the same texts. A caller who requests codes too often gets the same refusal whether or not
// the address has an account.
func TestResponsesDoNotRevealAccounts(t *testing.T) {
	t.Parallel()

	m := newMatrixOf(t, world.WithManyNetworkFailures)
	people := m.Members(t, 2, account.GroupNone)
	known, disabled := people[0], people[1]

	world.DisableAccount(t, m.Seeder, disabled)

	addresses := map[string]string{"known": known.Email, "disabled": disabled.Email}
	unknown := m.NewAddress()

	for name, one := range map[string]struct {
		times int
		want  []string // the first response and the last
		ask   func(email string) world.Call
	}{
		"password": {world.FreeFailures + 2, []string{"400 INVALID_CREDENTIALS", "400 TOO_MANY_REQUESTS"}, func(email string) world.Call {
			return m.AsVisitor(known, m.Call(t, "signIn", map[string]any{"email": email, "password": "wrong " + apptest.Password}))
		}},
		"totp": {world.FreeFailures + 2, []string{world.CodeInvalid, "400 TOO_MANY_REQUESTS"}, func(email string) world.Call {
			return m.AsVisitor(known, m.Call(t, "signInWithTOTP", map[string]any{"email": email, "code": "000000"}))
		}},
		"reset": {world.FreeFailures + 2, []string{world.CodeInvalid, world.CodeInvalid}, func(email string) world.Call {
			return m.AsVisitor(known, m.Call(t, "resetPassword", map[string]any{"email": email, "code": "000000", "password": world.NewPassword}))
		}},
		"request of a reset": {2, []string{"204", "400 TOO_MANY_REQUESTS"}, func(email string) world.Call {
			return world.OperationOf(t, "sendResetCode").Call(url.Values{"email": {email}}.Encode(), nil)
		}},
	} {
		responses := func(email string) (list []world.Reply) {
			for range one.times {
				list = append(list, one.ask(email).To(t, m.Server))
			}

			return list
		}

		control := responses(unknown)
		if first, last := world.StatusAndCode(control[0]), world.StatusAndCode(control[one.times-1]); first != one.want[0] || last != one.want[1] {
			t.Fatalf("%s: %s and then %s, want %s", name, first, last, one.want)
		}

		for class, email := range addresses {
			for i, got := range responses(email) {
				if visible(got) != visible(control[i]) {
					t.Errorf("%s, %s, time %d: %s, and for an unknown address %s", name, class, i+1, visible(got), visible(control[i]))
				}
			}
		}
	}

	// The right password of a disabled account gets the response to a wrong one. Each of these accounts is delayed by
	// now, so this takes another user.
	stopped := m.Members(t, 1, account.GroupNone)[0]
	world.DisableAccount(t, m.Seeder, stopped)

	ask := func(email, password string) string {
		return visible(m.AsVisitor(known, m.Call(t, "signIn", map[string]any{"email": email, "password": password})).To(t, m.Server))
	}

	if got, want := ask(stopped.Email, apptest.Password), ask(m.NewAddress(), apptest.Password); got != want || want[:3] != "400" {
		t.Errorf("a disabled account: %s, want %s", got, want)
	}
}

// newMatrixOf starts a gateway that delays callers as it does by default.
func newMatrixOf(t *testing.T, change func(*apptest.Settings)) *world.Matrix {
	t.Helper()

	g := world.NewGateway(t, change)
	g.Clock.Stop()

	return &world.Matrix{Seeder: world.NewSeeder(t, g.Env)}
}
