package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

func emailOf(tb testing.TB, g *world.Gateway, browser *apptest.Browser) string {
	tb.Helper()

	user, err := browser.Client.GetUserWithResponse(tb.Context())
	if err != nil || user.JSON200 == nil {
		tb.Fatalf("user: %v %s", err, user.Body)
	}

	return user.JSON200.Email
}

// R-I1, R-I3, contract "changing the e-mail": the link completes the change when its button is pressed.
func TestEmailIsChangedByLink(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	address, browser := g.NewUser(t)

	const fresh = "fresh@konec.com.au"

	link := g.EmailLink(t, browser, fresh)
	if got := link.Scheme + "://" + link.Host + link.Path; got != "https://gateway.test/confirm_email" {
		t.Errorf("the link is for %s", got)
	}

	// Mail scanners open links, so opening one changes nothing.
	for range 2 {
		page := world.Call{Method: http.MethodGet, Path: link.Path, Query: link.RawQuery}.With("Sec-Fetch-Site", "cross-site").
			With("Accept-Language", "en").To(t, g.Server)
		if page.Status != http.StatusOK || !strings.Contains(string(page.Body), fresh) || strings.Count(string(page.Body), "<button") != 1 {
			t.Fatalf("the page: %s", page)
		}

		if policy := page.Header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("Content-Security-Policy: %s", policy)
		}
	}

	if got := emailOf(t, g, browser); got != address {
		t.Fatalf("the address is %s before the button was pressed", got)
	}

	before := len(g.Mails(address))

	for range 2 { // a double click is not a failure
		if got := g.PostEmailLink(t, link); got != world.LinkChanged {
			t.Fatalf("on to %s", got)
		}
	}

	if got := emailOf(t, g, browser); got != fresh {
		t.Errorf("the address is %s", got)
	}

	if notice := g.Mail(t, address, before); notice.Link == "" || notice.Code != "" {
		t.Errorf("the mail to the old address is %s", notice.Text)
	}

	// The code in the same mail is void. The response does not reveal that the address has changed hands.
	code := g.Mails(fresh)[len(g.Mails(fresh))-1].Code
	email := client.Email(fresh)

	same, err := browser.Client.ChangeUserWithResponse(t.Context(), client.ChangeUserRequest{Key: "email", Email: &email, Code: &code})
	if err != nil || same.JSON400 == nil || same.JSON400.Code != "CODE_INVALID" {
		t.Errorf("the code after the link: %v %s", err, same.Body)
	}

	if got := g.Count(t, "SELECT count(*) FROM delivery WHERE kind = 'email_changed' AND recipient = $1", fresh); got != 0 {
		t.Errorf("%d notices went to the new address", got)
	}
}

// R-C2, R-C4, R-C5, V-11: what voids a link.
func TestEmailLinkIsVoid(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.SendCooldown = time.Second })

	for name, spoil := range map[string]func(t *testing.T, address string, browser *apptest.Browser, link *url.URL){
		"AfterANewerOne": func(t *testing.T, _ string, browser *apptest.Browser, link *url.URL) {
			t.Helper()
			g.Exec(t, "DELETE FROM throttle")
			g.EmailLink(t, browser, addressOnLinkPage(t, g, link))
		},
		"AfterAnotherChange": func(t *testing.T, address string, browser *apptest.Browser, _ *url.URL) {
			t.Helper()

			if got := g.PostEmailLink(t, g.EmailLink(t, browser, "other."+address)); got != world.LinkChanged {
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

			before := len(g.Mails(address))
			if sent, err := g.Visitor.Client.SendResetCodeWithResponse(t.Context(), &client.SendResetCodeParams{Email: address}); err != nil || sent.StatusCode() != http.StatusNoContent {
				t.Fatalf("send reset code: %v %s", err, sent.Body)
			}

			reset, err := g.Visitor.Client.ResetPasswordWithResponse(t.Context(), client.ResetPasswordRequest{
				Email: address, Code: g.Mail(t, address, before).Code, Password: "another horse, another staple",
			})
			if err != nil || reset.StatusCode() != http.StatusNoContent {
				t.Fatalf("reset: %v %s", err, reset.Body)
			}
		},
		"WhereTheAccountIsDisabled": func(t *testing.T, address string, _ *apptest.Browser, _ *url.URL) {
			t.Helper()
			g.Exec(t, "UPDATE account SET status = 'disabled' WHERE email = $1", address)
		},
		"WhenItsTimeIsOver": func(t *testing.T, _ string, _ *apptest.Browser, _ *url.URL) {
			t.Helper()
			g.Exec(t, "UPDATE code SET expires_at = $1 WHERE purpose = 'email-link'", g.Clock.Now())
		},
		"WhereItIsAltered": func(t *testing.T, _ string, _ *apptest.Browser, link *url.URL) {
			t.Helper()

			token := []byte(link.Query().Get("token"))
			token[len(token)/2] ^= 1
			link.RawQuery = url.Values{"token": {string(token)}}.Encode()
		},
		"WhereItIsForged": func(t *testing.T, _ string, _ *apptest.Browser, link *url.URL) {
			t.Helper()
			link.RawQuery = url.Values{"token": {g.LinkToken()}}.Encode()
		},
	} {
		t.Run(name, func(t *testing.T) { // one after the other, because some of them change what all share
			address, browser := g.NewUser(t)
			link := g.EmailLink(t, browser, "new."+address)

			spoil(t, address, browser, link)

			if got := g.PostEmailLink(t, link); got != world.LinkInvalid {
				t.Errorf("on to %s", got)
			}

			if got := g.Count(t, "SELECT count(*) FROM account WHERE email = $1", "new."+address); got != 0 {
				t.Error("the address was changed")
			}
		})
	}
}

// addressOnLinkPage returns the address that the page of a link shows.
func addressOnLinkPage(tb testing.TB, g *world.Gateway, link *url.URL) string {
	tb.Helper()

	page := world.Call{Method: http.MethodGet, Path: link.Path, Query: link.RawQuery}.To(tb, g.Server)
	_, after, _ := strings.Cut(string(page.Body), `<p class="email">`)
	email, _, _ := strings.Cut(after, "</p>")

	return email
}

// R-B6: only the owner of the mailbox learns that an address is taken.
func TestEmailLinkOfATakenAddress(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	taken, _ := g.NewUser(t)
	_, browser := g.NewUser(t)

	if got := g.PostEmailLink(t, g.EmailLink(t, browser, taken)); got != world.LinkTaken {
		t.Errorf("on to %s", got)
	}

	for outcome, want := range map[string]string{"changed=true": "已修改", "error=EMAIL_TAKEN": "其他账号", "error=CODE_INVALID": "已过期", "": "已过期"} {
		page := world.Call{Method: http.MethodGet, Path: "/confirm_email", Query: outcome}.To(t, g.Server)
		if page.Status != http.StatusOK || !strings.Contains(string(page.Body), want) || strings.Contains(string(page.Body), "<form") {
			t.Errorf("%s: %s", outcome, page)
		}
	}
}
