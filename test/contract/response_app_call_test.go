package contract_test

import (
	"fmt"
	"maps"
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

func phoneAbroad(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return withValues(g, o, map[string]any{"phone": "+14155550100"})
}

// emailCodeCall requests the code for another address and returns the call that changes to it.
func emailCodeCall(tb testing.TB, g *world.Gateway, o world.Operation, to string) world.Call {
	tb.Helper()

	before := len(g.Mails(to))
	address, browser := g.NewUser(tb)

	if got := world.EmailCall(to, "").FromBrowser(browser).To(tb, g.Server); got.Status != http.StatusNoContent {
		tb.Fatalf("send e-mail code: %s", got)
	}

	return from(tb, g, o, withValues(g, o, map[string]any{"email": to, "code": g.Mail(tb, to, before).Code}), address, browser)
}

func rightEmailCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return emailCodeCall(tb, g, o, g.FreeAddress())
}

// takenAppEmail proves control of an address that another account has.
func takenAppEmail(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	taken, _ := g.NewUser(tb)

	return emailCodeCall(tb, g, o, taken)
}

// mailedCode requests a code to sign in with and returns it.
func mailedCode(tb testing.TB, g *world.Gateway, address string) string {
	tb.Helper()

	before := len(g.Mails(address))

	sent, err := g.Client.SendLoginMailWithResponse(tb.Context(), nil, client.SendCodeRequest{Email: address})
	if err != nil || sent.JSON200 == nil {
		tb.Fatalf("send code to %s: %v %s", address, err, sent.Body)
	}

	return g.Mail(tb, address, before).Code
}

func rightMailedCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, _ := g.NewUser(tb)

	return withValues(g, o, map[string]any{"email": address, "code": mailedCode(tb, g, address)}).FromBrowser(g.Visitor)
}

func secondFactorAfterMailedCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, _ := g.NewUser(tb)
	g.RequireSecondFactor(tb, address)

	return withValues(g, o, map[string]any{"email": address, "code": mailedCode(tb, g, address)}).FromBrowser(g.Visitor)
}

// strangerWaits guesses once at the codes of an address, so that the next guess must wait.
func strangerWaits(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := withValues(g, o, map[string]any{"email": g.FreeAddress()}).FromBrowser(g.Visitor)
	c.To(tb, g.Server)

	return c
}

// requiredTOTP removes the authenticator of a user who is asked for two factors.
func requiredTOTP(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)
	c := from(tb, g, o, g.Call(o), address, browser)

	g.BindAuthenticator(tb, browser)
	g.ChooseSecondFactor(tb, address, true)
	g.Exec(tb, "UPDATE session SET amr = '{pwd,otp,mfa}' WHERE account_id = $1", g.AccountID(tb, address))

	return c
}

// onlyLark removes the Lark identity of a user who has no other sign-in method.
func onlyLark(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)
	c := from(tb, g, o, g.Call(o), address, browser)

	g.Exec(tb, "UPDATE account SET password_hash = NULL WHERE email = $1", address)
	g.Exec(tb, `INSERT INTO identity (provider, subject, account_id, profile, bound_at)
		SELECT 'lark', 'ou_' || id, id, '{"open_id":"x","name":"y"}', now() FROM account WHERE email = $1`, address)

	return c
}

// grantCall returns a call with a valid grant of a new person at Lark, whom it binds to the address unless that is empty.
func grantCall(tb testing.TB, g *world.Gateway, o world.Operation, address string, more map[string]any) world.Call {
	tb.Helper()

	subject := fmt.Sprintf("ou_grant%d", g.Sequence.Add(1))
	if address != "" {
		g.Exec(tb, `INSERT INTO identity (provider, subject, account_id, profile, bound_at)
			SELECT 'lark', $2, id, '{"open_id":"x","name":"y"}', now() FROM account WHERE email = $1`, address, subject)
	}

	values := map[string]any{"code": world.LarkGrant(tb, g.Env, subject)}
	maps.Copy(values, more)

	return withValues(g, o, values)
}

func rightGrant(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, _ := g.NewUser(tb)

	return grantCall(tb, g, o, address, nil)
}

func grantOfUnboundPerson(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return grantCall(tb, g, o, "", nil)
}

// grantOfTwoFactors returns the sign-in of a user who is asked for two factors.
func grantOfTwoFactors(tb testing.TB, g *world.Gateway, o world.Operation, more map[string]any) world.Call {
	tb.Helper()

	address, browser := g.NewUser(tb)
	g.BindAuthenticator(tb, browser)
	g.ChooseSecondFactor(tb, address, true)

	return grantCall(tb, g, o, address, more)
}

func grantAlone(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return grantOfTwoFactors(tb, g, o, nil)
}

func grantWithWrongCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return grantOfTwoFactors(tb, g, o, map[string]any{"totp": "000000"})
}

func grantGuessedTwice(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := grantWithWrongCode(tb, g, o)
	c.To(tb, g.Server)

	return c
}

// grantToBind returns the call of a user who binds an unbound person.
func grantToBind(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)

	return from(tb, g, o, grantCall(tb, g, o, "", nil), address, browser)
}

// grantOfTakenPerson returns the call of a user who binds a person that is bound to another account.
func grantOfTakenPerson(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)
	other, _ := g.NewUser(tb)

	return from(tb, g, o, grantCall(tb, g, o, other, nil), address, browser)
}

func grantAfterOldSignIn(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := afterOldSignIn(tb, g, o)
	c.Body = grantCall(tb, g, o, "", nil).Body

	return c
}

// lastAdministratorLeaves returns the call with which the last administrator would delete their own account.
func lastAdministratorLeaves(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return from(tb, g, o, g.Call(o), world.Administrator, g.SignedIn(tb, world.Administrator))
}
