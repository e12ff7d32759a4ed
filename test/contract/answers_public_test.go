package app_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// guarded is somebody of a member group that asks for a second factor.
func guarded(tb testing.TB, d *desk, o operation) call {
	address, _ := d.person(tb)
	d.guard(tb, address)

	return d.changed(o, map[string]any{"email": address})
}

func (d *desk) guard(tb testing.TB, address string) {
	tb.Helper()
	d.Exec(tb, "UPDATE member_group SET requires_totp = true WHERE name = 'Tester'")
	d.Exec(tb, "UPDATE account SET member_group = 'Tester' WHERE email = $1", address)
}

// owner of a phone: its number, and the code of a sign-in.
func (d *desk) texted(tb testing.TB, address string) (phone, code string) {
	tb.Helper()

	phone = d.phone()
	d.Exec(tb, "UPDATE account SET phone = $1 WHERE email = $2", phone, address)

	sent, err := d.visitor.Client.SendSignInCodeWithResponse(tb.Context(), &client.SendSignInCodeParams{Phone: phone})
	if err != nil || sent.StatusCode() != http.StatusNoContent {
		tb.Fatalf("send sign-in code: %v %s", err, sent.Body)
	}

	return phone, d.Mail(tb, phone, 0).Code
}

func rightSMSCode(tb testing.TB, d *desk, o operation) call {
	address, _ := d.person(tb)
	phone, code := d.texted(tb, address)

	return d.changed(o, map[string]any{"phone": phone, "code": code}).from(d.visitor)
}

func guardedSMSCode(tb testing.TB, d *desk, o operation) call {
	address, _ := d.person(tb)
	d.guard(tb, address)

	phone, code := d.texted(tb, address)

	return d.changed(o, map[string]any{"phone": phone, "code": code}).from(d.visitor)
}

// authenticator binds an app, and answers its secret.
func (d *desk) authenticator(tb testing.TB, browser *apptest.Browser) string {
	tb.Helper()

	address, secret, codes := d.pending(tb, browser)

	bound, err := browser.Client.BindTOTPWithResponse(tb.Context(), client.BindTOTPRequest{Totp: &address, Tss: codes})
	if err != nil || bound.StatusCode() != http.StatusNoContent {
		tb.Fatalf("bind TOTP: %v %s", err, bound.Body)
	}

	return secret
}

// pending is a secret that waits to be bound, with the codes of the step before this one and of this.
func (d *desk) pending(tb testing.TB, browser *apptest.Browser) (address, secret string, codes []string) {
	tb.Helper()

	made, err := browser.Client.CreateTOTPWithResponse(tb.Context())
	if err != nil || made.JSON200 == nil {
		tb.Fatalf("create TOTP: %v %s", err, made.Body)
	}

	secret = secretIn(tb, made.JSON200.Totp)

	return made.JSON200.Totp, secret, []string{d.totp(tb, secret, -1), d.totp(tb, secret, 0)}
}

// secretIn reads the URL as an app does.
func secretIn(tb testing.TB, text string) string {
	tb.Helper()

	u, err := url.Parse(text)
	if err != nil {
		tb.Fatal(err)
	}

	return u.Query().Get("secret")
}

// totp is the code of a step, counted from now on.
func (d *desk) totp(tb testing.TB, secret string, steps int) string {
	tb.Helper()

	code, err := totp.GenerateCode(secret, d.Clock.Now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		tb.Fatal(err)
	}

	return code
}

func rightTOTP(tb testing.TB, d *desk, o operation) call {
	address, browser := d.person(tb)
	secret := d.authenticator(tb, browser)

	return d.changed(o, map[string]any{"email": address, "code": d.totp(tb, secret, 1)}).from(d.visitor)
}

func rightPair(tb testing.TB, d *desk, o operation) call {
	_, browser := d.person(tb)
	_, _, codes := d.pending(tb, browser)

	return d.changed(o, map[string]any{"tss": codes}).from(browser)
}

func waiting(tb testing.TB, d *desk, o operation) call {
	_, browser := d.person(tb)
	d.pending(tb, browser)

	return d.call(o).from(browser)
}

func withTOTP(tb testing.TB, d *desk, o operation) call {
	_, browser := d.person(tb)
	d.authenticator(tb, browser)

	return d.call(o).from(browser)
}

// moving asks for a change of somebody's address.
func (d *desk) moving(tb testing.TB, o operation, to string, more map[string]any) call {
	tb.Helper()

	_, browser := d.person(tb)
	values := map[string]any{"key": "email", "email": to}

	for name, value := range more {
		values[name] = value
	}

	c := d.call(o).from(browser)
	c.body = o.encode(values)

	return c
}

func wrongEmailCode(tb testing.TB, d *desk, o operation) call {
	return d.moving(tb, o, "nowhere@konec.com.au", map[string]any{"code": "000000"})
}

func foreignEmail(tb testing.TB, d *desk, o operation) call {
	return d.moving(tb, o, "somebody@example.com", nil)
}

func emailTwice(tb testing.TB, d *desk, o operation) call {
	c := d.moving(tb, o, "twice@konec.com.au", nil)
	c.to(tb, d.Server)

	return c
}

// takenEmail proves control of an address that is another account's already.
func takenEmail(tb testing.TB, d *desk, o operation) call {
	taken, _ := d.person(tb)
	before := len(d.Mails(taken))

	c := d.moving(tb, o, taken, nil)
	c.to(tb, d.Server)

	code := d.Mail(tb, taken, before).Code
	c.body = o.encode(map[string]any{"key": "email", "email": taken, "code": code})

	return c
}

// old is somebody whose sign-in is more than 15 minutes old.
func (d *desk) old(tb testing.TB) *apptest.Browser {
	tb.Helper()

	address, browser := d.person(tb)
	d.Exec(tb, `UPDATE session SET authenticated_at = authenticated_at - interval '16 minutes'
		WHERE account_id = (SELECT id FROM account WHERE email = $1)`, address)

	return browser
}

func later(tb testing.TB, d *desk, o operation) call { return d.call(o).from(d.old(tb)) }

func laterEmail(tb testing.TB, d *desk, o operation) call {
	c := d.call(o).from(d.old(tb))
	c.body = o.encode(map[string]any{"key": "email", "email": "later@konec.com.au"})

	return c
}

// proving has been texted the code for a phone.
func (d *desk) proving(tb testing.TB, o operation, phone string) call {
	tb.Helper()

	_, browser := d.person(tb)

	sent, err := browser.Client.SendPhoneCodeWithResponse(tb.Context(), &client.SendPhoneCodeParams{Phone: phone})
	if err != nil || sent.StatusCode() != http.StatusNoContent {
		tb.Fatalf("send phone code: %v %s", err, sent.Body)
	}

	return d.changed(o, map[string]any{"phone": phone, "code": d.Mail(tb, phone, 0).Code}).from(browser)
}

func rightPhoneCode(tb testing.TB, d *desk, o operation) call { return d.proving(tb, o, d.phone()) }

func takenPhone(tb testing.TB, d *desk, o operation) call {
	other, _ := d.person(tb)
	phone := d.phone()
	d.Exec(tb, "UPDATE account SET phone = $1 WHERE email = $2", phone, other)

	return d.proving(tb, o, phone)
}

// lastWayIn has a phone and nothing else.
func lastWayIn(tb testing.TB, d *desk, o operation) call {
	address, browser := d.person(tb)
	d.Exec(tb, "UPDATE account SET phone = $1, password_hash = NULL WHERE email = $2", d.phone(), address)

	return d.call(o).from(browser)
}

func noUpload(_ testing.TB, d *desk, o operation) call {
	c := d.call(o)
	c.query = "type=upload"

	return c
}

func rightRenewalCode(tb testing.TB, d *desk, o operation) call {
	code, err := d.browser.Client.CreateRefreshCodeWithResponse(tb.Context())
	if err != nil || code.JSON200 == nil {
		tb.Fatalf("refresh code: %v %s", err, code.Body)
	}

	return d.changed(o, map[string]any{"code": code.JSON200.Code})
}

func rightOldPassword(tb testing.TB, d *desk, o operation) call {
	_, browser := d.person(tb)

	return d.changed(o, map[string]any{"old": apptest.Password}).from(browser)
}

func rightResetCode(tb testing.TB, d *desk, o operation) call {
	address, _ := d.person(tb)
	before := len(d.Mails(address))

	sent, err := d.visitor.Client.SendResetCodeWithResponse(tb.Context(), &client.SendResetCodeParams{Email: address})
	if err != nil || sent.StatusCode() != http.StatusNoContent {
		tb.Fatalf("send reset code: %v %s", err, sent.Body)
	}

	return d.changed(o, map[string]any{"email": address, "code": d.Mail(tb, address, before).Code})
}

// ownBrowser signs in for this one call.
func ownBrowser(tb testing.TB, d *desk, o operation) call {
	_, browser := d.person(tb)

	return d.call(o).from(browser)
}
