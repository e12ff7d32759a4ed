package session_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// What happens to an account. Each has to succeed.

func (h *household) do(t *testing.T, c world.Call) {
	t.Helper()

	if got := c.InBrowser(t, h.Server, h.here); got.Status != http.StatusNoContent {
		t.Fatalf("%s %s: %s", c.Method, c.Path, got)
	}
}

// doAsApp sends with the access token of this app.
func (h *household) doAsApp(t *testing.T, c world.Call) {
	t.Helper()
	world.ExpectStatus(t, h.Gateway, c.With("Authorization", "Bearer "+h.app.AccessToken), http.StatusNoContent, c.Path)
}

func changePassword(t *testing.T, h *household) {
	t.Helper()
	h.do(t, world.SendCall(http.MethodPost, "/user/password", map[string]string{"old": h.plain, "password": world.AnotherPassword}))
	h.plain = world.AnotherPassword
}

// resetPassword signs nobody in.
func resetPassword(t *testing.T, h *household) {
	t.Helper()

	got := h.reset(t)
	if got.Status != http.StatusNoContent || len(got.Header.Values("Set-Cookie")) > 0 {
		t.Fatalf("reset: %s, cookies %q", got, got.Header.Values("Set-Cookie"))
	}

	h.plain = world.AnotherPassword
}

func signOut(t *testing.T, h *household) {
	t.Helper()
	h.do(t, world.SignOutCall())

	if h.here.Cookie("__Host-TOKEN") != "" {
		t.Error("the cookie is still there")
	}
}

// signOutTwice signs out once more with the cookie of before, as a tab does that was asleep.
func signOutTwice(t *testing.T, h *household) {
	t.Helper()
	signOut(t, h)
	h.here.SetCookie("__Host-TOKEN", cookieIn(h.kept.here))
	h.do(t, world.SignOutCall())
	h.do(t, world.SignOutCall())
}

func cookieIn(state browserState) string {
	return world.Call{Header: state.header}.Cookies("__Host-TOKEN")[0]
}

func logout(t *testing.T, h *household) {
	t.Helper()
	h.doAsApp(t, world.Call{Method: http.MethodPost, Path: "/api/auth/logout"})
}

func signInAgain(t *testing.T, h *household) {
	t.Helper()
	h.do(t, world.SignInCall(h.email, h.plain))
}

func takeOver(t *testing.T, h *household) {
	t.Helper()
	h.do(t, world.SignInCall(h.kept.taken, apptest.Password))
}

func ending(id string) world.Call {
	return world.Call{Method: http.MethodDelete, Path: "/user/sessions/" + id}
}
func appEnding(id string) world.Call {
	return world.Call{Method: http.MethodDelete, Path: "/api/users/me/sessions/" + id}
}

func hereEndsThere(t *testing.T, h *household) {
	t.Helper()
	h.do(t, ending(world.SessionOf(t, h.Env, h.there)))
}

func hereEndsOther(t *testing.T, h *household) {
	t.Helper()
	h.do(t, ending(h.sessionOfApp(t, h.other)))
}

func appEndsThere(t *testing.T, h *household) {
	t.Helper()
	h.doAsApp(t, appEnding(world.SessionOf(t, h.Env, h.there)))
}

func appEndsOther(t *testing.T, h *household) {
	t.Helper()
	h.doAsApp(t, appEnding(h.sessionOfApp(t, h.other)))
}

func hereEndsAll(t *testing.T, h *household) {
	t.Helper()
	h.do(t, world.Call{Method: http.MethodDelete, Path: "/user/sessions"})
}

func appEndsAll(t *testing.T, h *household) {
	t.Helper()
	h.doAsApp(t, world.Call{Method: http.MethodDelete, Path: "/api/users/me/sessions"})
}

// sessionOfApp is the id of the session that tokens belong to.
func (h *household) sessionOfApp(t *testing.T, tokens client.Tokens) string {
	t.Helper()

	list, err := h.Client.ListSessionsWithResponse(t.Context(), apptest.Bearer(tokens.AccessToken))
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

// disableAccount and enableAgain are the operator's commands.
func disableAccount(t *testing.T, h *household) {
	t.Helper()
	h.setStatus(t, account.Disabled)
}

func enableAgain(t *testing.T, h *household) {
	t.Helper()
	h.setStatus(t, account.Disabled)
	h.setStatus(t, account.Active)
}

func (h *household) setStatus(t *testing.T, status account.Status) {
	t.Helper()

	if err := h.SetStatus(t.Context(), h.email, status); err != nil {
		t.Fatal(err)
	}
}

func deleteAccount(t *testing.T, h *household) {
	t.Helper()
	h.Exec(t, "DELETE FROM account WHERE email = $1", h.email)
}

func changeGroup(t *testing.T, h *household) {
	t.Helper()
	h.setGroup(t, "Member")
}

func guardGroup(t *testing.T, h *household) {
	t.Helper()
	h.setGroup(t, "Tester") // whose members need a second factor here
}

func (h *household) setGroup(t *testing.T, name string) {
	t.Helper()

	if err := h.SetGroup(t.Context(), h.email, name); err != nil {
		t.Fatal(err)
	}
}

// changeEmail moves the account to the address that waits to be registered.
func changeEmail(t *testing.T, h *household) {
	t.Helper()

	to := h.kept.newEmail
	before := len(h.Mails(to))

	h.do(t, world.PatchEmail(to, ""))
	h.do(t, world.PatchEmail(to, h.Mail(t, to, before).Code))
	h.email = to
}

func bindPhone(t *testing.T, h *household) {
	t.Helper()

	phone := h.NewPhone()
	h.do(t, world.QueryCall("/user/phone_code", "phone", phone))
	h.do(t, world.SendCall(http.MethodPost, "/user/phone", map[string]string{"phone": phone, "code": h.Mail(t, phone, 0).Code}))
}

func removePhone(t *testing.T, h *household) { t.Helper(); h.unbind(t, "phone") }
func removeTOTP(t *testing.T, h *household)  { t.Helper(); h.unbind(t, "totp") }
func removeLark(t *testing.T, h *household)  { t.Helper(); h.unbind(t, "lark") }

func (h *household) unbind(t *testing.T, key string) {
	t.Helper()
	h.do(t, world.Call{Method: http.MethodDelete, Path: "/user/" + key})
}

func bindTOTP(t *testing.T, h *household) {
	t.Helper()
	h.BindAuthenticator(t, h.here)
}

func renewCodes(t *testing.T, h *household) {
	t.Helper()
	world.RecoveryCode(t, h.here)
}

func bindLark(t *testing.T, h *household) {
	t.Helper()
	h.bindLark(t, world.LarkPerson(fmt.Sprintf("another-%d", h.Fresh.Add(1))))
}

// reuse is what happens when a copy of a refresh token is used, long after the original was.
func reuse(t *testing.T, h *household) {
	t.Helper()

	tokens := h.app

	for range 2 {
		_, next := h.Refresh(t, tokens.RefreshToken)
		if next == nil {
			t.Fatal("no tokens")
		}

		tokens = *next
	}

	h.Clock.Advance(session.Grace + time.Second)

	if status, _ := h.Refresh(t, h.app.RefreshToken); status != http.StatusUnauthorized {
		t.Fatalf("the copy: %d", status)
	}

	h.kept.app = tokens // not even the newest
}

// crowdOut signs in as many browsers as there may be, the one idle the longest included.
func crowdOut(t *testing.T, h *household) {
	t.Helper()
	h.Clock.Advance(time.Second)
	world.RenewSession(t, h.here)
	h.kept.here = stateOf(t, h.here)

	for range h.Config.SessionLimit - 1 {
		h.SignedIn(t, h.email)
	}
}

func crowdOutApp(t *testing.T, h *household) {
	t.Helper()
	h.Clock.Advance(time.Second)
	h.kept.app = h.refreshed(t, h.app)

	for range h.Config.SessionLimit - 1 {
		h.SignIn(t, h.email)
	}
}

func (h *household) refreshed(t *testing.T, tokens client.Tokens) client.Tokens {
	t.Helper()

	_, next := h.Refresh(t, tokens.RefreshToken)
	if next == nil {
		t.Fatal("no tokens")
	}

	return *next
}

func after(wait time.Duration) func(*testing.T, *household) {
	return func(t *testing.T, h *household) {
		t.Helper()
		h.Clock.Advance(wait)
	}
}

// refreshedForLong refreshes in time, until the sessions end all the same.
func refreshedForLong(t *testing.T, h *household) {
	t.Helper()

	for range 6 {
		h.Clock.Advance(29 * 24 * time.Hour)
		h.kept.app, h.kept.other = h.refreshed(t, h.kept.app), h.refreshed(t, h.kept.other)
	}

	h.Clock.Advance(6 * 24 * time.Hour)
}
