package signin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// undoLink returns the link in the newest mail to the address that has one.
func undoLink(t *testing.T, g *world.Gateway, address string, before int) *url.URL {
	t.Helper()

	link, err := url.Parse(g.Mail(t, address, before).Link)
	if err != nil || link.Query().Get("token") == "" {
		t.Fatalf("no link in %s", g.Mail(t, address, before).Text)
	}

	return link
}

const linkUndone = "https://gateway.test/confirm_email?undone=true"

// SEC-S5: the mail about each binding undoes it with one button, and ends every session. Opening the page does nothing; the
// button works once, for seven days.
func TestMailUndoesABinding(t *testing.T) {
	t.Parallel()

	for name, bind := range map[string]func(t *testing.T, g *world.Gateway, f *world.FakeLark, browser *apptest.Browser, n int) (left string){
		"authenticator": func(t *testing.T, g *world.Gateway, _ *world.FakeLark, browser *apptest.Browser, _ int) string {
			g.BindAuthenticator(t, browser)

			return "SELECT (SELECT count(*) FROM totp WHERE account_id = $1) + (SELECT count(*) FROM recovery_code WHERE account_id = $1)"
		},
		"phone": func(t *testing.T, g *world.Gateway, _ *world.FakeLark, browser *apptest.Browser, _ int) string {
			phone := g.NewPhone()
			world.ExpectStatus(t, g, world.QueryCall("/user/phone_code", "phone", phone).FromBrowser(browser), http.StatusNoContent, "a code to the phone")
			expectCode(t, g, "bind", world.PostCall("/user/phone", map[string]any{"phone": phone, "code": g.Mail(t, phone, 0).Code}).FromBrowser(browser), "")

			return "SELECT count(*) FROM account WHERE id = $1 AND phone IS NOT NULL"
		},
		"Lark": func(t *testing.T, g *world.Gateway, f *world.FakeLark, browser *apptest.Browser, n int) string {
			if to := f.Authorize(browser, world.LarkBind, world.LarkPerson(fmt.Sprintf("undone-%d", n))); to != world.LarkConsoleURL+"/zh-Hans/#/authorized" {
				t.Fatalf("bind: %s", to)
			}

			return "SELECT count(*) FROM identity WHERE account_id = $1"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			g, f := world.LarkGateway(t, world.WithoutNetworkLimits)
			g.Clock.Stop()

			for n, age := range []time.Duration{0, account.Undoable - time.Minute, account.Undoable + time.Minute} {
				address, browser := g.NewUser(t)
				id := g.AccountID(t, address)
				count := bind(t, g, f, browser, n)
				link := undoLink(t, g, address, 0)
				g.Exec(t, "UPDATE account SET second_factor_since = $1 WHERE id = $2", g.Clock.Now().Add(time.Second), id)
				g.Clock.Advance(age)

				page := world.Call{Method: http.MethodGet, Path: link.Path, Query: link.RawQuery}.With("Accept-Language", "en").To(t, g.Server)
				if shown := strings.Contains(string(page.Body), "Undo this change"); page.Status != http.StatusOK || shown != (age < account.Undoable) {
					t.Errorf("after %v: the page is %s", age, page)
				}

				if world.QueryValue[int](t, g.Pool, count, id) == 0 {
					t.Fatalf("after %v: opening the page has undone it", age)
				}

				want := linkUndone
				if age > account.Undoable {
					want = world.LinkInvalid
				}

				if got := g.PostEmailLink(t, link); got != want {
					t.Errorf("after %v: on to %s, want %s", age, got, want)
				}

				if age > account.Undoable {
					continue
				}

				if got := g.PostEmailLink(t, link); got != world.LinkInvalid {
					t.Errorf("once more: on to %s", got)
				}

				if n := world.QueryValue[int](t, g.Pool, count, id); n != 0 {
					t.Errorf("after %v: %d are left", age, n)
				}

				if n := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM session WHERE account_id = $1 AND revoked_at IS NULL AND expires_at > $2", id, g.Clock.Now()); n != 0 {
					t.Errorf("after %v: %d sessions are left", age, n)
				}

				if world.QueryValue[bool](t, g.Pool, "SELECT second_factor_since IS NOT NULL FROM account WHERE id = $1", id) {
					t.Error("two factors are still asked for, which the thief may have chosen")
				}
			}
		})
	}
}

// SEC-S5: the undo of an authenticator puts the one back that it had replaced, suspended if it was: its user is not left
// outside. Without one, nothing asks for two factors any more.
func TestUndoPutsTheAuthenticatorBack(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.WithoutNetworkLimits)
	g.Clock.Stop()

	address, browser := g.NewUser(t)
	secret, first := g.BindAuthenticator(t, browser), undoLink(t, g, address, 0)
	g.ChooseSecondFactor(t, address, true)
	g.Exec(t, "UPDATE account SET second_factor_since = created_at WHERE email = $1", address)
	g.Exec(t, "UPDATE session SET amr = '{pwd,otp,mfa}'")
	g.Clock.Advance(time.Minute)

	before := len(g.Mails(address))
	g.BindAuthenticator(t, browser)

	if got := g.PostEmailLink(t, undoLink(t, g, address, before)); got != linkUndone {
		t.Fatalf("undo: on to %s", got)
	}

	g.Clock.Advance(time.Minute)
	expectCode(t, g, "the password alone", passwordCall(g, world.PublicSurface, address, apptest.Password, ""), "TOTP_REQUIRED")
	expectCode(t, g, "with the first app", passwordCall(g, world.PublicSurface, address, apptest.Password, g.TOTPCode(t, secret, 0)), "")

	// The first binding, undone as well, leaves none, and its user is not asked for any.
	if got := g.PostEmailLink(t, first); got != linkUndone {
		t.Fatalf("undo the first: on to %s", got)
	}

	expectCode(t, g, "the password, without any app", passwordCall(g, world.PublicSurface, address, apptest.Password, ""), "")
}

// SEC-S5: the old address undoes a change of the e-mail, even if another change followed, and no other account gets it until then.
// The later mail, which went to the thief, undoes nothing any more.
func TestOldAddressUndoesTheChange(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.WithoutNetworkLimits, func(c *apptest.Settings) { c.SendCooldown = time.Second })
	g.Clock.Stop()

	owner, thief := g.NewUser(t)
	id := g.AccountID(t, owner)
	second, third := "thief.second@konec.test", "thief.third@konec.test"

	change := func(browser *apptest.Browser, from, to string) {
		t.Helper()

		before := len(g.Mails(from))

		if got := g.PostEmailLink(t, g.EmailLink(t, browser, to)); got != world.LinkChanged {
			t.Fatalf("change to %s: on to %s", to, got)
		}

		g.Mail(t, from, before) // the notice
		g.Clock.Advance(time.Second)
	}

	change(thief, owner, second)
	change(thief, second, third)

	ownersLink, thiefsLink := undoLink(t, g, owner, 0), undoLink(t, g, second, 1) // after the mail with the code

	// Reserved: neither a registration nor another account gets it.
	before := len(g.Mails(owner))
	world.ExpectStatus(t, g, world.JSONCall(http.MethodPost, "/api/users/register/send-code", map[string]any{"email": owner}), http.StatusOK, "a registration code")

	if taken := g.Mail(t, owner, before); taken.Code != "" || taken.Subject != "您已经有 Toolkit 账号" {
		t.Errorf("the mail is %s", taken.Text)
	}

	register := world.JSONCall(http.MethodPost, "/api/users/register", map[string]any{
		"username": "Squatter", "email": owner, "password": apptest.Password, "verificationCode": "000000",
	})
	if got := register.To(t, g.Server); got.Problem.Code != "CODE_INVALID" {
		t.Errorf("register the reserved address: %s", got)
	}

	_, other := g.NewUser(t)
	if got := g.PostEmailLink(t, g.EmailLink(t, other, owner)); got != world.LinkTaken {
		t.Errorf("another account takes the reserved address: on to %s", got)
	}

	if got := g.PostEmailLink(t, ownersLink); got != linkUndone {
		t.Errorf("undo: on to %s", got)
	}

	email := func() string {
		return world.QueryValue[string](t, g.Pool, "SELECT email FROM account WHERE id = $1", id)
	}

	if got := email(); got != owner {
		t.Errorf("the address is %s", got)
	}

	if got := g.PostEmailLink(t, thiefsLink); got != world.LinkInvalid || email() != owner {
		t.Errorf("the thief's link: on to %s, the address is %s", got, email())
	}

	if status := thief.Verify(t); status != http.StatusUnauthorized {
		t.Errorf("the thief's session: %d", status)
	}

	// Who held the address that was given up is notified; it may have been the owner.
	apptest.Eventually(t, "a mail to the address that was given up", func() bool {
		mails := g.Mails(third)

		return len(mails) > 0 && mails[0].Subject == "您的账号邮箱已修改" && mails[0].Link == ""
	})

	// Nothing is reserved any more, and after seven days nothing would be.
	if n := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM reserved_email"); n != 0 {
		t.Errorf("%d reservations are left", n)
	}

	// The used link undoes no later change that gave up the same address.
	change(g.SignedIn(t, owner), owner, "later@konec.test")

	if got := g.PostEmailLink(t, ownersLink); got != world.LinkInvalid || email() != "later@konec.test" {
		t.Errorf("the used link again: on to %s, the address is %s", got, email())
	}

	change(g.SignedIn(t, "later@konec.test"), "later@konec.test", owner)

	// An owner who takes the address back by a change of their own offers the thief no undo.
	change(g.SignedIn(t, owner), owner, second)
	change(g.SignedIn(t, second), second, owner)

	undoable := 0

	for _, mail := range g.Mails(second) {
		if mail.Subject == "您的账号邮箱已修改" && mail.Link != "" {
			undoable++
		}
	}

	if undoable != 1 { // the thief's second step
		t.Errorf("%d changes can be undone from the thief's address, want one", undoable)
	}

	change(g.SignedIn(t, owner), owner, second)
	g.Clock.Advance(account.Undoable + time.Minute)

	before = len(g.Mails(owner))
	world.ExpectStatus(t, g, world.JSONCall(http.MethodPost, "/api/users/register/send-code", map[string]any{"email": owner}), http.StatusOK, "a registration code")

	late := world.JSONCall(http.MethodPost, "/api/users/register", map[string]any{
		"username": "Successor", "email": owner, "password": apptest.Password, "verificationCode": g.Mail(t, owner, before).Code,
	})
	if got := late.To(t, g.Server); got.Status != http.StatusCreated {
		t.Errorf("register after the seven days: %s", got)
	}
}
