package session_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// The events of an account's life. Each has to succeed.

func (u *lifecycleUser) do(t *testing.T, c world.Call) {
	t.Helper()

	if got := c.InBrowser(t, u.Server, u.thisBrowser); got.Status != http.StatusNoContent {
		t.Fatalf("%s %s: %s", c.Method, c.Path, got)
	}
}

// doAsApp sends a call with the access token of this app.
func (u *lifecycleUser) doAsApp(t *testing.T, c world.Call) {
	t.Helper()
	world.ExpectStatus(t, u.Gateway, c.With("Authorization", "Bearer "+u.thisApp.AccessToken), http.StatusNoContent, c.Path)
}

func changePassword(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.do(t, world.JSONCall(http.MethodPost, "/user/password", map[string]string{"old": u.password, "password": world.NewPassword}))
	u.password = world.NewPassword
}

// resetPassword opens no session.
func resetPassword(t *testing.T, u *lifecycleUser) {
	t.Helper()

	got := u.reset(t)
	if got.Status != http.StatusNoContent || strings.Contains(strings.Join(got.Header.Values("Set-Cookie"), " "), "__Host-TOKEN") {
		t.Fatalf("reset: %s, cookies %q", got, got.Header.Values("Set-Cookie"))
	}

	u.password = world.NewPassword
}

func signOut(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.do(t, world.SignOutCall())

	if u.thisBrowser.Cookie("__Host-TOKEN") != "" {
		t.Error("the cookie is not removed")
	}
}

// signOutTwice signs out again with the earlier cookie, like a tab that was asleep.
func signOutTwice(t *testing.T, u *lifecycleUser) {
	t.Helper()
	signOut(t, u)
	u.thisBrowser.SetCookie("__Host-TOKEN", cookieIn(u.issued.thisBrowser))
	u.do(t, world.SignOutCall())
	u.do(t, world.SignOutCall())
}

func cookieIn(state browserState) string {
	return world.Call{Header: state.header}.Cookies("__Host-TOKEN")[0]
}

func logout(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.doAsApp(t, world.Call{Method: http.MethodPost, Path: "/api/auth/logout"})
}

func signInAgain(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.do(t, world.SignInCall(u.email, u.password))
}

func signInAsOther(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.do(t, world.SignInCall(u.issued.taken, apptest.Password))
}

func endSessionCall(id string) world.Call {
	return world.Call{Method: http.MethodDelete, Path: "/user/sessions/" + id}
}
func endAppSessionCall(id string) world.Call {
	return world.Call{Method: http.MethodDelete, Path: "/api/users/me/sessions/" + id}
}

func thisBrowserEndsOther(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.do(t, endSessionCall(world.SessionOf(t, u.Env, u.otherBrowser)))
}

func thisBrowserEndsOtherApp(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.do(t, endSessionCall(u.sessionOfApp(t, u.otherApp)))
}

func thisAppEndsOtherBrowser(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.doAsApp(t, endAppSessionCall(world.SessionOf(t, u.Env, u.otherBrowser)))
}

func thisAppEndsOtherApp(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.doAsApp(t, endAppSessionCall(u.sessionOfApp(t, u.otherApp)))
}

func thisBrowserEndsOthers(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.do(t, world.Call{Method: http.MethodDelete, Path: "/user/sessions"})
}

func thisAppEndsOthers(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.doAsApp(t, world.Call{Method: http.MethodDelete, Path: "/api/users/me/sessions"})
}

// sessionOfApp returns the id of the session that the tokens belong to.
func (u *lifecycleUser) sessionOfApp(t *testing.T, tokens client.Tokens) string {
	t.Helper()

	list, err := u.Client.ListSessionsWithResponse(t.Context(), apptest.Bearer(tokens.AccessToken))
	if err != nil || list.JSON200 == nil {
		t.Fatalf("list sessions: %v %s", err, list.Body)
	}

	for _, one := range list.JSON200.Sessions {
		if one.Current {
			return one.ID
		}
	}

	t.Fatal("the current session is not listed")

	return ""
}

// disableAccount and enableAgain run the operator's commands.
func disableAccount(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.setStatus(t, account.Disabled)
}

func enableAgain(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.setStatus(t, account.Disabled)
	u.setStatus(t, account.Active)
}

func (u *lifecycleUser) setStatus(t *testing.T, status account.Status) {
	t.Helper()

	if err := u.SetStatus(t.Context(), u.email, status); err != nil {
		t.Fatal(err)
	}
}

func deleteAccount(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.Exec(t, "DELETE FROM account WHERE email = $1", u.email)
}

func changeGroup(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.setGroup(t, "Member")
}

func moveToSecondFactorGroup(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.setGroup(t, "Tester") // a group that requires a second factor in these tests
}

func (u *lifecycleUser) setGroup(t *testing.T, name string) {
	t.Helper()

	if err := u.SetGroup(t.Context(), u.email, name); err != nil {
		t.Fatal(err)
	}
}

// changeEmail moves the account to the address that waits to be registered.
func changeEmail(t *testing.T, u *lifecycleUser) {
	t.Helper()

	to := u.issued.newEmail
	before := len(u.Mails(to))

	u.do(t, world.EmailCall(to, ""))
	u.do(t, world.EmailCall(to, u.Mail(t, to, before).Code))
	u.email = to
}

func bindPhone(t *testing.T, u *lifecycleUser) {
	t.Helper()

	phone := u.NewPhone()
	u.do(t, world.QueryCall("/user/phone_code", "phone", phone))
	u.do(t, world.JSONCall(http.MethodPost, "/user/phone", map[string]string{"phone": phone, "code": u.Mail(t, phone, 0).Code}))
}

func removePhone(t *testing.T, u *lifecycleUser) { t.Helper(); u.unbind(t, "phone") }
func removeTOTP(t *testing.T, u *lifecycleUser)  { t.Helper(); u.unbind(t, "totp") }
func removeLark(t *testing.T, u *lifecycleUser)  { t.Helper(); u.unbind(t, "lark") }

func (u *lifecycleUser) unbind(t *testing.T, key string) {
	t.Helper()
	u.do(t, world.Call{Method: http.MethodDelete, Path: "/user/" + key})
}

func bindTOTP(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.BindAuthenticator(t, u.thisBrowser)
}

func renewCodes(t *testing.T, u *lifecycleUser) {
	t.Helper()
	world.RecoveryCode(t, u.thisBrowser)
}

func bindLark(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.bindLark(t, world.LarkPerson(fmt.Sprintf("another-%d", u.Sequence.Add(1))))
}

// reuseRefreshToken uses a copy of a refresh token long after the original was used.
func reuseRefreshToken(t *testing.T, u *lifecycleUser) {
	t.Helper()

	tokens := u.thisApp

	for range 2 {
		_, next := u.Refresh(t, tokens.RefreshToken)
		if next == nil {
			t.Fatal("no tokens")
		}

		tokens = *next
	}

	u.Clock.Advance(session.LostAfter + time.Second)

	if status, _ := u.Refresh(t, u.thisApp.RefreshToken); status != http.StatusUnauthorized {
		t.Fatalf("the copy: %d", status)
	}

	u.issued.thisApp = tokens // even the newest must not work
}

// exceedBrowserLimit signs in as many browsers as the limit allows, so that the one idle the longest is signed out.
func exceedBrowserLimit(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.Clock.Advance(time.Second)
	world.RenewSession(t, u.thisBrowser)
	u.issued.thisBrowser = stateOf(t, u.thisBrowser)

	for range u.Config.SessionLimit - 1 {
		u.SignedIn(t, u.email)
	}
}

func exceedAppLimit(t *testing.T, u *lifecycleUser) {
	t.Helper()
	u.Clock.Advance(time.Second)
	u.issued.thisApp = u.refreshed(t, u.thisApp)

	for range u.Config.SessionLimit - 1 {
		u.SignIn(t, u.email)
	}
}

func (u *lifecycleUser) refreshed(t *testing.T, tokens client.Tokens) client.Tokens {
	t.Helper()

	_, next := u.Refresh(t, tokens.RefreshToken)
	if next == nil {
		t.Fatal("no tokens")
	}

	return *next
}

func advance(wait time.Duration) func(*testing.T, *lifecycleUser) {
	return func(t *testing.T, u *lifecycleUser) {
		t.Helper()
		u.Clock.Advance(wait)
	}
}

// refreshedForLong refreshes in time until the sessions reach their absolute end.
func refreshedForLong(t *testing.T, u *lifecycleUser) {
	t.Helper()

	for range 6 {
		u.Clock.Advance(29 * 24 * time.Hour)
		u.issued.thisApp, u.issued.otherApp = u.refreshed(t, u.issued.thisApp), u.refreshed(t, u.issued.otherApp)
	}

	u.Clock.Advance(6 * 24 * time.Hour)
}
