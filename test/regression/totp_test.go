package regression_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// visible returns everything that a caller learns from a response, without what differs each time.
func visible(r world.Reply) string {
	return r.String()[:3] + " " + r.Header.Get("Retry-After") + " " + string(bytes.ReplaceAll(r.Body, []byte(r.Problem.RequestID), nil))
}

// emptyCodes returns the codes that anyone can compute for an empty secret, of the steps −2 to 2.
func emptyCodes(t *testing.T, now time.Time) (codes []string) {
	t.Helper()

	for steps := -2; steps <= 2; steps++ {
		codes = append(codes, world.TOTPAt(t, world.EmptySecret, now.Add(time.Duration(steps)*30*time.Second)))
	}

	return codes
}

// W-1, R-D5: no one signs in with the code of an empty secret, whether there is no secret, an empty value, a pending
// one or a removed one. The response is that to a wrong code.
func TestEmptySecretOpensNoSession(t *testing.T) {
	t.Parallel()

	m := world.NewMatrix(t)
	people := m.Members(t, 5, account.GroupNone)
	owner, bare, pending, removed, empty := people[0], people[1], people[2], people[3], people[4]

	m.BindAuthenticator(t, owner)
	m.PendingAuthenticator(t, pending)
	m.BindAuthenticator(t, empty)
	m.Update(t, "UPDATE totp SET secret = '' WHERE account_id = $1", empty.ID)
	m.BindAuthenticator(t, removed)

	unbind := m.Call(t, "unbind", nil)
	unbind.Path = "/user/totp"

	if got := m.AsMember(removed, unbind).To(t, m.Server); got.Status != http.StatusNoContent {
		t.Fatalf("removing: %s", got)
	}

	ask := func(email, plain string) world.Reply {
		t.Helper()

		return m.AsVisitor(bare, m.Call(t, "signInWithTOTP", map[string]any{"email": email, "code": plain})).To(t, m.Server)
	}

	want := visible(ask(owner.Email, "000000"))

	for name, email := range map[string]string{
		"no account": m.NewAddress(), "no secret": bare.Email, "a secret that waits": pending.Email, "a secret that was removed": removed.Email, "an empty value": empty.Email,
	} {
		for _, plain := range emptyCodes(t, m.Clock.Now()) {
			if got := ask(email, plain); visible(got) != want || len(got.Header.Values("Set-Cookie")) > 0 {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	}
}

// W-15, R-C12, R-D8, contract "sensitive changes": a sign-in method is removed only if the user signed in at most a
// quarter of an hour ago; a renewal is not a sign-in. The method stops working at once, and its owner is notified.
func TestRemovalNeedsAFreshSignIn(t *testing.T) {
	t.Parallel()

	m := world.NewMatrix(t)

	type way struct {
		signIn func(t *testing.T, own *world.Member) world.Call // builds the call before the removal
		after  string
	}

	for key, w := range map[string]way{
		"phone": {func(t *testing.T, own *world.Member) world.Call {
			t.Helper()

			phone := m.BindPhone(t, own)

			return m.Call(t, "signInWithCode", map[string]any{"phone": phone, "code": m.IssueCode(t, code.SignIn, phone)})
		}, world.CodeInvalid},
		"totp": {func(t *testing.T, own *world.Member) world.Call {
			t.Helper()

			return m.Call(t, "signInWithTOTP", map[string]any{"email": own.Email, "code": m.BindAuthenticator(t, own)})
		}, world.CodeInvalid},
		"lark": {func(t *testing.T, own *world.Member) world.Call {
			t.Helper()

			return m.LarkReturn(t, own)
		}, "302 IDENTITY_NOT_BOUND"},
	} {
		own := m.Members(t, 1, account.GroupNone)[0]
		signIn := w.signIn(t, own)
		unbind := m.Call(t, "unbind", nil)
		unbind.Path = "/user/" + key

		m.Update(t, "UPDATE session SET authenticated_at = $2 WHERE account_id = $1", own.ID, m.Clock.Now().Add(-15*time.Minute-time.Millisecond))

		renewed := m.AsMember(own, m.Call(t, "renewSession", map[string]any{"code": m.RefreshCode(t, own.BrowserSession)})).To(t, m.Server)
		before := m.AllState(t)

		if got := world.StatusAndCode(m.AsMember(own, unbind).To(t, m.Server)); renewed.Status != http.StatusNoContent || got != world.ReauthRequired || m.AllState(t) != before {
			t.Errorf("%s, after a renewal (%s): %s, want %s", key, renewed, got, world.ReauthRequired)
		}

		m.Update(t, "UPDATE session SET authenticated_at = $2 WHERE account_id = $1", own.ID, m.Clock.Now().Add(time.Second-15*time.Minute))

		if got := world.StatusAndCode(m.AsMember(own, unbind).To(t, m.Server)); got != "204" || m.AllState(t) == before {
			t.Errorf("%s, after a little less than a quarter of an hour: %s", key, got)
		}

		m.Mail(t, own.Email, 0)

		without := m.AllState(t)
		if got := world.StatusAndCode(m.AsVisitor(own, signIn).To(t, m.Server)); got != w.after || m.AllState(t) != without {
			t.Errorf("%s, after the removal: %s, want %s", key, got, w.after)
		}

		for _, plain := range emptyCodes(t, m.Clock.Now()) {
			got := world.StatusAndCode(m.AsVisitor(own, m.Call(t, "signInWithTOTP", map[string]any{"email": own.Email, "code": plain})).To(t, m.Server))
			if got != world.CodeInvalid {
				t.Errorf("%s, and the empty secret: %s", key, got)
			}
		}
	}
}
