package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// linked asks for another address in the browser, and answers the link of the mail that goes there.
func (d *desk) linked(tb testing.TB, browser *apptest.Browser, email string) *url.URL {
	tb.Helper()

	before := len(d.Mails(email))

	asked, err := browser.Client.ChangeUserWithResponse(tb.Context(), client.ChangeUserRequest{Key: "Email", Email: &email})
	if err != nil || asked.StatusCode() != http.StatusNoContent {
		tb.Fatalf("ask for %s: %v %s", email, err, asked.Body)
	}

	link, err := url.Parse(d.Mail(tb, email, before).Link)
	if err != nil || link.Query().Get("token") == "" {
		tb.Fatalf("the link is %v: %v", link, err)
	}

	return link
}

// press is what the button of the link's page does, wherever it is opened: nobody is signed in there. It
// answers where the browser is sent to.
func (d *desk) press(tb testing.TB, link *url.URL) string {
	tb.Helper()

	answer := call{method: http.MethodPost, path: "/confirm_email", body: "token=" + link.Query().Get("token")}.
		with("Content-Type", "application/x-www-form-urlencoded").
		with("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8").
		with("Origin", "https://gateway.test").with("Sec-Fetch-Site", "same-origin").
		to(tb, d.Server)
	if answer.status != http.StatusSeeOther {
		tb.Fatalf("confirm: %s", answer)
	}

	return answer.header.Get("Location")
}

const (
	linkChanged = "https://gateway.test/confirm_email?changed=true"
	linkInvalid = "https://gateway.test/confirm_email?error=CODE_INVALID"
	linkTaken   = "https://gateway.test/confirm_email?error=EMAIL_TAKEN"
)

func (d *desk) emailOf(tb testing.TB, browser *apptest.Browser) string {
	tb.Helper()

	user, err := browser.Client.GetUserWithResponse(tb.Context())
	if err != nil || user.JSON200 == nil {
		tb.Fatalf("user: %v %s", err, user.Body)
	}

	return user.JSON200.Email
}

// R-I1, R-I3, contract "changing the e-mail": the link completes the change, once its button is pressed.
func TestEmailIsChangedByLink(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	address, browser := d.person(t)

	const fresh = "fresh@konec.com.au"

	link := d.linked(t, browser, fresh)
	if got := link.Scheme + "://" + link.Host + link.Path; got != "https://gateway.test/confirm_email" {
		t.Errorf("the link is of %s", got)
	}

	// Mail scanners follow links.
	for range 2 {
		page := call{method: http.MethodGet, path: link.Path, query: link.RawQuery}.with("Sec-Fetch-Site", "cross-site").
			with("Accept-Language", "en").to(t, d.Server)
		if page.status != http.StatusOK || !strings.Contains(string(page.body), fresh) || strings.Count(string(page.body), "<button") != 1 {
			t.Fatalf("the page: %s", page)
		}

		if policy := page.header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("Content-Security-Policy: %s", policy)
		}
	}

	if got := d.emailOf(t, browser); got != address {
		t.Fatalf("the address is %s before the button was pressed", got)
	}

	before := len(d.Mails(address))

	for range 2 { // a double click is no failure
		if got := d.press(t, link); got != linkChanged {
			t.Fatalf("on to %s", got)
		}
	}

	if got := d.emailOf(t, browser); got != fresh {
		t.Errorf("the address is %s", got)
	}

	if notice := d.Mail(t, address, before); notice.Link != "" || notice.Code != "" {
		t.Errorf("the old address was told %s", notice.Text)
	}

	// The code of the same mail is void, and nobody is told that the new address was lost.
	code := d.Mails(fresh)[len(d.Mails(fresh))-1].Code
	email := client.Email(fresh)

	same, err := browser.Client.ChangeUserWithResponse(t.Context(), client.ChangeUserRequest{Key: "email", Email: &email, Code: &code})
	if err != nil || same.JSON400 == nil || same.JSON400.Code != "CODE_INVALID" {
		t.Errorf("the code after the link: %v %s", err, same.Body)
	}

	if got := d.count(t, "SELECT count(*) FROM delivery WHERE kind = 'email_changed' AND recipient = $1", fresh); got != 0 {
		t.Errorf("%d notices went to the new address", got)
	}
}

func (d *desk) count(tb testing.TB, query string, args ...any) int {
	tb.Helper()

	var n int
	if err := d.Pool.QueryRow(tb.Context(), query, args...).Scan(&n); err != nil {
		tb.Fatal(err)
	}

	return n
}

// R-C2, R-C4, R-C5, V-11: what a link is no longer good for.
func TestEmailLinkIsVoid(t *testing.T) {
	t.Parallel()

	d := newDesk(t, func(c *config.Config) { c.SendCooldown = time.Second })

	for name, spoil := range map[string]func(t *testing.T, address string, browser *apptest.Browser, link *url.URL){
		"AfterANewerOne": func(t *testing.T, _ string, browser *apptest.Browser, link *url.URL) {
			t.Helper()
			d.Exec(t, "DELETE FROM throttle")
			d.linked(t, browser, d.linkedTo(t, link))
		},
		"AfterAnotherChange": func(t *testing.T, address string, browser *apptest.Browser, _ *url.URL) {
			t.Helper()

			if got := d.press(t, d.linked(t, browser, "other."+address)); got != linkChanged {
				t.Fatalf("the other change: %s", got)
			}
		},
		"AfterTheSessionEnded": func(t *testing.T, _ string, browser *apptest.Browser, _ *url.URL) {
			t.Helper()

			if left, err := browser.Client.SignOutWithResponse(t.Context()); err != nil || left.StatusCode() != http.StatusNoContent {
				t.Fatalf("sign out: %v %s", err, left.Body)
			}
		},
		"AfterAReset": func(t *testing.T, address string, _ *apptest.Browser, _ *url.URL) {
			t.Helper()

			before := len(d.Mails(address))
			if sent, err := d.visitor.Client.SendResetCodeWithResponse(t.Context(), &client.SendResetCodeParams{Email: address}); err != nil || sent.StatusCode() != http.StatusNoContent {
				t.Fatalf("send reset code: %v %s", err, sent.Body)
			}

			reset, err := d.visitor.Client.ResetPasswordWithResponse(t.Context(), client.ResetPasswordRequest{
				Email: address, Code: d.Mail(t, address, before).Code, Password: "another horse, another staple",
			})
			if err != nil || reset.StatusCode() != http.StatusNoContent {
				t.Fatalf("reset: %v %s", err, reset.Body)
			}
		},
		"WhereTheAccountIsDisabled": func(t *testing.T, address string, _ *apptest.Browser, _ *url.URL) {
			t.Helper()
			d.Exec(t, "UPDATE account SET status = 'disabled' WHERE email = $1", address)
		},
		"WhenItsTimeIsOver": func(t *testing.T, _ string, _ *apptest.Browser, _ *url.URL) {
			t.Helper()
			d.Exec(t, "UPDATE code SET expires_at = $1 WHERE purpose = 'email-link'", d.Clock.Now())
		},
		"WhereItIsAltered": func(t *testing.T, _ string, _ *apptest.Browser, link *url.URL) {
			t.Helper()

			token := []byte(link.Query().Get("token"))
			token[len(token)/2] ^= 1
			link.RawQuery = url.Values{"token": {string(token)}}.Encode()
		},
		"WhereItIsForged": func(t *testing.T, _ string, _ *apptest.Browser, link *url.URL) {
			t.Helper()
			link.RawQuery = url.Values{"token": {d.linkToken()}}.Encode()
		},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: some of them touch what all share
			address, browser := d.person(t)
			link := d.linked(t, browser, "new."+address)

			spoil(t, address, browser, link)

			if got := d.press(t, link); got != linkInvalid {
				t.Errorf("on to %s", got)
			}

			if got := d.count(t, "SELECT count(*) FROM account WHERE email = $1", "new."+address); got != 0 {
				t.Error("the address was changed")
			}
		})
	}
}

// linkedTo is the address that the page of a link names.
func (d *desk) linkedTo(tb testing.TB, link *url.URL) string {
	tb.Helper()

	page := call{method: http.MethodGet, path: link.Path, query: link.RawQuery}.to(tb, d.Server)
	_, after, _ := strings.Cut(string(page.body), `<p class="email">`)
	email, _, _ := strings.Cut(after, "</p>")

	return email
}

// R-B6: only the owner of the mail learns that an address is taken.
func TestEmailLinkOfATakenAddress(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	taken, _ := d.person(t)
	_, browser := d.person(t)

	if got := d.press(t, d.linked(t, browser, taken)); got != linkTaken {
		t.Errorf("on to %s", got)
	}

	for outcome, want := range map[string]string{"changed=true": "已修改", "error=EMAIL_TAKEN": "其他账号", "error=CODE_INVALID": "已过期", "": "已过期"} {
		page := call{method: http.MethodGet, path: "/confirm_email", query: outcome}.to(t, d.Server)
		if page.status != http.StatusOK || !strings.Contains(string(page.body), want) || strings.Contains(string(page.body), "<form") {
			t.Errorf("%s: %s", outcome, page)
		}
	}
}
