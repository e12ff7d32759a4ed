package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// expectSignedIn says whether a browser is.
func expectSignedIn(t *testing.T, what string, b *apptest.Browser, want bool) {
	t.Helper()

	if status := b.Verify(t); (status == http.StatusNoContent) != want || !want && status != http.StatusUnauthorized {
		t.Errorf("%s: %d, want signed in %t", what, status, want)
	}
}

func newLobby(t *testing.T, change ...func(*config.Config)) *apptest.Env {
	t.Helper()

	env := apptest.New(t, change...)
	env.Clock.Stop()
	env.Account(t, owner)

	return env
}

// R-H10, T-31, contract "session cookie": two hours without a renewal, and thirty days with.
func TestBrowserSessionEnds(t *testing.T) {
	t.Parallel()

	t.Run("TwoHoursAfterItsLastRenewal", func(t *testing.T) {
		t.Parallel()

		env := newLobby(t)
		browser := env.SignedIn(t, owner)

		for range 2 {
			env.Clock.Advance(2*time.Hour - time.Millisecond)
			expectSignedIn(t, "just before", browser, true)
			renew(t, browser)
		}

		env.Clock.Advance(2*time.Hour - time.Millisecond)
		expectSignedIn(t, "just before the end", browser, true) // which renews nothing
		env.Clock.Advance(time.Millisecond)
		expectSignedIn(t, "at the end", browser, false)
	})

	t.Run("ThirtyDaysAfterTheSignIn", func(t *testing.T) {
		t.Parallel()

		env := newLobby(t, func(c *config.Config) { c.BrowserIdle = c.BrowserMax })
		browser := env.SignedIn(t, owner)

		for range 29 {
			env.Clock.Advance(24 * time.Hour)
			renew(t, browser)
		}

		env.Clock.Advance(24*time.Hour - time.Millisecond)
		renew(t, browser)
		expectSignedIn(t, "just before", browser, true)
		env.Clock.Advance(time.Millisecond)
		expectSignedIn(t, "at the end", browser, false)
	})
}

// R-H11, T-31, contract "refresh_token": the value before lives a minute longer, and nothing prolongs that.
func TestRenewedValueEndsAfterAMinute(t *testing.T) {
	t.Parallel()

	env := newLobby(t)
	browser := env.SignedIn(t, owner)
	first := browser.Copy(t, env.Server)

	renew(t, browser)

	second := browser.Copy(t, env.Server)

	if first.Cookie("__Host-TOKEN") == second.Cookie("__Host-TOKEN") {
		t.Fatal("the value is the same")
	}

	env.Clock.Advance(30 * time.Second)

	third := first.Copy(t, env.Server)
	renew(t, third) // a tab that still had the first

	env.Clock.Advance(30*time.Second - time.Millisecond)
	expectSignedIn(t, "the first, in time", first, true)
	env.Clock.Advance(time.Millisecond)
	expectSignedIn(t, "the first, after a minute", first, false)
	expectSignedIn(t, "the second", second, true)
	expectSignedIn(t, "the third", third, true)

	signOutCall().in(t, env.Server, third)
	expectSignedIn(t, "the second, once the third has signed out", second, false)
}

// R-F10, R-H9, T-31, V-11: what ends a session ends it at once, and nothing brings it back.
func TestBrowserSessionIsEnded(t *testing.T) {
	t.Parallel()

	t.Run("ByDisablingTheAccount", func(t *testing.T) {
		t.Parallel()

		env := newLobby(t)
		browser := env.SignedIn(t, owner)
		plain := refreshCode(t, browser)

		for _, status := range []account.Status{account.Disabled, account.Active} {
			if err := env.SetStatus(t.Context(), owner, status); err != nil {
				t.Fatal(err)
			}

			copied := browser.Copy(t, env.Server)
			expectSignedIn(t, string(status), copied, false)

			if got := renewalCall(plain).in(t, env.Server, copied); got.status != http.StatusUnauthorized {
				t.Errorf("%s: the refresh code gets %s", status, got)
			}
		}

		expectSignedIn(t, "a new sign-in", env.SignedIn(t, owner), true)
	})

	t.Run("BySigningOutOnceOrTwice", func(t *testing.T) {
		t.Parallel()

		env := newLobby(t)
		browser, elsewhere := env.SignedIn(t, owner), env.SignedIn(t, owner)
		copied := browser.Copy(t, env.Server)

		for range 2 {
			if got := signOutCall().in(t, env.Server, browser); got.status != http.StatusNoContent {
				t.Errorf("sign-out: %s", got)
			}
		}

		expectSignedIn(t, "a copy of the cookie", copied, false)
		expectSignedIn(t, "another browser", elsewhere, true)

		copied.Load(t)

		if got := signOutCall().in(t, env.Server, copied); got.status != http.StatusNoContent {
			t.Errorf("the copy's sign-out: %s", got)
		}

		var ended int
		if err := env.Pool.QueryRow(t.Context(), "SELECT count(*) FROM audit_event WHERE action = 'session.ended'").Scan(&ended); err != nil || ended != 1 {
			t.Errorf("%d ends were recorded, %v", ended, err)
		}
	})

	// R-F8: the browser idle the longest makes room; an app's sessions are counted apart, and whoever signs in
	// again takes its own place.
	t.Run("ByTooManyOthers", func(t *testing.T) {
		t.Parallel()

		env := newLobby(t, func(c *config.Config) { c.SessionLimit = 3 })
		app := env.SignIn(t, owner)

		var browsers []*apptest.Browser

		for range 3 {
			browsers = append(browsers, env.SignedIn(t, owner))
			env.Clock.Advance(time.Minute)
		}

		for range 3 {
			if got := signInCall(owner, apptest.Password).in(t, env.Server, browsers[2]); got.status != http.StatusNoContent {
				t.Fatalf("sign-in: %s", got)
			}
		}

		for _, browser := range browsers {
			expectSignedIn(t, "each of three, after one has signed in again", browser, true)
		}

		renew(t, browsers[0])

		fourth := env.SignedIn(t, owner)
		expectSignedIn(t, "the one that was renewed", browsers[0], true)
		expectSignedIn(t, "the one idle the longest", browsers[1], false)
		expectSignedIn(t, "the third", browsers[2], true)
		expectSignedIn(t, "the fourth", fourth, true)

		if status, _ := env.Me(t, app.AccessToken); status != http.StatusOK {
			t.Errorf("the app: %d", status)
		}
	})
}

// R-H3, contract "it never goes stale": a session that ends while its renewal is on the way answers 401,
// and the sign-in page that follows works at once.
func TestSessionEndsUnderARenewal(t *testing.T) {
	t.Parallel()

	proxy, env := newProxied(t)
	env.Account(t, owner)

	browser := env.SignedIn(t, owner)
	c := renewCall(t, browser)
	held := proxy.trap(atStatement("CodeRedeem"), holdBefore)
	answered := make(chan reply, 1)

	go func() { answered <- c.in(t, env.Server, browser) }()

	<-held.sprung

	if _, err := env.Pool.Exec(t.Context(), "UPDATE session SET revoked_at = now(), revoked_reason = 'test'"); err != nil {
		t.Fatal(err)
	}

	close(held.release)

	got := <-answered
	if got.status != http.StatusUnauthorized || browser.Cookie("__Host-TOKEN") == "" {
		t.Errorf("the renewal: %s", got)
	}

	if got := signInCall(owner, apptest.Password).in(t, env.Server, browser); got.status != http.StatusNoContent {
		t.Errorf("the sign-in after it: %s", got)
	}
}
