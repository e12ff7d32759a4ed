package session_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-H11, W-7: a code is valid once, for its own session, for fifteen seconds. A session may have several at once.
func TestRefreshCode(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Clock.Stop()
	env.Account(t, world.Owner)

	expect := func(t *testing.T, what string, b *apptest.Browser, plain string, status int, problem string) {
		t.Helper()

		if got := world.RenewCall(plain).InBrowser(t, env.Server, b); got.Status != status || got.Problem.Code != problem {
			t.Errorf("%s: %s, want %d %s", what, got, status, problem)
		}
	}

	browser, other := env.SignedIn(t, world.Owner), env.SignedIn(t, world.Owner)

	first, second := world.RefreshCode(t, browser), world.RefreshCode(t, browser)
	expect(t, "the first", browser, first, http.StatusNoContent, "")
	expect(t, "the first again", browser, first, http.StatusBadRequest, "CODE_INVALID")
	expect(t, "another session's", other, second, http.StatusBadRequest, "CODE_INVALID")
	expect(t, "the second, which survived that", browser, second, http.StatusNoContent, "")

	first, second = world.RefreshCode(t, browser), world.RefreshCode(t, browser)
	expect(t, "the halves of two", browser, first[:22]+second[22:], http.StatusBadRequest, "CODE_INVALID")

	env.Clock.Advance(code.Renewal.Lifetime - time.Millisecond)
	expect(t, "just in time", browser, first, http.StatusNoContent, "")
	env.Clock.Advance(time.Millisecond)
	expect(t, "just too late", browser, second, http.StatusBadRequest, "CODE_INVALID")

	if code.Renewal.Lifetime != 15*time.Second {
		t.Errorf("a code lives %s", code.Renewal.Lifetime)
	}

	last, copied := world.RefreshCode(t, browser), browser.Copy(t, env.Server)
	world.SignOutCall().InBrowser(t, env.Server, browser)
	expect(t, "of a session that has ended", copied, last, http.StatusUnauthorized, "TOKEN_INVALID")
	expect(t, "of an ended one, in another", other, last, http.StatusBadRequest, "CODE_INVALID")
}

// Contract, "the browser console": two tabs share one cookie jar and renew at the same time, again and again. Neither
// ever gets a 400 or a 401.
func TestTwoTabsRenewAtOnce(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, world.Owner)

	browser := env.SignedIn(t, world.Owner)

	var tabs sync.WaitGroup

	for tab := range 2 {
		tabs.Go(func() {
			for round := range 100 {
				made, err := browser.Client.CreateRefreshCodeWithResponse(t.Context())
				if err != nil || made.JSON200 == nil {
					t.Errorf("tab %d, round %d: refresh code: %v %+v", tab, round, err, made)

					return
				}

				renewed, err := browser.Client.RenewSessionWithResponse(t.Context(), client.RenewRequest{Code: made.JSON200.Code})
				if err != nil || renewed.StatusCode() != http.StatusNoContent {
					t.Errorf("tab %d, round %d: renewal: %v %s", tab, round, err, renewed.Body)

					return
				}

				if status := browser.Verify(t); status != http.StatusNoContent {
					t.Errorf("tab %d, round %d: verify: %d", tab, round, status)

					return
				}
			}
		})
	}

	tabs.Wait()

	// A minute later the next renewal deletes all values but its own and those that were never exchanged.
	env.Clock.Advance(session.CookieGrace + time.Second)
	world.RenewSession(t, browser)

	var values int
	if err := env.Pool.QueryRow(t.Context(), "SELECT count(*) FROM session_cookie").Scan(&values); err != nil || values > 4 {
		t.Errorf("%d values are kept, %v", values, err)
	}
}
