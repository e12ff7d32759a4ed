package contract_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// secondFactorRequired signs in a user of a group that requires a second factor.
func secondFactorRequired(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, _ := g.NewUser(tb)
	g.RequireSecondFactor(tb, address)

	return withValues(g, o, map[string]any{"email": address})
}

// from returns the call with the credential of a user: the browser's, or the token of an app that signs in for it.
func from(tb testing.TB, g *world.Gateway, o world.Operation, c world.Call, address string, browser *apptest.Browser) world.Call {
	tb.Helper()

	if o.IsPublic() {
		return c.FromBrowser(browser)
	}

	return c.With("Authorization", "Bearer "+g.SignIn(tb, address).AccessToken)
}

func rightSMSCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, _ := g.NewUser(tb)
	phone, code := g.BindPhone(tb, address)

	return withValues(g, o, map[string]any{"phone": phone, "code": code}).FromBrowser(g.Visitor)
}

func secondFactorAfterSMSCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, _ := g.NewUser(tb)
	g.RequireSecondFactor(tb, address)

	phone, code := g.BindPhone(tb, address)

	return withValues(g, o, map[string]any{"phone": phone, "code": code}).FromBrowser(g.Visitor)
}

func rightTOTP(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)
	secret := g.BindAuthenticator(tb, browser)

	return withValues(g, o, map[string]any{"email": address, "code": g.TOTPCode(tb, secret, 1)}).FromBrowser(g.Visitor)
}

func rightTOTPPair(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)
	_, _, codes := g.PendingAuthenticator(tb, browser)

	member := "tss"
	if !o.IsPublic() {
		member = "codes"
	}

	return from(tb, g, o, withValues(g, o, map[string]any{member: codes}), address, browser)
}

func pendingTOTP(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)
	g.PendingAuthenticator(tb, browser)

	return from(tb, g, o, g.Call(o), address, browser)
}

func withTOTP(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)
	g.BindAuthenticator(tb, browser)

	return from(tb, g, o, g.Call(o), address, browser)
}

// changeEmailCall returns a new user's request for a change of the address.
func changeEmailCall(tb testing.TB, g *world.Gateway, o world.Operation, to string, more map[string]any) world.Call {
	tb.Helper()

	_, browser := g.NewUser(tb)
	values := map[string]any{"key": "email", "email": to}

	for name, value := range more {
		values[name] = value
	}

	c := g.Call(o).FromBrowser(browser)
	c.Body = o.Encode(values)

	return c
}

func wrongEmailCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return changeEmailCall(tb, g, o, "nowhere@konec.com.au", map[string]any{"code": "000000"})
}

func foreignEmail(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return changeEmailCall(tb, g, o, "somebody@example.com", nil)
}

func emailTwice(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := changeEmailCall(tb, g, o, "twice@konec.com.au", nil)
	c.To(tb, g.Server)

	return c
}

// takenEmail proves control of an address that another account has.
func takenEmail(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	taken, _ := g.NewUser(tb)
	before := len(g.Mails(taken))

	c := changeEmailCall(tb, g, o, taken, nil)
	c.To(tb, g.Server)

	code := g.Mail(tb, taken, before).Code
	c.Body = o.Encode(map[string]any{"key": "email", "email": taken, "code": code})

	return c
}

// afterOldSignIn returns the call of a user whose sign-in is more than 15 minutes old.
func afterOldSignIn(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)
	c := from(tb, g, o, g.Call(o), address, browser)

	g.Exec(tb, `UPDATE session SET authenticated_at = authenticated_at - interval '16 minutes'
		WHERE account_id = (SELECT id FROM account WHERE email = $1)`, address)

	return c
}

func emailAfterOldSignIn(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := afterOldSignIn(tb, g, o)
	c.Body = o.Encode(map[string]any{"key": "email", "email": "later@konec.com.au"})

	return c
}

// bindPhoneCall requests the code for a phone and returns the call that binds it.
func bindPhoneCall(tb testing.TB, g *world.Gateway, o world.Operation, phone string) world.Call {
	tb.Helper()

	address, browser := g.NewUser(tb)

	sent, err := browser.Client.SendPhoneCodeWithResponse(tb.Context(), &client.SendPhoneCodeParams{Phone: phone})
	if err != nil || sent.StatusCode() != http.StatusNoContent {
		tb.Fatalf("send phone code: %v %s", err, sent.Body)
	}

	return from(tb, g, o, withValues(g, o, map[string]any{"phone": phone, "code": g.Mail(tb, phone, 0).Code}), address, browser)
}

func rightPhoneCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	return bindPhoneCall(tb, g, o, g.NewPhone())
}

func takenPhone(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	other, _ := g.NewUser(tb)
	phone := g.NewPhone()
	g.Exec(tb, "UPDATE account SET phone = $1 WHERE email = $2", phone, other)

	return bindPhoneCall(tb, g, o, phone)
}

// lastSignInMethod removes the phone of a user who has no other sign-in method.
func lastSignInMethod(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)
	c := from(tb, g, o, g.Call(o), address, browser)

	g.Exec(tb, "UPDATE account SET phone = $1, password_hash = NULL WHERE email = $2", g.NewPhone(), address)

	return c
}

func uploadNotConfigured(_ testing.TB, g *world.Gateway, o world.Operation) world.Call {
	c := g.Call(o)
	c.Query = "type=upload"

	return c
}

func rightRenewalCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	code, err := g.OwnerBrowser.Client.CreateRefreshCodeWithResponse(tb.Context())
	if err != nil || code.JSON200 == nil {
		tb.Fatalf("refresh code: %v %s", err, code.Body)
	}

	return withValues(g, o, map[string]any{"code": code.JSON200.Code})
}

func rightOldPassword(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)

	return from(tb, g, o, withValues(g, o, map[string]any{"old": apptest.Password}), address, browser)
}

func rightResetCode(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, _ := g.NewUser(tb)
	before := len(g.Mails(address))

	sent, err := g.Visitor.Client.SendResetCodeWithResponse(tb.Context(), &client.SendResetCodeParams{Email: address})
	if err != nil || sent.StatusCode() != http.StatusNoContent {
		tb.Fatalf("send reset code: %v %s", err, sent.Body)
	}

	return withValues(g, o, map[string]any{"email": address, "code": g.Mail(tb, address, before).Code})
}

// ownBrowser returns the call from a browser, or an app, that has signed in for it.
func ownBrowser(tb testing.TB, g *world.Gateway, o world.Operation) world.Call {
	address, browser := g.NewUser(tb)

	return from(tb, g, o, g.Call(o), address, browser)
}
