package federation_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// twoFactorUser returns a user who is asked for two factors, and whose Lark identity is bound.
func twoFactorUser(t *testing.T, g *world.Gateway, f *world.FakeLark, person map[string]any) (address, secret string) {
	t.Helper()

	address, browser := g.NewUser(t)
	if to := f.Authorize(browser, world.LarkBind, person); to != world.LarkConsoleURL+"/zh-Hans/#/authorized" {
		t.Fatalf("bind: %s", to)
	}

	secret = g.BindAuthenticator(t, browser)
	g.ChooseSecondFactor(t, address, true)

	return address, secret
}

func second(t *testing.T, g *world.Gateway, browser *apptest.Browser, code string) world.Reply {
	t.Helper()

	return world.PostCall("/login/lark", map[string]any{"totp": code}).InBrowser(t, g.Server, browser)
}

// Contract, "TOTP as a second factor", SEC-S6: Lark is one factor. The console gets a ticket in the browser's own cookie; a
// code of the authenticator completes it, once, within five minutes. A recovery code does not, nor does a ticket in another
// browser's hands without its cookie.
func TestLarkSignInHasASecondStep(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t, world.WithManyFreeFailures)
	g.Clock.Stop()

	person := world.LarkPerson("two-factors")
	_, secret := twoFactorUser(t, g, f, person)
	opened := sessions(t, g)

	browser := g.Browser(t)
	browser.Load(t)

	name := browser.Cookie("__Host-PRE")

	if to := f.Authorize(browser, world.LarkLogin, person); to != world.LarkFailed("zh-Hans", "TOTP_REQUIRED") {
		t.Fatalf("on to %s", to)
	}

	if browser.Cookie("__Host-PRE") == name || browser.Cookie("__Host-TOKEN") != "" || sessions(t, g) != opened {
		t.Errorf("the first step has left cookies %q and %q", browser.Cookie("__Host-PRE"), browser.Cookie("__Host-TOKEN"))
	}

	copied := browser.Copy(t, g.Server)
	stranger := g.Browser(t)
	stranger.Load(t)

	for what, one := range map[string]struct {
		browser *apptest.Browser
		code    string
		want    string
	}{
		"a wrong code":    {browser, "000000", "CODE_INVALID"},
		"another browser": {stranger, g.TOTPCode(t, secret, 1), "TICKET_INVALID"},
	} {
		if got := second(t, g, one.browser, one.code); got.Problem.Code != one.want {
			t.Errorf("%s: %s", what, got)
		}
	}

	if got := second(t, g, browser, g.TOTPCode(t, secret, 1)); got.Status != http.StatusNoContent || browser.Verify(t) != http.StatusNoContent {
		t.Errorf("the right code: %s", got)
	}

	if user := world.PublicUser(t, browser); !user.SecondFactor {
		t.Errorf("the user is %+v", user)
	}

	g.Clock.Advance(time.Minute)

	if got := second(t, g, copied, g.TOTPCode(t, secret, 0)); got.Problem.Code != "TICKET_INVALID" {
		t.Errorf("the ticket again: %s", got)
	}

	late := g.Browser(t)
	late.Load(t)
	f.Authorize(late, world.LarkLogin, person)
	g.Clock.Advance(code.IdentityTicket.Lifetime)

	if got := second(t, g, late, g.TOTPCode(t, secret, 0)); got.Problem.Code != "TICKET_INVALID" {
		t.Errorf("after five minutes: %s", got)
	}
}

// Of 16 contenders with one ticket and one code, one gets a session.
func TestTicketOpensOneSession(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t, world.WithManyFreeFailures)
	g.Clock.Stop()

	person := world.LarkPerson("contended")
	_, secret := twoFactorUser(t, g, f, person)

	browser := g.Browser(t)
	browser.Load(t)
	f.Authorize(browser, world.LarkLogin, person)

	opened := sessions(t, g)

	var (
		all     sync.WaitGroup
		mu      sync.Mutex
		answers = map[string]int{}
	)

	for range 16 {
		contender := browser.Copy(t, g.Server)

		all.Go(func() {
			got := second(t, g, contender, g.TOTPCode(t, secret, 1))

			mu.Lock()
			defer mu.Unlock()

			answers[world.StatusAndCode(got)]++
		})
	}

	all.Wait()

	if answers["204"] != 1 || sessions(t, g) != opened+1 {
		t.Errorf("%d sessions, %v", sessions(t, g)-opened, answers)
	}
}
