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

// household is one account with everything outstanding that there can be.
type household struct {
	*world.Gateway

	lark      *world.FakeLark
	elsewhere *apptest.Server // another replica

	email string // as they are now
	plain string // the password

	here, there *apptest.Browser
	app, other  client.Tokens

	kept kept
	user *browserState // who uses what was asked for; nil until then
}

// kept is what was given out before anything happened.
type kept struct {
	here, there browserState
	app, other  client.Tokens

	phone, sms       string
	email, resetCode string
	secret, recovery string // of the authenticator app
	person           map[string]any

	pending                    string // the secret asked for
	newPhone, phoneCode        string
	taken, emailCode           string // the address is another account's
	newEmail, registrationCode string
}

// browserState is what a browser would send, and a refresh code of its session.
type browserState struct {
	header http.Header
	code   string
}

func newHousehold(t *testing.T, d *world.Gateway, f *world.FakeLark, elsewhere *apptest.Server) *household {
	t.Helper()

	n := d.Fresh.Add(1)
	h := &household{Gateway: d, lark: f, elsewhere: elsewhere, email: fmt.Sprintf("household.%d@konec.test", n), plain: apptest.Password}
	k := &h.kept

	d.Account(t, h.email)
	h.there, h.other = d.SignedIn(t, h.email), d.SignIn(t, h.email)
	h.here, h.app = d.SignedIn(t, h.email), d.SignIn(t, h.email)

	k.email, k.phone, k.newPhone = h.email, d.NewPhone(), d.NewPhone()
	d.Exec(t, "UPDATE account SET phone = $1 WHERE email = $2", k.phone, h.email)

	k.secret = d.BindAuthenticator(t, h.here)
	k.recovery = world.RecoveryCode(t, h.here)
	k.person = world.LarkPerson(fmt.Sprintf("household-%d", n))
	h.bindLark(t, k.person)

	// Asked for in the other browser; the answers are told here or there alike.
	_, k.pending, _ = d.PendingAuthenticator(t, h.there)
	k.newEmail, k.taken = fmt.Sprintf("moved.%d@konec.test", n), fmt.Sprintf("taken.%d@konec.test", n)
	d.Account(t, k.taken)

	for _, c := range []world.Call{
		world.QueryCall("/user/phone_code", "phone", k.newPhone).FromBrowser(h.there),
		world.PatchEmail(k.taken, "").FromBrowser(h.there),
		world.QueryCall("/login/sms", "phone", k.phone),
		world.QueryCall("/forget_code", "email", h.email),
	} {
		world.ExpectStatus(t, d, c, http.StatusNoContent, c.Path)
	}

	k.registrationCode = d.RegistrationCode(t, k.newEmail)
	k.phoneCode, k.sms = d.Mail(t, k.newPhone, 0).Code, d.Mail(t, k.phone, 0).Code
	k.emailCode = d.Mail(t, k.taken, 0).Code
	k.resetCode = h.codeTo(t, h.email)

	k.here, k.there = stateOf(t, h.here), stateOf(t, h.there)
	k.app, k.other = h.app, h.other

	return h
}

func stateOf(t *testing.T, b *apptest.Browser) browserState {
	t.Helper()

	return browserState{code: world.RefreshCode(t, b), header: b.Header()}
}

// codeTo waits for the newest code among other mails to the address.
func (h *household) codeTo(t *testing.T, address string) (code string) {
	t.Helper()

	apptest.Eventually(t, "a code for "+address, func() bool {
		for _, message := range h.Mails(address) {
			if message.Code != "" {
				code = message.Code

				return true
			}
		}

		return false
	})

	return code
}

func (h *household) bindLark(t *testing.T, person map[string]any) {
	t.Helper()

	if to := h.lark.Travel(h.here, world.LarkBind, person); to != world.ConsoleOfLark+"/zh-Hans/#/authorized" {
		t.Fatalf("bind Lark: %s", to)
	}
}

// as sends what the browser would have sent then.
func as(c world.Call, state browserState) world.Call {
	for name, values := range state.header {
		c = c.With(name, values...)
	}

	return c
}

// visiting sends a body as a browser would in which nobody is signed in.
func (h *household) visiting(path string, body any) world.Call {
	return world.SendCall(http.MethodPost, path, body).FromBrowser(h.Visitor)
}

// someone is a browser of the account that has just signed in or, where nobody can, this one.
func (h *household) someone(t *testing.T) browserState {
	t.Helper()

	if h.user == nil {
		h.user = &h.kept.here
		browser := h.Browser(t)
		browser.Load(t)

		if got := world.SignInCall(h.email, h.plain).InBrowser(t, h.Server, browser); got.Status == http.StatusNoContent {
			h.user = &browserState{header: browser.Header()}
		}
	}

	return *h.user
}

// judge says whether an answer is the good one. Any other has to be one of the refusals.
func judge(t *testing.T, what string, got world.Reply, good int, refusals ...string) bool {
	t.Helper()

	if got.Status == good {
		return true
	}

	if !slices.Contains(refusals, got.Problem.Code) {
		t.Errorf("%s: %s, want %d or one of %q", what, got, good, refusals)
	}

	return false
}
