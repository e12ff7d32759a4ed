package contract_test

import (
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// confirmationCall returns a new user's call that confirms a session of either surface, and the user.
func confirmationCall(tb testing.TB, g *world.Gateway, o world.Operation, body map[string]any) (world.Call, string) {
	tb.Helper()

	address, browser := g.NewUser(tb)

	c := g.Call(o)
	if o.IsPublic() {
		c = c.FromBrowser(browser)
	} else {
		c = c.With("Authorization", "Bearer "+g.SignIn(tb, address).AccessToken)
	}

	c.Body = o.Encode(body)

	return c, address
}

func rightConfirmation(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c, _ := confirmationCall(tb, g, o, map[string]any{"password": apptest.Password})

	return c
}

func wrongConfirmationCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c, _ := confirmationCall(tb, g, o, map[string]any{"totp": "000000"})

	return c
}

// halfConfirmation returns the call with a right password of a user who is asked for two factors.
func halfConfirmation(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c, address := confirmationCall(tb, g, o, map[string]any{"password": apptest.Password})
	g.BindAuthenticator(tb, g.SignedIn(tb, address))
	g.ChooseSecondFactor(tb, address, true)

	return c
}

func secondFactorWithoutApp(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)

	return from(tb, g, o, withValues(g, o, map[string]any{"enabled": true}), address, browser)
}

func suspendedPhone(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)
	g.Exec(tb, "UPDATE account SET phone = $1, phone_suspended_at = now() WHERE email = $2", g.NewPhone(), address)

	return from(tb, g, o, g.Call(o), address, browser)
}

// ticketCall returns the call of a user whom Lark has confirmed and who is asked for two factors, with a code.
func ticketCall(tb testing.TB, g *world.Gateway, o world.Operation, code func(secret string) string) (c world.Call, address string) {
	tb.Helper()

	address, browser := g.NewUser(tb)
	secret := g.BindAuthenticator(tb, browser)
	g.ChooseSecondFactor(tb, address, true)

	return g.WithTicket(withValues(g, o, map[string]any{"totp": code(secret)}), g.LarkTicket(tb, address)), address
}

func rightTicket(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c, _ := ticketCall(tb, g, o, func(secret string) string { return g.TOTPCode(tb, secret, 1) })

	return c
}

func ticketWithWrongCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c, _ := ticketCall(tb, g, o, func(string) string { return "000000" })

	return c
}

func ticketGuessedTwice(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := ticketWithWrongCode(tb, g, o)
	c.To(tb, g.Server)

	return c
}

func ticketOfUnboundIdentity(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c, address := ticketCall(tb, g, o, func(string) string { return "000000" })
	g.Exec(tb, "DELETE FROM identity WHERE account_id = $1", g.AccountID(tb, address))

	return c
}

// sealedTicket returns the call with a ticket that the gateway accepts as its own, and that is not valid any more.
func sealedTicket(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return g.WithTicket(g.Call(o), g.SealedTicket("ou_nobody"))
}
