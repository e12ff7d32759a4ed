package contract_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// Every sign-in takes the second factor, the wish to trust the device, and the device's token.
func TestOptionalMembersOfSignInsAreUsed(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.WithoutWaits)
	g.Clock.Stop()

	s := world.NewSeeder(t, g.Env)
	address, browser := g.NewUser(t)
	secret := g.BindAuthenticator(t, browser)
	phone, _ := g.BindPhone(t, address)
	ticket := g.LarkTicket(t, address)
	subject := g.LarkSubject(t, address)

	g.ChooseSecondFactor(t, address, true)

	send := func(id string, values map[string]any, more func(world.Call) world.Call) {
		t.Helper()

		o := world.OperationOf(t, id)
		if o.Schema().Properties["trustDevice"] != nil {
			g.Clock.Advance(30 * time.Second) // each code of the authenticator works once

			values["trustDevice"] = true
			values["totp"] = g.TOTPCode(t, secret, 0)
		}

		c := o.Call("", values).FromBrowser(g.Visitor)
		if !o.IsPublic() {
			c = o.Call("", values).With("X-Device-Token", "a token of another server")
		}

		if more != nil {
			c = more(c)
		}

		if got := c.To(t, g.Server); got.Status >= http.StatusBadRequest {
			t.Errorf("%s: %s", id, got)
		}
	}

	password := func() map[string]any { return map[string]any{"email": address, "password": apptest.Password} }
	bySMS := func() map[string]any {
		return map[string]any{"phone": phone, "code": s.IssueCode(t, code.SignIn, phone)}
	}
	byMail := func() map[string]any {
		return map[string]any{"email": address, "code": s.IssueCode(t, code.SignInMail, address)}
	}

	send("signIn", password(), nil)
	send("login", password(), nil)
	send("signInWithCode", bySMS(), nil)
	send("loginWithSMS", bySMS(), nil)
	send("signInWithMail", byMail(), nil)
	send("loginWithMail", byMail(), nil)
	send("signInWithLark", map[string]any{}, func(c world.Call) world.Call { return g.WithTicket(c, ticket) })
	send("loginWithLark", map[string]any{"code": world.LarkGrant(t, g.Env, subject), "code_verifier": world.GrantVerifier}, nil)

	send("sendLoginSMS", map[string]any{"phone": phone}, nil)
	send("sendLoginMail", map[string]any{"email": address}, nil)
	send("sendForgottenPasswordCode", map[string]any{"email": address}, nil)

	g.ChooseSecondFactor(t, address, false)
	g.Clock.Advance(30 * time.Second)
	send("loginWithTOTP", map[string]any{"email": address, "code": g.TOTPCode(t, secret, 0)}, nil)
	send("resetForgottenPassword", map[string]any{"email": address, "code": s.IssueCode(t, code.Reset, address), "password": world.NewPassword}, nil)
}
