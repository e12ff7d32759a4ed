package federation_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// throughBrowser sends the user's browser to Lark for an app, and returns the query with which it comes back to the app.
func throughBrowser(t *testing.T, g *world.Gateway, f *world.FakeLark, redirect string, person map[string]any) url.Values {
	t.Helper()

	browser := g.Browser(t) // no cookie of before
	start := world.Call{Method: http.MethodGet, Path: "/lark/authorize_app", Query: world.AuthorizeAppQuery(redirect, "state of the app")}

	began := start.InBrowser(t, g.Server, browser)
	if began.Status != http.StatusFound {
		t.Fatalf("the start: %s", began)
	}

	to := world.ReturnFromLark(t, browser, f.Approve(began.Header.Get("Location"), person))

	address, query, _ := strings.Cut(to, "?")
	if address != redirect {
		t.Fatalf("the browser goes to %s", to)
	}

	values, err := url.ParseQuery(query)
	if err != nil || values.Get("state") != "state of the app" || browser.Cookie("__Host-TOKEN") != "" {
		t.Fatalf("the browser goes to %s, with a session: %t", to, browser.Cookie("__Host-TOKEN") != "")
	}

	return values
}

func loginWithLark(g *world.Gateway, grant, verifier, totp string) world.Call {
	values := map[string]any{"code": grant, "code_verifier": verifier}
	if totp != "" {
		values["totp"] = totp
	}

	return world.PostCall("/api/auth/login/lark", values)
}

// RFC 8252, RFC 7636: an app sends its user through the system's browser, binds the identity with its access token, and signs in
// with it afterwards. What comes back is worth something once, for two minutes, to the app that began.
func TestAppSignsInWithLark(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	g.Clock.Stop()

	address, browser := g.NewUser(t)
	token := g.SignIn(t, address).AccessToken
	person := world.LarkPerson("app")

	unbound := throughBrowser(t, g, f, world.AppRedirect, person).Get("code")
	if got := loginWithLark(g, unbound, world.GrantVerifier, "").To(t, g.Server); got.Status != http.StatusUnauthorized || got.Problem.Code != "IDENTITY_NOT_BOUND" {
		t.Errorf("before it is bound: %s", got)
	}

	bind := world.PostCall("/api/users/me/lark", map[string]any{"code": unbound, "code_verifier": world.GrantVerifier}).With("Authorization", "Bearer "+token)
	if got := bind.To(t, g.Server); got.Status != http.StatusOK {
		t.Fatalf("bind: %s", got)
	}

	if known := world.PublicUser(t, browser).Lark; known.IsNull() || known.MustGet().Name != person["name"] {
		t.Errorf("the browsers' surface shows %+v", known)
	}

	if got := bind.To(t, g.Server); got.Status != http.StatusBadRequest || got.Problem.Code != "TICKET_INVALID" {
		t.Errorf("the same code again: %s", got)
	}

	grant := throughBrowser(t, g, f, "http://127.0.0.1:49152/lark", person).Get("code")

	for what, c := range map[string]world.Call{
		"another verifier": loginWithLark(g, grant, strings.Repeat("a", 43), ""),
		"a made-up code":   loginWithLark(g, grant[:60]+strings.Repeat("A", 8)+grant[68:], world.GrantVerifier, ""),
		"a cut code":       loginWithLark(g, grant[:len(grant)-1], world.GrantVerifier, ""),
	} {
		if got := c.To(t, g.Server); got.Status != http.StatusUnauthorized || got.Problem.Code != "TICKET_INVALID" {
			t.Errorf("%s: %s", what, got)
		}
	}

	got := loginWithLark(g, grant, world.GrantVerifier, "").To(t, g.Server)

	var tokens client.Tokens
	if err := json.Unmarshal(got.Body, &tokens); err != nil || got.Status != http.StatusOK {
		t.Fatalf("sign in: %s, %v", got, err)
	}

	if status, me := g.Me(t, tokens.AccessToken); status != http.StatusOK || me.User.Email != address {
		t.Errorf("signed in as %+v, %d", me.User, status)
	}

	if got := loginWithLark(g, grant, world.GrantVerifier, "").To(t, g.Server); got.Problem.Code != "TICKET_INVALID" {
		t.Errorf("the same code again: %s", got)
	}

	late := throughBrowser(t, g, f, world.AppRedirect, person).Get("code")

	g.Clock.Advance(code.AppGrant.Lifetime)

	if got := loginWithLark(g, late, world.GrantVerifier, "").To(t, g.Server); got.Problem.Code != "TICKET_INVALID" {
		t.Errorf("after two minutes: %s", got)
	}
}

// Lark is one factor for apps, too. A wrong code of the authenticator leaves what came back valid.
func TestAppSignInWithLarkTakesTheSecondFactor(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t, world.WithManyFreeFailures)
	g.Clock.Stop()

	person := world.LarkPerson("two-factors-of-an-app")
	_, secret := twoFactorUser(t, g, f, person)
	grant := throughBrowser(t, g, f, world.AppRedirect, person).Get("code")

	for _, one := range []struct{ totp, want string }{{"", "TOTP_REQUIRED"}, {"000000", "CODE_INVALID"}, {g.TOTPCode(t, secret, 1), ""}} {
		if got := loginWithLark(g, grant, world.GrantVerifier, one.totp).To(t, g.Server); got.Problem.Code != one.want {
			t.Errorf("with %q: %s, want %q", one.totp, got, one.want)
		}
	}
}

// Of 16 contenders with one code from Lark, one gets a session; of 16 who bind with one, one binds.
func TestGrantIsUsedOnce(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	servers := [2]*apptest.Server{g.Server, g.Serve(t)}
	address, _ := g.NewUser(t)
	token := g.SignIn(t, address).AccessToken
	person := world.LarkPerson("contended-by-apps")

	contend := func(c world.Call) []string {
		var (
			waiting sync.WaitGroup
			mu      sync.Mutex
			codes   []string
		)

		for i := range world.Contenders {
			waiting.Go(func() {
				got := c.To(t, servers[i%2])

				mu.Lock()
				defer mu.Unlock()

				codes = append(codes, got.Problem.Code)
			})
		}

		waiting.Wait()
		slices.Sort(codes)

		return codes
	}

	want := append([]string{""}, slices.Repeat([]string{"TICKET_INVALID"}, world.Contenders-1)...)

	bind := world.PostCall("/api/users/me/lark", map[string]any{"code": throughBrowser(t, g, f, world.AppRedirect, person).Get("code"), "code_verifier": world.GrantVerifier})
	if got := contend(bind.With("Authorization", "Bearer "+token)); !slices.Equal(got, want) {
		t.Errorf("those who bind got %v", got)
	}

	const live = "SELECT count(*) FROM session WHERE surface = 'toolkit' AND revoked_at IS NULL"

	opened := g.Count(t, live)

	grant := throughBrowser(t, g, f, world.AppRedirect, person).Get("code")
	if got := contend(loginWithLark(g, grant, world.GrantVerifier, "")); !slices.Equal(got, want) || g.Count(t, live) != opened+1 {
		t.Errorf("those who sign in got %v, and %d sessions", got, g.Count(t, live)-opened)
	}
}

// The browser comes back to no address but those of the settings, and a refusal at Lark reaches the app.
func TestBrowserReturnsToKnownAppsOnly(t *testing.T) {
	t.Parallel()

	g, _ := world.LarkGateway(t)

	for _, redirect := range []string{
		"https://evil.test/", "toolkit-studio:/other", "http://127.0.0.1/other", "http://127.0.0.1@evil.test/lark", "javascript:alert(1)", "//evil.test/lark",
	} {
		got := world.Call{Method: http.MethodGet, Path: "/lark/authorize_app", Query: world.AuthorizeAppQuery(redirect, "x")}.To(t, g.Server)
		if got.Status != http.StatusBadRequest || !slices.Equal(got.Fields(), []string{"?redirect_uri"}) || got.Header.Get("Location") != "" {
			t.Errorf("%s: %s", redirect, got)
		}
	}

	browser := g.Browser(t)

	began := world.Call{Method: http.MethodGet, Path: "/lark/authorize_app", Query: world.AuthorizeAppQuery(world.AppRedirect, "")}.InBrowser(t, g.Server, browser)

	page, err := url.Parse(began.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}

	// The browser's cookie is what Lark's answer belongs to: in another browser it leads nowhere.
	refused := url.Values{"state": {page.Query().Get("state")}}
	if to := world.ReturnFromLark(t, g.Browser(t), refused); to != world.LarkFailed("", "STATE_INVALID") {
		t.Errorf("another browser goes to %s", to)
	}

	if to := world.ReturnFromLark(t, browser, refused); to != world.AppRedirect+"?error=LARK_REFUSED" {
		t.Errorf("after a refusal the browser goes to %s", to)
	}
}
