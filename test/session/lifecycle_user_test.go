package session_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// lifecycleUser is an account with every kind of credential outstanding.
type lifecycleUser struct {
	*world.Gateway

	lark    *world.FakeLark
	replica *apptest.Server // another server on the same database

	email    string // the current address
	password string // the current password

	thisBrowser, otherBrowser *apptest.Browser
	thisApp, otherApp         client.Tokens

	issued   issued
	changing *browserState // the browser that completes pending changes; nil until it is needed
}

// issued holds the credentials that were issued before the event.
type issued struct {
	thisBrowser, otherBrowser browserState
	thisApp, otherApp         client.Tokens

	phone, sms       string
	email, resetCode string
	secret, recovery string // of the authenticator app
	person           map[string]any

	pending                    string // the requested TOTP secret
	newPhone, phoneCode        string
	taken, emailCode           string // the address belongs to another account
	newEmail, registrationCode string
}

// browserState is the headers that a browser would send, and a refresh code of its session.
type browserState struct {
	header http.Header
	code   string
}

func newLifecycleUser(t *testing.T, g *world.Gateway, f *world.FakeLark, replica *apptest.Server) *lifecycleUser {
	t.Helper()

	n := g.Sequence.Add(1)
	u := &lifecycleUser{Gateway: g, lark: f, replica: replica, email: fmt.Sprintf("lifecycle.%d@konec.test", n), password: apptest.Password}
	issued := &u.issued

	g.Account(t, u.email)
	u.otherBrowser, u.otherApp = g.SignedIn(t, u.email), g.SignIn(t, u.email)
	u.thisBrowser, u.thisApp = g.SignedIn(t, u.email), g.SignIn(t, u.email)

	issued.email, issued.phone, issued.newPhone = u.email, g.NewPhone(), g.NewPhone()
	g.Exec(t, "UPDATE account SET phone = $1 WHERE email = $2", issued.phone, u.email)

	issued.secret = g.BindAuthenticator(t, u.thisBrowser)
	issued.recovery = world.RecoveryCode(t, u.thisBrowser)
	issued.person = world.LarkPerson(fmt.Sprintf("lifecycle-%d", n))
	u.bindLark(t, issued.person)

	// These are requested in the other browser. Either browser may complete them.
	_, issued.pending, _ = g.PendingAuthenticator(t, u.otherBrowser)
	issued.newEmail, issued.taken = fmt.Sprintf("moved.%d@konec.test", n), fmt.Sprintf("taken.%d@konec.test", n)
	g.Account(t, issued.taken)

	for _, c := range []world.Call{
		world.QueryCall("/user/phone_code", "phone", issued.newPhone).FromBrowser(u.otherBrowser),
		world.EmailCall(issued.taken, "").FromBrowser(u.otherBrowser),
		world.QueryCall("/login/sms", "phone", issued.phone),
		world.QueryCall("/forget_code", "email", u.email),
	} {
		world.ExpectStatus(t, g, c, http.StatusNoContent, c.Path)
	}

	issued.registrationCode = g.RegistrationCode(t, issued.newEmail)
	issued.phoneCode, issued.sms = g.Mail(t, issued.newPhone, 0).Code, g.Mail(t, issued.phone, 0).Code
	issued.emailCode = g.Mail(t, issued.taken, 0).Code
	issued.resetCode = u.codeTo(t, u.email)

	issued.thisBrowser, issued.otherBrowser = stateOf(t, u.thisBrowser), stateOf(t, u.otherBrowser)
	issued.thisApp, issued.otherApp = u.thisApp, u.otherApp

	return u
}

func stateOf(t *testing.T, b *apptest.Browser) browserState {
	t.Helper()

	return browserState{code: world.RefreshCode(t, b), header: b.Header()}
}

// codeTo waits for the newest code among the mails to the address.
func (u *lifecycleUser) codeTo(t *testing.T, address string) (code string) {
	t.Helper()

	apptest.Eventually(t, "a code for "+address, func() bool {
		for _, message := range u.Mails(address) {
			if message.Code != "" {
				code = message.Code

				return true
			}
		}

		return false
	})

	return code
}

func (u *lifecycleUser) bindLark(t *testing.T, person map[string]any) {
	t.Helper()

	if to := u.lark.Authorize(u.thisBrowser, world.LarkBind, person); to != world.LarkConsoleURL+"/zh-Hans/#/authorized" {
		t.Fatalf("bind Lark: %s", to)
	}
}

// fromState sends what the browser would have sent in that state.
func fromState(c world.Call, state browserState) world.Call {
	for name, values := range state.header {
		c = c.With(name, values...)
	}

	return c
}

// visitorCall returns a POST from a browser that is not signed in.
func (u *lifecycleUser) visitorCall(path string, body any) world.Call {
	return world.JSONCall(http.MethodPost, path, body).FromBrowser(u.Visitor)
}

// changingBrowser returns a browser that has just signed in or, if that is impossible, this one.
func (u *lifecycleUser) changingBrowser(t *testing.T) browserState {
	t.Helper()

	if u.changing == nil {
		u.changing = &u.issued.thisBrowser
		browser := u.Browser(t)
		browser.Load(t)

		if got := world.SignInCall(u.email, u.password).InBrowser(t, u.Server, browser); got.Status == http.StatusNoContent {
			u.changing = &browserState{header: browser.Header()}
		}
	}

	return *u.changing
}

// accepted reports whether a response has the good status. Any other response must be one of the refusals.
func accepted(t *testing.T, what string, got world.Reply, good int, refusals ...string) bool {
	t.Helper()

	if got.Status == good {
		return true
	}

	if !slices.Contains(refusals, got.Problem.Code) {
		t.Errorf("%s: %s, want %d or one of %q", what, got, good, refusals)
	}

	return false
}
