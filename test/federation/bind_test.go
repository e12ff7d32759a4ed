package app_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/identity"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// version is an account's.
func (d *desk) version(tb testing.TB, email string) (version int) {
	tb.Helper()

	if err := d.Pool.QueryRow(tb.Context(), "SELECT version FROM account WHERE email = $1", email).Scan(&version); err != nil {
		tb.Fatal(err)
	}

	return version
}

// larkOf is the subject that an account is bound to, empty for none.
func (d *desk) larkOf(tb testing.TB, email string) (subject string) {
	tb.Helper()

	err := d.Pool.QueryRow(tb.Context(), `
		SELECT coalesce(max(i.subject), '') FROM account a LEFT JOIN identity i ON i.account_id = a.id WHERE a.email = $1`, email).Scan(&subject)
	if err != nil {
		tb.Fatal(err)
	}

	return subject
}

func unbindLark(tb testing.TB, b *apptest.Browser) string {
	tb.Helper()

	got, err := b.Client.UnbindWithResponse(tb.Context(), client.UnbindParamsKeyLark)
	if err != nil {
		tb.Fatal(err)
	}

	if got.JSON400 != nil {
		return string(got.JSON400.Code)
	}

	return got.Status()
}

// Contract, "sensitive changes", "Lark": binding, replacing and removing change the version and are told by
// mail and in the audit; what was removed signs nobody in.
func TestLarkIsBoundReplacedAndRemoved(t *testing.T) {
	t.Parallel()

	d, f := larkDesk(t)
	version, mails := d.version(t, owner), len(d.Mails(owner))

	for step, change := range []func(){
		func() { f.bound(t, d, somebody("zhang")) },
		func() { f.bound(t, d, somebody("li")) },
		func() {
			if got := unbindLark(t, d.browser); got != "204 No Content" {
				t.Errorf("unbind: %s", got)
			}
		},
	} {
		change()

		if got := d.version(t, owner); got != version+step+1 {
			t.Errorf("step %d: version %d, and %d before", step, got, version)
		}

		if mail := d.Mail(t, owner, mails+step); mail.Subject != "您的账号绑定的飞书已变更" {
			t.Errorf("step %d: %+v", step, mail)
		}

		if step == 1 {
			if to := f.travel(d.Browser(t), login, somebody("zhang")); to != failed("zh-Hans", "IDENTITY_NOT_BOUND") {
				t.Errorf("the one that was replaced: went to %s", to)
			}
		}
	}

	if got := user(t, d.browser); !got.Lark.IsNull() {
		t.Errorf("user %+v", got)
	}

	if to := f.travel(d.Browser(t), login, somebody("li")); to != failed("zh-Hans", "IDENTITY_NOT_BOUND") {
		t.Errorf("the one that was removed: went to %s", to)
	}

	if got := unbindLark(t, d.browser); got != "204 No Content" || d.version(t, owner) != version+3 {
		t.Errorf("once more: %s, version %d", got, d.version(t, owner))
	}

	var events []string

	err := d.Pool.QueryRow(t.Context(), "SELECT array_agg(method ORDER BY id) FROM audit_event WHERE action = 'lark.changed'").Scan(&events)
	if err != nil || !slices.Equal(events, []string{"bound", "bound", "removed"}) {
		t.Errorf("events %q, %v", events, err)
	}
}

// R-J9, V-22: nothing is bound without a session of the one who set out, young enough at both ends, nor what
// is somebody else's.
func TestLarkBindingIsRefused(t *testing.T) {
	t.Parallel()

	for name, one := range map[string]struct {
		come func(t *testing.T, d *desk, f *fakeLark) string
		want string
	}{
		"NobodySignedIn": {func(t *testing.T, d *desk, _ *fakeLark) string {
			return depart(t, d.visitor, bind)
		}, failed("zh-Hans", "UNAUTHENTICATED")},
		"OldSignIn": {func(t *testing.T, d *desk, _ *fakeLark) string {
			d.Clock.Advance(16 * time.Minute)

			return depart(t, d.browser, bind)
		}, failed("zh-Hans", "REAUTH_REQUIRED")},
		"SignInThatGrowsOld": {func(t *testing.T, d *desk, f *fakeLark) string {
			d.Clock.Advance(14 * time.Minute)
			query := f.agree(depart(t, d.browser, bind), somebody("li"))
			d.Clock.Advance(2 * time.Minute)

			return arrive(t, d.browser, query)
		}, failed("zh-Hans", "REAUTH_REQUIRED")},
		"Late": {func(t *testing.T, d *desk, f *fakeLark) string {
			query := f.agree(depart(t, d.browser, bind), somebody("li"))
			d.Clock.Advance(identity.Lifetime)

			return arrive(t, d.browser, query)
		}, failed("", "STATE_INVALID")},
		"SignedOutOnTheWay": {func(t *testing.T, d *desk, f *fakeLark) string {
			query := f.agree(depart(t, d.browser, bind), somebody("li"))
			d.browser.SetCookie("__Host-TOKEN", "")

			return arrive(t, d.browser, query)
		}, failed("", "STATE_INVALID")},
		"SomebodyElseSignedInOnTheWay": {func(t *testing.T, d *desk, f *fakeLark) string {
			query := f.agree(depart(t, d.browser, bind), somebody("li"))
			address, _ := d.person(t)
			signInCall(address, apptest.Password).in(t, d.Server, d.browser)

			return arrive(t, d.browser, query)
		}, failed("", "STATE_INVALID")},
		"PlantedJourney": {func(t *testing.T, d *desk, f *fakeLark) string {
			_, attacker := d.person(t)
			query := f.agree(depart(t, attacker, bind), somebody("attacker"))
			d.browser.SetCookie("__Host-LARK", attacker.Cookie("__Host-LARK"))

			return arrive(t, d.browser, query)
		}, failed("", "STATE_INVALID")},
		"SomebodyElsesIdentity": {func(t *testing.T, d *desk, f *fakeLark) string {
			_, other := d.person(t)
			f.travel(other, bind, somebody("zhang"))

			return f.travel(d.browser, bind, somebody("zhang"))
		}, failed("zh-Hans", "IDENTITY_TAKEN")},
		"DisabledOnTheWay": {func(t *testing.T, d *desk, f *fakeLark) string {
			query := f.agree(depart(t, d.browser, bind), somebody("li"))
			d.Exec(t, "UPDATE account SET status = 'disabled'")

			return arrive(t, d.browser, query)
		}, failed("", "STATE_INVALID")},
		"NotAgreed": {func(t *testing.T, d *desk, f *fakeLark) string {
			query := f.agree(depart(t, d.browser, bind), somebody("li"))
			query.Del("code")
			query.Set("error", "access_denied")

			return arrive(t, d.browser, query)
		}, failed("zh-Hans", "LARK_REFUSED")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			d, f := larkDesk(t)
			version := d.version(t, owner)

			if to := one.come(t, d, f); to != one.want {
				t.Errorf("went to %s, want %s", to, one.want)
			}

			if subject := d.larkOf(t, owner); subject != "" || d.version(t, owner) != version {
				t.Errorf("bound to %q, version %d", subject, d.version(t, owner))
			}
		})
	}
}

// Of any number of accounts that bind one identity at once, one gets it.
func TestLarkIdentityHasOneAccount(t *testing.T) {
	t.Parallel()

	d, f := larkDesk(t)

	var (
		waiting sync.WaitGroup
		came    = make(chan string, 6)
	)

	for range cap(came) {
		_, browser := d.person(t)
		query := f.agree(depart(t, browser, bind), somebody("zhang"))

		waiting.Go(func() { came <- arrive(t, browser, query) })
	}

	waiting.Wait()
	close(came)

	bound := 0

	for to := range came {
		switch to {
		case consoleOfLark + "/zh-Hans/#/authorized":
			bound++
		case failed("zh-Hans", "IDENTITY_TAKEN"):
		default:
			t.Errorf("went to %s", to)
		}
	}

	if bound != 1 {
		t.Errorf("%d got it", bound)
	}
}

// Contract, "the last way in cannot be removed": an identity is one, and can be the last.
func TestLarkIsAWayIn(t *testing.T) {
	t.Parallel()

	d, f := larkDesk(t)
	f.bound(t, d, somebody("zhang"))
	d.Exec(t, "UPDATE account SET password_hash = NULL, phone = '+8613800138000' WHERE email = $1", owner)

	got, err := d.browser.Client.UnbindWithResponse(t.Context(), client.UnbindParamsKeyPhone)
	if err != nil || got.StatusCode() != http.StatusNoContent {
		t.Errorf("unbind the phone: %v, %s", err, got.Body)
	}

	if got := unbindLark(t, d.browser); got != "LAST_WAY_IN" || d.larkOf(t, owner) != "ou_zhang" {
		t.Errorf("unbind the last way in: %s", got)
	}

	d.Exec(t, "UPDATE account SET phone = '+8613800138000' WHERE email = $1", owner)
	d.Clock.Advance(16 * time.Minute)

	if got := unbindLark(t, d.browser); got != "REAUTH_REQUIRED" {
		t.Errorf("unbind after 16 minutes: %s", got)
	}
}

// An authenticator app is a way in only where it signs in by itself.
func TestLastWayInWithoutTOTPSignIn(t *testing.T) {
	t.Parallel()

	for _, signsIn := range []bool{true, false} {
		d, f := larkDesk(t, func(c *config.Config) { c.TOTPSignIn = signsIn })
		f.bound(t, d, somebody("zhang"))
		d.authenticator(t, d.browser)
		d.Exec(t, "UPDATE account SET password_hash = NULL WHERE email = $1", owner)

		want := "204 No Content"
		if !signsIn {
			want = "LAST_WAY_IN"
		}

		if got := unbindLark(t, d.browser); got != want {
			t.Errorf("TOTP_SIGN_IN=%t: unbind Lark: %q, want %q", signsIn, got, want)
		}

		d.Exec(t, "UPDATE account SET phone = '+8613800138000' WHERE email = $1", owner)
		d.Exec(t, "DELETE FROM identity")

		got, err := d.browser.Client.UnbindWithResponse(t.Context(), client.UnbindParamsKeyPhone)
		if err != nil {
			t.Fatal(err)
		}

		refused := got.JSON400 != nil && got.JSON400.Code == client.ErrorCodeLASTWAYIN
		if refused == signsIn || !refused && got.StatusCode() != http.StatusNoContent {
			t.Errorf("TOTP_SIGN_IN=%t: unbind the phone: %d %s", signsIn, got.StatusCode(), got.Body)
		}

		// Where it opens nothing, nothing is lost with it.
		d.Exec(t, "UPDATE account SET phone = NULL WHERE email = $1", owner)

		got, err = d.browser.Client.UnbindWithResponse(t.Context(), client.UnbindParamsKeyTotp)
		if err != nil {
			t.Fatal(err)
		}

		refused = got.JSON400 != nil && got.JSON400.Code == client.ErrorCodeLASTWAYIN
		if refused != signsIn || !refused && got.StatusCode() != http.StatusNoContent {
			t.Errorf("TOTP_SIGN_IN=%t: unbind the app: %d %s", signsIn, got.StatusCode(), got.Body)
		}
	}
}

// An identity has no second factor beside it: where the group asks for one, it is no way in.
func TestLarkIsNoWayInWhereASecondFactorIsAsked(t *testing.T) {
	t.Parallel()

	d, f := larkDesk(t, func(c *config.Config) { c.TOTPSignIn = false })
	f.bound(t, d, somebody("zhang"))
	d.authenticator(t, d.browser)
	d.Exec(t, "UPDATE account SET password_hash = NULL, phone = '+8613800138000' WHERE email = $1", owner)

	for _, asked := range []bool{true, false} {
		d.Exec(t, "UPDATE member_group SET requires_totp = $1 WHERE name = (SELECT member_group FROM account WHERE email = $2)", asked, owner)

		got, err := d.browser.Client.UnbindWithResponse(t.Context(), client.UnbindParamsKeyPhone)
		if err != nil {
			t.Fatal(err)
		}

		refused := got.JSON400 != nil && got.JSON400.Code == client.ErrorCodeLASTWAYIN
		if refused != asked || !refused && got.StatusCode() != http.StatusNoContent {
			t.Errorf("a second factor is asked for: %t: unbind the phone: %d %s", asked, got.StatusCode(), got.Body)
		}
	}
}

// R-H4, T-18: another site cannot send somebody to bind; a console on a configured origin can, and Lark
// may send everybody back.
func TestLarkBindingBeginsAtHome(t *testing.T) {
	t.Parallel()

	d := newDesk(t, func(c *config.Config) { c.Origins = []string{"https://console.test"} })
	start := call{method: http.MethodGet, path: "/lark/authorize", query: "state=%7B%22action%22%3A%22link%22%7D"}.from(d.browser)

	for _, one := range []struct {
		site, mode, referer, origin string
		want                        int
	}{
		{"same-origin", "navigate", "", "", http.StatusFound},
		{"none", "navigate", "", "", http.StatusFound},
		{"cross-site", "navigate", "https://console.test/app/", "", http.StatusFound},
		{"same-site", "navigate", "https://console.test/", "", http.StatusFound},
		{"same-site", "navigate", "", "", http.StatusForbidden},
		{"cross-site", "navigate", "", "", http.StatusForbidden},
		{"cross-site", "navigate", "https://evil.test/", "", http.StatusForbidden},
		{"cross-site", "navigate", "https://console.test.evil.test/", "", http.StatusForbidden},
		{"cross-site", "navigate", "https://evil.test/https://console.test", "", http.StatusForbidden},
		{"cross-site", "navigate", "http://console.test/", "", http.StatusForbidden},
		{"cross-site", "navigate", "https://console.test@evil.test/", "", http.StatusForbidden},
		{"cross-site", "navigate", "https://console.test/", "https://evil.test", http.StatusForbidden},
		{"cross-site", "no-cors", "https://console.test/", "", http.StatusForbidden},
		{"cross-site", "", "https://console.test/", "", http.StatusForbidden},
	} {
		c := start.with("Sec-Fetch-Site", one.site).with("Sec-Fetch-Mode", one.mode).with("Sec-Fetch-Dest", "document")
		if one.referer != "" {
			c = c.with("Referer", one.referer)
		}

		if one.origin != "" {
			c = c.with("Origin", one.origin)
		}

		if got := c.to(t, d.Server); got.status != one.want {
			t.Errorf("%+v: %s", one, got)
		}
	}

	// In a frame nobody follows anything, and a Referer outlives a redirect: it opens no other operation.
	linked := start.with("Sec-Fetch-Site", "cross-site").with("Sec-Fetch-Mode", "navigate").with("Referer", "https://console.test/")
	if got := linked.with("Sec-Fetch-Dest", "iframe").to(t, d.Server); got.status != http.StatusForbidden {
		t.Errorf("in a frame: %s", got)
	}

	linked = linked.with("Sec-Fetch-Dest", "document")
	linked.path, linked.query = "/login/sms", "phone=%2B8613800138000"

	if got := linked.to(t, d.Server); got.status != http.StatusForbidden {
		t.Errorf("another operation: %s", got)
	}
}
