package session_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/xsrf"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// forgeries returns invalid XSRF tokens for a browser that is signed in and for one that is not. An empty list stands
// for no header.
func forgeries(t *testing.T, env *apptest.Env, victim, other, before *apptest.Browser) map[string][]string {
	t.Helper()

	minter := func(key string) *xsrf.Guard {
		t.Helper()

		keys, err := keyring.Parse(key)
		if err != nil {
			t.Fatal(err)
		}

		return xsrf.New(keys)
	}

	ours, theirs := minter(env.Config.MasterKey), minter(keyring.Generate())
	session := world.SessionOf(t, env, victim)
	pre := victim.Cookie("__Host-PRE")
	visitor := env.Browser(t)
	visitor.Load(t)

	list := map[string][]string{
		"none":                         nil,
		"empty":                        {""},
		"nonsense":                     {"x"},
		"of another session":           {other.Cookie("XSRF-TOKEN")},
		"of another browser's PRE":     {visitor.Cookie("XSRF-TOKEN")},
		"of before the change":         {before.Cookie("XSRF-TOKEN")},
		"of another key":               {theirs.Mint(session)},
		"of another key, for the PRE":  {theirs.Mint("browser " + pre)},
		"for nothing":                  {ours.Mint("")},
		"for a browser without a name": {ours.Mint("browser ")},
		"for a PRE as a session":       {ours.Mint(pre)},
	}

	if session != "" {
		list["for a session as a PRE"] = []string{ours.Mint("browser " + session)}
	}

	return list
}

// R-H3, R-J9, W-2, W-9, T-18: every operation that the document secures with xsrf refuses every token but the browser's
// own, without any effect, and sets cookies with which the next attempt is accepted. The same holds in development
// mode.
func TestXSRFIsRequired(t *testing.T) {
	t.Parallel()

	for _, mode := range []string{config.Release, config.Development} {
		for _, state := range []string{"SignedIn", "SignedOut"} {
			t.Run(mode+state, func(t *testing.T) {
				t.Parallel()

				g := world.NewGateway(t, func(c *apptest.Settings) { c.Mode = mode })
				before := g.Browser(t)
				before.Load(t)

				victim := before.Copy(t, g.Server)
				world.SignInCall(world.Owner, apptest.Password).InBrowser(t, g.Server, victim)

				if state == "SignedOut" {
					before = victim.Copy(t, g.Server)
					before.SetCookie("__Host-TOKEN", "")
					world.SignOutCall().InBrowser(t, g.Server, victim)
				}

				expectRefused(t, g, victim, before, state == "SignedIn")
			})
		}
	}
}

func expectRefused(t *testing.T, g *world.Gateway, victim, before *apptest.Browser, signedIn bool) {
	t.Helper()

	tried := 0

	for _, o := range world.Operations() {
		if !o.IsPublic() || !o.RequiresScheme("xsrf") {
			continue
		}

		for name, token := range forgeries(t, g.Env, victim, g.OwnerBrowser, before) {
			browser := victim.Copy(t, g.Server)
			c := g.Call(o).Without("Cookie").Without("X-XSRF-TOKEN")
			was := world.PublicState(t, g.Env)

			want := "XSRF_INVALID"
			if o.RequiresScheme("sessionCookie") && !signedIn {
				want = "UNAUTHENTICATED"
			}

			got := c.With("X-XSRF-TOKEN", token...).InBrowser(t, g.Server, browser)
			if got.Problem.Code != want {
				t.Errorf("%s, a token %s: %s, want %s", o.OperationID, name, got, want)
			}

			if is := world.PublicState(t, g.Env); is != was {
				t.Errorf("%s, a token %s: %s became %s", o.OperationID, name, was, is)
			}

			tried++

			if want != "XSRF_INVALID" {
				continue
			}

			// Validation comes after the security checks: this call is accepted by them and changes nothing.
			c.Query = "unknown=1"
			if again := c.InBrowser(t, g.Server, browser); again.Problem.Code != "INVALID_REQUEST" {
				t.Errorf("%s after a token %s, with the cookies of the refusal: %s", o.OperationID, name, again)
			}
		}
	}

	if tried < 30 {
		t.Errorf("%d operations tried: the document lacks the scheme xsrf", tried)
	}

	// Finally the cookies that a refusal sets sign in and sign out.
	for _, c := range []world.Call{world.SignInCall(world.Owner, apptest.Password), world.SignOutCall()} {
		c.With("X-XSRF-TOKEN", "x").InBrowser(t, g.Server, victim)

		if got := c.InBrowser(t, g.Server, victim); got.Status != http.StatusNoContent {
			t.Errorf("%s with the cookies of the refusal: %s", c.Path, got)
		}
	}
}

// Contract, "it never goes stale under a client": every 401 sets what the next attempt needs, even for a browser that
// has never loaded anything and for one whose session has ended.
func TestEveryRefusalSetsFreshCookies(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)

	for _, o := range world.Operations() {
		if !o.IsPublic() || !o.RequiresScheme("sessionCookie") {
			continue
		}

		for name, cookie := range map[string]string{"no cookie": "", "a forged cookie": "AAAA"} {
			g.KeepSignedIn(t) // one of the operations deletes the account

			browser := g.Browser(t)
			browser.SetCookie("__Host-TOKEN", cookie)

			c := g.Call(o).Without("Cookie").Without("X-XSRF-TOKEN")
			if got := c.InBrowser(t, g.Server, browser); got.Status != http.StatusUnauthorized {
				t.Errorf("%s with %s: %s", o.OperationID, name, got)
			}

			if got := world.SignInCall(world.Owner, apptest.Password).InBrowser(t, g.Server, browser); got.Status != http.StatusNoContent {
				t.Errorf("the sign-in after the 401 of %s with %s: %s", o.OperationID, name, got)
			}

			if got := c.InBrowser(t, g.Server, browser); got.Status == http.StatusUnauthorized || got.Status == http.StatusForbidden {
				t.Errorf("%s after the sign-in: %s", o.OperationID, got)
			}
		}
	}
}

// R-H3: a token is valid on every gateway, any number of times and after a renewal too, and a session may have several.
func TestXSRFTokenIsBoundToTheSession(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t)
	second := g.Serve(t)
	tokens := []string{g.OwnerBrowser.Cookie("XSRF-TOKEN")}

	for range 3 {
		g.OwnerBrowser.Load(t)
		world.RenewSession(t, g.OwnerBrowser)

		tokens = append(tokens, g.OwnerBrowser.Cookie("XSRF-TOKEN"))
	}

	for i, token := range tokens {
		for j, server := range []*apptest.Server{g.Server, second, g.Server} {
			got := world.RenewCall("unknown").With("X-XSRF-TOKEN", token).InBrowser(t, server, g.OwnerBrowser)
			if got.Problem.Code != "INVALID_REQUEST" && got.Problem.Code != "CODE_INVALID" {
				t.Errorf("token %d, time %d: %s", i, j, got)
			}
		}
	}

	if tokens[0] == tokens[3] {
		t.Error("the token is never a fresh one")
	}
}
