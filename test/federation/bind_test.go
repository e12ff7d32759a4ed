package federation_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/federation"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// accountVersion returns the version of an account.
func accountVersion(tb testing.TB, g *world.Gateway, email string) (version int) {
	tb.Helper()

	if err := g.Pool.QueryRow(tb.Context(), "SELECT version FROM account WHERE email = $1", email).Scan(&version); err != nil {
		tb.Fatal(err)
	}

	return version
}

func unbindLarkCall(tb testing.TB, b *apptest.Browser) string {
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

// Contract, "sensitive changes", "Lark": binding, replacing and removing an identity change the version and cause a
// mail and an audit event. A removed identity signs no one in.
func TestLarkIsBoundReplacedAndRemoved(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	version, mails := accountVersion(t, g, world.Owner), len(g.Mails(world.Owner))

	for step, change := range []func(){
		func() { f.BindOwner(t, g, world.LarkPerson("zhang")) },
		func() { f.BindOwner(t, g, world.LarkPerson("li")) },
		func() {
			if got := unbindLarkCall(t, g.OwnerBrowser); got != "204 No Content" {
				t.Errorf("unbind: %s", got)
			}
		},
	} {
		change()

		if got := accountVersion(t, g, world.Owner); got != version+step+1 {
			t.Errorf("step %d: version %d, and %d before", step, got, version)
		}

		if mail := g.Mail(t, world.Owner, mails+step); mail.Subject != "您绑定的飞书账号已更改" {
			t.Errorf("step %d: %+v", step, mail)
		}

		if step == 1 {
			if to := f.Authorize(g.Browser(t), world.LarkLogin, world.LarkPerson("zhang")); to != world.LarkFailed("zh-Hans", "IDENTITY_NOT_BOUND") {
				t.Errorf("the replaced identity: went to %s", to)
			}
		}
	}

	if got := world.PublicUser(t, g.OwnerBrowser); !got.Lark.IsNull() {
		t.Errorf("user %+v", got)
	}

	if to := f.Authorize(g.Browser(t), world.LarkLogin, world.LarkPerson("li")); to != world.LarkFailed("zh-Hans", "IDENTITY_NOT_BOUND") {
		t.Errorf("the removed identity: went to %s", to)
	}

	if got := unbindLarkCall(t, g.OwnerBrowser); got != "204 No Content" || accountVersion(t, g, world.Owner) != version+3 {
		t.Errorf("a second time: %s, version %d", got, accountVersion(t, g, world.Owner))
	}

	var events []string

	err := g.Pool.QueryRow(t.Context(), "SELECT array_agg(method ORDER BY id) FROM audit_event WHERE action = 'lark.changed'").Scan(&events)
	if err != nil || !slices.Equal(events, []string{"bound", "bound", "removed"}) {
		t.Errorf("events %q, %v", events, err)
	}
}

// R-J9, V-22: an identity is bound only if the user who began the journey has a session whose sign-in is recent at both
// ends, and if no other account has the identity.
func TestLarkBindingIsRefused(t *testing.T) {
	t.Parallel()

	for name, one := range map[string]struct {
		come func(t *testing.T, g *world.Gateway, f *world.FakeLark) string
		want string
	}{
		"NobodySignedIn": {func(t *testing.T, g *world.Gateway, _ *world.FakeLark) string {
			return world.StartLark(t, g.Visitor, world.LarkBind)
		}, world.LarkFailed("zh-Hans", "UNAUTHENTICATED")},
		"OldSignIn": {func(t *testing.T, g *world.Gateway, _ *world.FakeLark) string {
			g.Clock.Advance(16 * time.Minute)

			return world.StartLark(t, g.OwnerBrowser, world.LarkBind)
		}, world.LarkFailed("zh-Hans", "REAUTH_REQUIRED")},
		"SignInThatGrowsOld": {func(t *testing.T, g *world.Gateway, f *world.FakeLark) string {
			g.Clock.Advance(14 * time.Minute)
			query := f.Approve(world.StartLark(t, g.OwnerBrowser, world.LarkBind), world.LarkPerson("li"))
			g.Clock.Advance(2 * time.Minute)

			return world.ReturnFromLark(t, g.OwnerBrowser, query)
		}, world.LarkFailed("zh-Hans", "REAUTH_REQUIRED")},
		"Late": {func(t *testing.T, g *world.Gateway, f *world.FakeLark) string {
			query := f.Approve(world.StartLark(t, g.OwnerBrowser, world.LarkBind), world.LarkPerson("li"))
			g.Clock.Advance(federation.Lifetime)

			return world.ReturnFromLark(t, g.OwnerBrowser, query)
		}, world.LarkFailed("", "STATE_INVALID")},
		"SignedOutOnTheWay": {func(t *testing.T, g *world.Gateway, f *world.FakeLark) string {
			query := f.Approve(world.StartLark(t, g.OwnerBrowser, world.LarkBind), world.LarkPerson("li"))
			g.OwnerBrowser.SetCookie("__Host-TOKEN", "")

			return world.ReturnFromLark(t, g.OwnerBrowser, query)
		}, world.LarkFailed("", "STATE_INVALID")},
		"SomebodyElseSignedInOnTheWay": {func(t *testing.T, g *world.Gateway, f *world.FakeLark) string {
			query := f.Approve(world.StartLark(t, g.OwnerBrowser, world.LarkBind), world.LarkPerson("li"))
			address, _ := g.NewUser(t)
			world.SignInCall(address, apptest.Password).InBrowser(t, g.Server, g.OwnerBrowser)

			return world.ReturnFromLark(t, g.OwnerBrowser, query)
		}, world.LarkFailed("", "STATE_INVALID")},
		"PlantedJourney": {func(t *testing.T, g *world.Gateway, f *world.FakeLark) string {
			_, attacker := g.NewUser(t)
			query := f.Approve(world.StartLark(t, attacker, world.LarkBind), world.LarkPerson("attacker"))
			g.OwnerBrowser.SetCookie("__Host-LARK", attacker.Cookie("__Host-LARK"))

			return world.ReturnFromLark(t, g.OwnerBrowser, query)
		}, world.LarkFailed("", "STATE_INVALID")},
		"SomebodyElsesIdentity": {func(t *testing.T, g *world.Gateway, f *world.FakeLark) string {
			_, other := g.NewUser(t)
			f.Authorize(other, world.LarkBind, world.LarkPerson("zhang"))

			return f.Authorize(g.OwnerBrowser, world.LarkBind, world.LarkPerson("zhang"))
		}, world.LarkFailed("zh-Hans", "IDENTITY_TAKEN")},
		"DisabledOnTheWay": {func(t *testing.T, g *world.Gateway, f *world.FakeLark) string {
			query := f.Approve(world.StartLark(t, g.OwnerBrowser, world.LarkBind), world.LarkPerson("li"))
			g.Exec(t, "UPDATE account SET status = 'disabled'")

			return world.ReturnFromLark(t, g.OwnerBrowser, query)
		}, world.LarkFailed("", "STATE_INVALID")},
		"NotAgreed": {func(t *testing.T, g *world.Gateway, f *world.FakeLark) string {
			query := f.Approve(world.StartLark(t, g.OwnerBrowser, world.LarkBind), world.LarkPerson("li"))
			query.Del("code")
			query.Set("error", "access_denied")

			return world.ReturnFromLark(t, g.OwnerBrowser, query)
		}, world.LarkFailed("zh-Hans", "LARK_REFUSED")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			g, f := world.LarkGateway(t)
			version := accountVersion(t, g, world.Owner)

			if to := one.come(t, g, f); to != one.want {
				t.Errorf("went to %s, want %s", to, one.want)
			}

			if subject := g.LarkSubject(t, world.Owner); subject != "" || accountVersion(t, g, world.Owner) != version {
				t.Errorf("bound to %q, version %d", subject, accountVersion(t, g, world.Owner))
			}
		})
	}
}

// Of any number of accounts that bind one identity at once, one succeeds.
func TestLarkIdentityHasOneAccount(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)

	var (
		waiting sync.WaitGroup
		came    = make(chan string, 6)
	)

	for range cap(came) {
		_, browser := g.NewUser(t)
		query := f.Approve(world.StartLark(t, browser, world.LarkBind), world.LarkPerson("zhang"))

		waiting.Go(func() { came <- world.ReturnFromLark(t, browser, query) })
	}

	waiting.Wait()
	close(came)

	bound := 0

	for to := range came {
		switch to {
		case world.LarkConsoleURL + "/zh-Hans/#/authorized":
			bound++
		case world.LarkFailed("zh-Hans", "IDENTITY_TAKEN"):
		default:
			t.Errorf("went to %s", to)
		}
	}

	if bound != 1 {
		t.Errorf("%d got it", bound)
	}
}

// Contract, "the last way in cannot be removed": an identity is a sign-in method, and can be the last one.
func TestLarkCountsAsSignInMethod(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	f.BindOwner(t, g, world.LarkPerson("zhang"))
	g.Exec(t, "UPDATE account SET password_hash = NULL, phone = '+8613800138000' WHERE email = $1", world.Owner)

	got, err := g.OwnerBrowser.Client.UnbindWithResponse(t.Context(), client.UnbindParamsKeyPhone)
	if err != nil || got.StatusCode() != http.StatusNoContent {
		t.Errorf("unbind the phone: %v, %s", err, got.Body)
	}

	if got := unbindLarkCall(t, g.OwnerBrowser); got != "LAST_WAY_IN" || g.LarkSubject(t, world.Owner) != "ou_zhang" {
		t.Errorf("unbind the last sign-in method: %s", got)
	}

	g.Exec(t, "UPDATE account SET phone = '+8613800138000' WHERE email = $1", world.Owner)
	g.Clock.Advance(16 * time.Minute)

	if got := unbindLarkCall(t, g.OwnerBrowser); got != "REAUTH_REQUIRED" {
		t.Errorf("unbind after 16 minutes: %s", got)
	}
}

// An authenticator app counts as a sign-in method only if it signs in without a password.
func TestLastSignInMethodWithoutTOTPSignIn(t *testing.T) {
	t.Parallel()

	for _, signsIn := range []bool{true, false} {
		g, f := world.LarkGateway(t, func(c *apptest.Settings) { c.TOTPSignIn = signsIn })
		f.BindOwner(t, g, world.LarkPerson("zhang"))
		g.BindAuthenticator(t, g.OwnerBrowser)
		g.Exec(t, "UPDATE account SET password_hash = NULL WHERE email = $1", world.Owner)

		want := "204 No Content"
		if !signsIn {
			want = "LAST_WAY_IN"
		}

		if got := unbindLarkCall(t, g.OwnerBrowser); got != want {
			t.Errorf("TOTP_SIGN_IN=%t: unbind Lark: %q, want %q", signsIn, got, want)
		}

		g.Exec(t, "UPDATE account SET phone = '+8613800138000' WHERE email = $1", world.Owner)
		g.Exec(t, "DELETE FROM identity")

		got, err := g.OwnerBrowser.Client.UnbindWithResponse(t.Context(), client.UnbindParamsKeyPhone)
		if err != nil {
			t.Fatal(err)
		}

		refused := got.JSON400 != nil && got.JSON400.Code == client.ErrorCodeLASTWAYIN
		if refused == signsIn || !refused && got.StatusCode() != http.StatusNoContent {
			t.Errorf("TOTP_SIGN_IN=%t: unbind the phone: %d %s", signsIn, got.StatusCode(), got.Body)
		}

		// If the app is not a sign-in method, removing it loses none.
		g.Exec(t, "UPDATE account SET phone = NULL WHERE email = $1", world.Owner)

		got, err = g.OwnerBrowser.Client.UnbindWithResponse(t.Context(), client.UnbindParamsKeyTotp)
		if err != nil {
			t.Fatal(err)
		}

		refused = got.JSON400 != nil && got.JSON400.Code == client.ErrorCodeLASTWAYIN
		if refused != signsIn || !refused && got.StatusCode() != http.StatusNoContent {
			t.Errorf("TOTP_SIGN_IN=%t: unbind the app: %d %s", signsIn, got.StatusCode(), got.Body)
		}
	}
}

// SEC-S6: where two factors are asked for, an identity and an authenticator app are two. A session that was opened with one
// removes nothing.
func TestLarkAndAuthenticatorAreTwoFactors(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t, func(c *apptest.Settings) { c.TOTPSignIn = false })
	f.BindOwner(t, g, world.LarkPerson("zhang"))
	g.BindAuthenticator(t, g.OwnerBrowser)
	g.Exec(t, "UPDATE account SET password_hash = NULL, phone = '+8613800138000', member_group = 'Tester' WHERE email = $1", world.Owner)

	g.Exec(t, "UPDATE member_group SET requires_totp = true WHERE name = 'Tester'")

	unbind := func(key client.UnbindParamsKey) string {
		t.Helper()

		got, err := g.OwnerBrowser.Client.UnbindWithResponse(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}

		if got.JSON400 != nil {
			return string(got.JSON400.Code)
		}

		return got.Status()
	}

	if got := unbind(client.UnbindParamsKeyPhone); got != "REAUTH_REQUIRED" {
		t.Errorf("opened with one factor: unbind the phone: %s", got)
	}

	g.Exec(t, "UPDATE session SET amr = '{lark,otp,mfa}'")

	for _, one := range []struct {
		key  client.UnbindParamsKey
		want string
	}{{client.UnbindParamsKeyTotp, "LAST_WAY_IN"}, {client.UnbindParamsKeyPhone, "204 No Content"}, {client.UnbindParamsKeyLark, "LAST_WAY_IN"}} {
		if got := unbind(one.key); got != one.want {
			t.Errorf("opened with two: unbind %s: %s, want %s", one.key, got, one.want)
		}
	}
}

// R-H4, T-18: another site cannot send a user to bind an identity. A console on a configured origin can, and Lark can
// send every user back.
func TestLarkBindingStartsFromOurSites(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.Origins = []string{"https://console.test"} })
	start := world.Call{Method: http.MethodGet, Path: "/lark/authorize", Query: "state=%7B%22action%22%3A%22link%22%7D"}.FromBrowser(g.OwnerBrowser)

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
		c := start.With("Sec-Fetch-Site", one.site).With("Sec-Fetch-Mode", one.mode).With("Sec-Fetch-Dest", "document")
		if one.referer != "" {
			c = c.With("Referer", one.referer)
		}

		if one.origin != "" {
			c = c.With("Origin", one.origin)
		}

		if got := c.To(t, g.Server); got.Status != one.want {
			t.Errorf("%+v: %s", one, got)
		}
	}

	// A frame is refused, because no user follows a link in one. A Referer survives a redirect, so it allows no other
	// operation.
	linked := start.With("Sec-Fetch-Site", "cross-site").With("Sec-Fetch-Mode", "navigate").With("Referer", "https://console.test/")
	if got := linked.With("Sec-Fetch-Dest", "iframe").To(t, g.Server); got.Status != http.StatusForbidden {
		t.Errorf("in a frame: %s", got)
	}

	linked = linked.With("Sec-Fetch-Dest", "document")
	linked.Path, linked.Query = "/login/sms", "phone=%2B8613800138000"

	if got := linked.To(t, g.Server); got.Status != http.StatusForbidden {
		t.Errorf("another operation: %s", got)
	}
}
