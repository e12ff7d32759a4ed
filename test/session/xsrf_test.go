package app_test

import (
	"crypto/sha256"
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/xsrf"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// forgeries are XSRF tokens that are none, for a browser that is signed in and for one that is not. No
// value stands for no header.
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
	session := sessionOf(t, env, victim)
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

// sessionOf is the id of the session that the browser's cookie belongs to, empty where there is none.
func sessionOf(t *testing.T, env *apptest.Env, b *apptest.Browser) string {
	t.Helper()

	sum := sha256.Sum256([]byte(b.Cookie("__Host-TOKEN")))

	var id string

	err := env.Pool.QueryRow(t.Context(), "SELECT coalesce(max(session_id), '') FROM session_cookie WHERE digest = $1", sum[:]).Scan(&id)
	if err != nil {
		t.Fatal(err)
	}

	return id
}

// R-H3, R-J9, W-2, W-9, T-18: every operation that the document secures with xsrf refuses every token
// that is not the browser's own, without any effect, and sets cookies with which the next attempt is
// heard. In development mode as well.
func TestXSRFIsRequired(t *testing.T) {
	t.Parallel()

	for _, mode := range []string{config.Release, config.Development} {
		for _, state := range []string{"SignedIn", "SignedOut"} {
			t.Run(mode+state, func(t *testing.T) {
				t.Parallel()

				d := newDesk(t, func(c *config.Config) { c.Mode = mode })
				before := d.Browser(t)
				before.Load(t)

				victim := before.Copy(t, d.Server)
				signInCall(owner, apptest.Password).in(t, d.Server, victim)

				if state == "SignedOut" {
					before = victim.Copy(t, d.Server)
					before.SetCookie("__Host-TOKEN", "")
					signOutCall().in(t, d.Server, victim)
				}

				refuse(t, d, victim, before, state == "SignedIn")
			})
		}
	}
}

func refuse(t *testing.T, d *desk, victim, before *apptest.Browser, signedIn bool) {
	t.Helper()

	tried := 0

	for _, o := range operations() {
		if !o.public() || !o.secured("xsrf") {
			continue
		}

		for name, token := range forgeries(t, d.Env, victim, d.browser, before) {
			browser := victim.Copy(t, d.Server)
			c := d.call(o).without("Cookie").without("X-XSRF-TOKEN")
			was := effects(t, d.Env)

			want := "XSRF_INVALID"
			if o.secured("session") && !signedIn {
				want = "UNAUTHENTICATED"
			}

			got := c.with("X-XSRF-TOKEN", token...).in(t, d.Server, browser)
			if got.problem.Code != want {
				t.Errorf("%s, a token %s: %s, want %s", o.OperationID, name, got, want)
			}

			if is := effects(t, d.Env); is != was {
				t.Errorf("%s, a token %s: %s became %s", o.OperationID, name, was, is)
			}

			tried++

			if want != "XSRF_INVALID" {
				continue
			}

			// The validator comes after the security: this is heard, and changes nothing.
			c.query = "unknown=1"
			if again := c.in(t, d.Server, browser); again.problem.Code != "INVALID_REQUEST" {
				t.Errorf("%s after a token %s, with the cookies of the refusal: %s", o.OperationID, name, again)
			}
		}
	}

	if tried < 30 {
		t.Errorf("%d tried: the document lacks its xsrf", tried)
	}

	// Last of all, with the cookies that a refusal sets: in, and out.
	for _, c := range []call{signInCall(owner, apptest.Password), signOutCall()} {
		c.with("X-XSRF-TOKEN", "x").in(t, d.Server, victim)

		if got := c.in(t, d.Server, victim); got.status != http.StatusNoContent {
			t.Errorf("%s with the cookies of the refusal: %s", c.path, got)
		}
	}
}

// effects is everything that a call of the public surface could change.
func effects(t *testing.T, env *apptest.Env) string {
	t.Helper()

	var text string

	err := env.Pool.QueryRow(t.Context(), `
		SELECT concat_ws(' ',
			(SELECT count(*) FROM session), (SELECT count(*) FROM session WHERE revoked_at IS NULL), (SELECT count(*) FROM session_cookie),
			(SELECT count(*) FROM audit_event), (SELECT count(*) FROM code), (SELECT count(*) FROM delivery), (SELECT count(*) FROM failure),
			(SELECT sum(count) FROM throttle), (SELECT sum(sign_in_count) FROM account), (SELECT sum(version) FROM account))`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}

	return text
}

// Contract, "it never goes stale under a client": every 401 sets what the next attempt needs, also for a
// browser that has never loaded anything, and for one whose session has ended.
func TestEveryRefusalSetsFreshCookies(t *testing.T) {
	t.Parallel()

	d := newDesk(t)

	for _, o := range operations() {
		if !o.public() || !o.secured("session") {
			continue
		}

		for name, cookie := range map[string]string{"no cookie": "", "a forged cookie": "AAAA"} {
			browser := d.Browser(t)
			browser.SetCookie("__Host-TOKEN", cookie)

			c := d.call(o).without("Cookie").without("X-XSRF-TOKEN")
			if got := c.in(t, d.Server, browser); got.status != http.StatusUnauthorized {
				t.Errorf("%s with %s: %s", o.OperationID, name, got)
			}

			if got := signInCall(owner, apptest.Password).in(t, d.Server, browser); got.status != http.StatusNoContent {
				t.Errorf("the sign-in after the 401 of %s with %s: %s", o.OperationID, name, got)
			}

			if got := c.in(t, d.Server, browser); got.status == http.StatusUnauthorized || got.status == http.StatusForbidden {
				t.Errorf("%s after the sign-in: %s", o.OperationID, got)
			}
		}
	}
}

// R-H3: a token is good on every gateway, as often as it is sent, after a renewal too, and several are.
func TestXSRFTokenIsGoodForTheSession(t *testing.T) {
	t.Parallel()

	d := newDesk(t)
	second := d.Serve(t)
	tokens := []string{d.browser.Cookie("XSRF-TOKEN")}

	for range 3 {
		d.browser.Load(t)
		renew(t, d.browser)

		tokens = append(tokens, d.browser.Cookie("XSRF-TOKEN"))
	}

	for i, token := range tokens {
		for j, server := range []*apptest.Server{d.Server, second, d.Server} {
			got := renewalCall("unknown").with("X-XSRF-TOKEN", token).in(t, server, d.browser)
			if got.problem.Code != "INVALID_REQUEST" && got.problem.Code != "CODE_INVALID" {
				t.Errorf("token %d, time %d: %s", i, j, got)
			}
		}
	}

	if tokens[0] == tokens[3] {
		t.Error("the token is never fresh")
	}
}
