package session_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/pgproxy"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

func newVisitorEnv(t *testing.T, change ...func(*apptest.Settings)) *apptest.Env {
	t.Helper()

	env := apptest.New(t, change...)
	env.Clock.Stop()
	env.Account(t, world.Owner)

	return env
}

// R-H10, T-31, contract "session cookie": a session ends after two hours without a renewal, and after thirty days with
// renewals.
func TestBrowserSessionEnds(t *testing.T) {
	t.Parallel()

	t.Run("TwoHoursAfterItsLastRenewal", func(t *testing.T) {
		t.Parallel()

		env := newVisitorEnv(t)
		browser := env.SignedIn(t, world.Owner)

		for range 2 {
			env.Clock.Advance(2*time.Hour - time.Millisecond)
			world.ExpectSignedIn(t, "just before", browser, true)
			world.RenewSession(t, browser)
		}

		env.Clock.Advance(2*time.Hour - time.Millisecond)
		world.ExpectSignedIn(t, "just before the end", browser, true) // this does not renew the session
		env.Clock.Advance(time.Millisecond)
		world.ExpectSignedIn(t, "at the end", browser, false)
	})

	t.Run("ThirtyDaysAfterTheSignIn", func(t *testing.T) {
		t.Parallel()

		env := newVisitorEnv(t, func(c *apptest.Settings) { c.BrowserIdle = c.BrowserMax })
		browser := env.SignedIn(t, world.Owner)

		for range 29 {
			env.Clock.Advance(24 * time.Hour)
			world.RenewSession(t, browser)
		}

		env.Clock.Advance(24*time.Hour - time.Millisecond)
		world.RenewSession(t, browser)
		world.ExpectSignedIn(t, "just before", browser, true)
		env.Clock.Advance(time.Millisecond)
		world.ExpectSignedIn(t, "at the end", browser, false)
	})
}

// R-H11, T-31, contract "refresh_token": the previous value is valid for one more minute, and nothing extends that.
func TestRenewedValueEndsAfterAMinute(t *testing.T) {
	t.Parallel()

	env := newVisitorEnv(t)
	browser := env.SignedIn(t, world.Owner)
	first := browser.Copy(t, env.Server)

	world.RenewSession(t, browser)

	second := browser.Copy(t, env.Server)

	if first.Cookie("__Host-TOKEN") == second.Cookie("__Host-TOKEN") {
		t.Fatal("the value is the same")
	}

	env.Clock.Advance(30 * time.Second)

	third := first.Copy(t, env.Server)
	world.RenewSession(t, third) // a tab that still had the first value

	env.Clock.Advance(30*time.Second - time.Millisecond)
	world.ExpectSignedIn(t, "the first, in time", first, true)
	env.Clock.Advance(time.Millisecond)
	world.ExpectSignedIn(t, "the first, after a minute", first, false)
	world.ExpectSignedIn(t, "the second", second, true)
	world.ExpectSignedIn(t, "the third", third, true)

	world.SignOutCall().InBrowser(t, env.Server, third)
	world.ExpectSignedIn(t, "the second, once the third has signed out", second, false)
}

// R-F10, R-H9, T-31, V-11: what ends a session ends it at once, and nothing restores it.
func TestBrowserSessionIsEnded(t *testing.T) {
	t.Parallel()

	t.Run("ByDisablingTheAccount", func(t *testing.T) {
		t.Parallel()

		env := newVisitorEnv(t)
		browser := env.SignedIn(t, world.Owner)
		plain := world.RefreshCode(t, browser)

		for _, status := range []account.Status{account.Disabled, account.Active} {
			if err := env.SetStatus(t.Context(), world.Owner, status); err != nil {
				t.Fatal(err)
			}

			copied := browser.Copy(t, env.Server)
			world.ExpectSignedIn(t, string(status), copied, false)

			if got := world.RenewCall(plain).InBrowser(t, env.Server, copied); got.Status != http.StatusUnauthorized {
				t.Errorf("%s: the refresh code gets %s", status, got)
			}
		}

		world.ExpectSignedIn(t, "a new sign-in", env.SignedIn(t, world.Owner), true)
	})

	t.Run("BySigningOutOnceOrTwice", func(t *testing.T) {
		t.Parallel()

		env := newVisitorEnv(t)
		browser, replica := env.SignedIn(t, world.Owner), env.SignedIn(t, world.Owner)
		copied := browser.Copy(t, env.Server)

		for range 2 {
			if got := world.SignOutCall().InBrowser(t, env.Server, browser); got.Status != http.StatusNoContent {
				t.Errorf("sign-out: %s", got)
			}
		}

		world.ExpectSignedIn(t, "a copy of the cookie", copied, false)
		world.ExpectSignedIn(t, "another browser", replica, true)

		copied.Load(t)

		if got := world.SignOutCall().InBrowser(t, env.Server, copied); got.Status != http.StatusNoContent {
			t.Errorf("the copy's sign-out: %s", got)
		}

		var ended int
		if err := env.Pool.QueryRow(t.Context(), "SELECT count(*) FROM audit_event WHERE action = 'session.ended'").Scan(&ended); err != nil || ended != 1 {
			t.Errorf("%d ends were recorded, %v", ended, err)
		}
	})

	// R-F8: the browser idle the longest is signed out. An app's sessions are counted separately, and a browser that
	// signs in again replaces its own session.
	t.Run("ByTooManyOthers", func(t *testing.T) {
		t.Parallel()

		env := newVisitorEnv(t, func(c *apptest.Settings) { c.SessionLimit = 3 })
		app := env.SignIn(t, world.Owner)

		var browsers []*apptest.Browser

		for range 3 {
			browsers = append(browsers, env.SignedIn(t, world.Owner))
			env.Clock.Advance(time.Minute)
		}

		for range 3 {
			if got := world.SignInCall(world.Owner, apptest.Password).InBrowser(t, env.Server, browsers[2]); got.Status != http.StatusNoContent {
				t.Fatalf("sign-in: %s", got)
			}
		}

		for _, browser := range browsers {
			world.ExpectSignedIn(t, "each of three, after one has signed in again", browser, true)
		}

		world.RenewSession(t, browsers[0])

		fourth := env.SignedIn(t, world.Owner)
		world.ExpectSignedIn(t, "the one that was renewed", browsers[0], true)
		world.ExpectSignedIn(t, "the one idle the longest", browsers[1], false)
		world.ExpectSignedIn(t, "the third", browsers[2], true)
		world.ExpectSignedIn(t, "the fourth", fourth, true)

		if status, _ := env.Me(t, app.AccessToken); status != http.StatusOK {
			t.Errorf("the app: %d", status)
		}
	})
}

// R-H3, contract "it never goes stale": a session that ends during its renewal gets 401, and the sign-in page that
// follows works at once.
func TestSessionEndsUnderARenewal(t *testing.T) {
	t.Parallel()

	proxy, env := world.NewProxied(t)
	env.Account(t, world.Owner)

	browser := env.SignedIn(t, world.Owner)
	c := world.NewRenewCall(t, browser)
	held := proxy.Inject(pgproxy.AtStatement("ActorLock"), pgproxy.HoldBefore)
	response := make(chan world.Reply, 1)

	go func() { response <- c.InBrowser(t, env.Server, browser) }()

	<-held.Reached

	if _, err := env.Pool.Exec(t.Context(), "UPDATE session SET revoked_at = now(), revoked_reason = 'test'"); err != nil {
		t.Fatal(err)
	}

	close(held.Release)

	got := <-response
	if got.Status != http.StatusUnauthorized || browser.Cookie("__Host-TOKEN") == "" {
		t.Errorf("the renewal: %s", got)
	}

	if got := world.SignInCall(world.Owner, apptest.Password).InBrowser(t, env.Server, browser); got.Status != http.StatusNoContent {
		t.Errorf("the sign-in afterwards: %s", got)
	}
}
