package contract_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// guarded is somebody of a member group that asks for a second factor.
func guarded(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	address, _ := d.Person(tb)
	d.RequireSecondFactor(tb, address)

	return changed(d, o, map[string]any{"email": address})
}

func rightSMSCode(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	address, _ := d.Person(tb)
	phone, code := d.BindPhone(tb, address)

	return changed(d, o, map[string]any{"phone": phone, "code": code}).FromBrowser(d.Visitor)
}

func guardedSMSCode(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	address, _ := d.Person(tb)
	d.RequireSecondFactor(tb, address)

	phone, code := d.BindPhone(tb, address)

	return changed(d, o, map[string]any{"phone": phone, "code": code}).FromBrowser(d.Visitor)
}

func rightTOTP(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	address, browser := d.Person(tb)
	secret := d.BindAuthenticator(tb, browser)

	return changed(d, o, map[string]any{"email": address, "code": d.TOTPCode(tb, secret, 1)}).FromBrowser(d.Visitor)
}

func rightPair(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	_, browser := d.Person(tb)
	_, _, codes := d.PendingAuthenticator(tb, browser)

	return changed(d, o, map[string]any{"tss": codes}).FromBrowser(browser)
}

func waiting(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	_, browser := d.Person(tb)
	d.PendingAuthenticator(tb, browser)

	return d.Call(o).FromBrowser(browser)
}

func withTOTP(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	_, browser := d.Person(tb)
	d.BindAuthenticator(tb, browser)

	return d.Call(o).FromBrowser(browser)
}

// moving asks for a change of somebody's address.
func moving(tb testing.TB, d *world.Gateway, o world.Operation, to string, more map[string]any) world.Call {
	tb.Helper()

	_, browser := d.Person(tb)
	values := map[string]any{"key": "email", "email": to}

	for name, value := range more {
		values[name] = value
	}

	c := d.Call(o).FromBrowser(browser)
	c.Body = o.Encode(values)

	return c
}

func wrongEmailCode(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return moving(tb, d, o, "nowhere@konec.com.au", map[string]any{"code": "000000"})
}

func foreignEmail(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return moving(tb, d, o, "somebody@example.com", nil)
}

func emailTwice(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := moving(tb, d, o, "twice@konec.com.au", nil)
	c.To(tb, d.Server)

	return c
}

// takenEmail proves control of an address that is another account's already.
func takenEmail(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	taken, _ := d.Person(tb)
	before := len(d.Mails(taken))

	c := moving(tb, d, o, taken, nil)
	c.To(tb, d.Server)

	code := d.Mail(tb, taken, before).Code
	c.Body = o.Encode(map[string]any{"key": "email", "email": taken, "code": code})

	return c
}

// old is somebody whose sign-in is more than 15 minutes old.
func old(tb testing.TB, d *world.Gateway) *apptest.Browser {
	tb.Helper()

	address, browser := d.Person(tb)
	d.Exec(tb, `UPDATE session SET authenticated_at = authenticated_at - interval '16 minutes'
		WHERE account_id = (SELECT id FROM account WHERE email = $1)`, address)

	return browser
}

func later(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return d.Call(o).FromBrowser(old(tb, d))
}

func laterEmail(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o).FromBrowser(old(tb, d))
	c.Body = o.Encode(map[string]any{"key": "email", "email": "later@konec.com.au"})

	return c
}

// proving has been texted the code for a phone.
func proving(tb testing.TB, d *world.Gateway, o world.Operation, phone string) world.Call {
	tb.Helper()

	_, browser := d.Person(tb)

	sent, err := browser.Client.SendPhoneCodeWithResponse(tb.Context(), &client.SendPhoneCodeParams{Phone: phone})
	if err != nil || sent.StatusCode() != http.StatusNoContent {
		tb.Fatalf("send phone code: %v %s", err, sent.Body)
	}

	return changed(d, o, map[string]any{"phone": phone, "code": d.Mail(tb, phone, 0).Code}).FromBrowser(browser)
}

func rightPhoneCode(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	return proving(tb, d, o, d.NewPhone())
}

func takenPhone(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	other, _ := d.Person(tb)
	phone := d.NewPhone()
	d.Exec(tb, "UPDATE account SET phone = $1 WHERE email = $2", phone, other)

	return proving(tb, d, o, phone)
}

// lastWayIn has a phone and nothing else.
func lastWayIn(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	address, browser := d.Person(tb)
	d.Exec(tb, "UPDATE account SET phone = $1, password_hash = NULL WHERE email = $2", d.NewPhone(), address)

	return d.Call(o).FromBrowser(browser)
}

func noUpload(_ testing.TB, d *world.Gateway, o world.Operation) world.Call {
	c := d.Call(o)
	c.Query = "type=upload"

	return c
}

func rightRenewalCode(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	code, err := d.OwnerBrowser.Client.CreateRefreshCodeWithResponse(tb.Context())
	if err != nil || code.JSON200 == nil {
		tb.Fatalf("refresh code: %v %s", err, code.Body)
	}

	return changed(d, o, map[string]any{"code": code.JSON200.Code})
}

func rightOldPassword(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	_, browser := d.Person(tb)

	return changed(d, o, map[string]any{"old": apptest.Password}).FromBrowser(browser)
}

func rightResetCode(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	address, _ := d.Person(tb)
	before := len(d.Mails(address))

	sent, err := d.Visitor.Client.SendResetCodeWithResponse(tb.Context(), &client.SendResetCodeParams{Email: address})
	if err != nil || sent.StatusCode() != http.StatusNoContent {
		tb.Fatalf("send reset code: %v %s", err, sent.Body)
	}

	return changed(d, o, map[string]any{"email": address, "code": d.Mail(tb, address, before).Code})
}

// ownBrowser signs in for this one call.
func ownBrowser(tb testing.TB, d *world.Gateway, o world.Operation) world.Call {
	_, browser := d.Person(tb)

	return d.Call(o).FromBrowser(browser)
}
