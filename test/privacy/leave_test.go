package privacy_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// leave deletes the account by an operation of either surface, and returns the link of the mail.
func leave(t *testing.T, g *world.Gateway, surface, address, token string, browser *apptest.Browser) *url.URL {
	t.Helper()

	before := len(g.Mails(address))

	c := world.Call{Method: http.MethodDelete, Path: "/api/users/me"}.With("Authorization", "Bearer "+token)
	if surface == "public" {
		c = world.Call{Method: http.MethodDelete, Path: "/user"}.FromBrowser(browser)
	}

	if got := c.To(t, g.Server); got.Status != http.StatusNoContent {
		t.Fatalf("%s: %s", surface, got)
	}

	mail := g.Mail(t, address, before)
	if mail.Link == "" {
		t.Fatalf("no link in %+v", mail)
	}

	link, err := url.Parse(mail.Link)
	if err != nil {
		t.Fatal(err)
	}

	return link
}

// A user leaves on either surface: every session ends at once, a sign-in looks like one with a wrong password, and the link in
// the mail brings everything back, once, until the account is erased.
func TestUserLeavesAndComesBack(t *testing.T) {
	t.Parallel()

	for _, surface := range []string{"toolkit", "public"} {
		t.Run(surface, func(t *testing.T) {
			t.Parallel()

			g := world.NewGateway(t)
			address, browser := g.NewUser(t)
			tokens := g.SignIn(t, address)
			link := leave(t, g, surface, address, tokens.AccessToken, browser)

			if status, _ := g.Me(t, tokens.AccessToken); status != http.StatusUnauthorized || browser.Verify(t) != http.StatusUnauthorized {
				t.Error("a session goes on")
			}

			if status, _ := g.Refresh(t, tokens.RefreshToken); status != http.StatusUnauthorized {
				t.Errorf("a refresh: %d", status)
			}

			right, wrong := world.LoginCall(address, apptest.Password).To(t, g.Server), world.LoginCall(address, "wrong").To(t, g.Server)
			if right.Visible() != wrong.Visible() || right.Problem.Code != "INVALID_CREDENTIALS" {
				t.Errorf("the right password gets\n%s\nand a wrong one\n%s", right.Visible(), wrong.Visible())
			}

			page := world.Call{Method: http.MethodGet, Path: "/confirm_email", Query: link.RawQuery}.With("Accept", "text/html").With("Accept-Language", "en").To(t, g.Server)
			if page.Status != http.StatusOK || !strings.Contains(string(page.Body), "Bring it back") {
				t.Errorf("the page: %s", page)
			}

			g.Clock.Advance(29 * 24 * time.Hour)

			const restored = "https://gateway.test/confirm_email?restored=true"

			if to := g.PostEmailLink(t, link); to != restored {
				t.Fatalf("the link goes to %s", to)
			}

			if to := g.PostEmailLink(t, link); to != world.LinkInvalid {
				t.Errorf("the link, again, goes to %s", to)
			}

			g.SignIn(t, address)

			second := leave(t, g, "toolkit", address, g.SignIn(t, address).AccessToken, nil)
			if to := g.PostEmailLink(t, link); to != world.LinkInvalid {
				t.Errorf("the first link brings back the second deletion: %s", to)
			}

			g.Clock.Advance(30*24*time.Hour + time.Second)

			if to := g.PostEmailLink(t, second); to != world.LinkInvalid {
				t.Errorf("after the retention the link goes to %s", to)
			}
		})
	}
}

// The last administrator gets the reason, and stays.
func TestLastAdministratorStays(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	got := world.Call{Method: http.MethodDelete, Path: "/api/users/me"}.With("Authorization", "Bearer "+g.AdminTokens.AccessToken).To(t, g.Server)
	if got.Status != http.StatusConflict || got.Problem.Code != "LAST_ADMINISTRATOR" {
		t.Errorf("the last administrator: %s", got)
	}

	if status, _ := g.Me(t, g.AdminTokens.AccessToken); status != http.StatusOK {
		t.Errorf("the session: %d", status)
	}
}

// After the retention nothing names the user or their address but the audit log.
func TestNothingIsLeftOfAUserWhoLeft(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	address, browser := g.NewUser(t)
	id := g.AccountID(t, address)
	tokens := g.SignIn(t, address)
	phone, _ := g.BindPhone(t, address)

	g.BindAuthenticator(t, browser)
	world.LoginCall(address, "wrong").To(t, g.Server)
	g.EmailLink(t, browser, g.FreeAddress())
	g.ResetMail(t, address)
	leave(t, g, "toolkit", address, tokens.AccessToken, nil)

	g.Clock.Advance(30*24*time.Hour + 2*time.Second)

	now := g.Clock.Now()

	erased, err := administration.Erase(t.Context(), g.Pool, now.Add(-g.Config.AccountRetention))
	if err != nil || erased != 1 {
		t.Fatalf("%d erased, %v", erased, err)
	}

	for what, clean := range map[string]func() (int64, error){
		"messages": func() (int64, error) { return delivery.Clean(t.Context(), g.Pool, now) },
		"codes":    func() (int64, error) { return code.Clean(t.Context(), g.Pool, now) },
		"limits":   func() (int64, error) { return throttle.Clean(t.Context(), g.Pool, now) },
		"failures": func() (int64, error) { return throttle.CleanFailures(t.Context(), g.Pool, now) },
	} {
		for {
			cleaned, err := clean()
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}

			if cleaned == 0 {
				break
			}
		}
	}

	tables, err := g.Pool.Query(t.Context(), `SELECT table_name FROM information_schema.tables
		WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name NOT LIKE 'audit%'`)
	if err != nil {
		t.Fatal(err)
	}

	var names []string

	for tables.Next() {
		var name string
		if err := tables.Scan(&name); err != nil {
			t.Fatal(err)
		}

		names = append(names, name)
	}

	if len(names) < 10 {
		t.Errorf("only %v: the test sees nothing", names)
	}

	for _, name := range names {
		for _, text := range []string{id, address, phone} {
			if n := g.Count(t, fmt.Sprintf("SELECT count(*) FROM %q r WHERE position($1 in r::text) > 0", name), text); n > 0 {
				t.Errorf("%d rows of %s name %s", n, name, text)
			}
		}
	}
}

// The export has everything that is kept about the user, however much, nothing about others, and no secret. It is one JSON text
// that the document describes, from both surfaces.
func TestUserTakesTheirDataAlong(t *testing.T) {
	t.Parallel()

	const events = 1234 // several pages

	g := world.NewGateway(t)
	address, browser := g.NewUser(t)
	id := g.AccountID(t, address)
	token := g.SignIn(t, address).AccessToken

	g.BindAuthenticator(t, browser)
	g.ResetMail(t, address)
	g.Exec(t, `INSERT INTO audit_event (at, action, account_id, actor_id, subject, user_agent, request_id)
		SELECT now() - n * interval '1 second', 'account.group_set', $1, 'canary-administrator', '', '', '' FROM generate_series(1, $2::integer) n`, id, events)

	for what, c := range map[string]world.Call{
		"toolkit": world.Call{Method: http.MethodPost, Path: "/api/users/me/export"}.With("Authorization", "Bearer "+token),
		"public":  world.Call{Method: http.MethodPost, Path: "/user/export"}.FromBrowser(browser),
	} {
		got := c.To(t, g.Server)

		var data client.OwnData
		if err := json.Unmarshal(got.Body, &data); err != nil || got.Status != http.StatusOK {
			t.Fatalf("%s: %s, %v", what, got, err)
		}

		stored := g.Count(t, "SELECT count(*) FROM audit_event WHERE account_id = $1", id)
		if data.Account.Email != address || len(data.Events) != stored || len(data.Sessions) != 2 || len(data.Devices) != 2 || len(data.Deliveries) == 0 {
			t.Errorf("%s: %d of %d events, %d sessions, %d devices, %d messages", what, len(data.Events), stored, len(data.Sessions), len(data.Devices), len(data.Deliveries))
		}

		for _, secret := range []string{"argon2id$", "canary", world.Owner, token} {
			if strings.Contains(string(got.Body), secret) {
				t.Errorf("%s: the export has %q", what, secret)
			}
		}
	}

	if n := g.Count(t, "SELECT count(*) FROM audit_event WHERE action = 'account.exported' AND account_id = $1", id); n != 2 {
		t.Errorf("%d events about exports", n)
	}
}
