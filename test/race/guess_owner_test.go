package race_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-E4, R-E5, T-05: while somebody guesses at a password, as often as they may, its owner is told to wait for
// an hour at the most, and gets in then; and does not have to wait for what is signed in, for the other ways
// in, and for a reset.
func TestOwnerGetsInWhileSomebodyGuesses(t *testing.T) {
	t.Parallel()

	const attacker, home = "203.0.113.66", "198.51.100.7"

	a := newArena(t, usually, world.BehindProxy, func(c *apptest.Settings) { c.FailuresFree = 1 })
	a.Clock.Stop()

	v, number := a.rival(t), a.NewPhone()
	tokens := a.SignIn(t, v.email)
	secret := a.BindAuthenticator(t, v.browser)
	a.Exec(t, "UPDATE account SET phone = $1 WHERE id = $2", number, v.id)

	p := &world.BothSurfaces{Env: a.Env, Visitor: a.Visitor}
	doors := []world.Surface{world.ToolkitSurface, world.PublicSurface}
	guessed := 0

	// siege lets the attacker guess whenever it is possible, until they have to wait for so long.
	siege := func(until time.Duration) {
		t.Helper()

		for i := range 100 {
			got := p.SignInCall(doors[i%2], v.email, "wrong").With("X-Forwarded-For", attacker).To(t, a.gateways[i%2])
			if got.Problem.Code == "INVALID_CREDENTIALS" {
				guessed++

				continue
			}

			if world.RetryAfter(t, got) >= until {
				return
			}

			a.Clock.Advance(world.RetryAfter(t, got))
		}

		t.Fatalf("nobody ever had to wait for %s", until)
	}

	knock := func(d world.Surface, password string) world.Reply {
		t.Helper()

		return p.SignInCall(d, v.email, password).With("X-Forwarded-For", home).To(t, a.Server)
	}

	for _, most := range []time.Duration{8 * world.FirstWait, time.Hour} {
		siege(most)

		delay := world.RetryAfter(t, knock(world.ToolkitSurface, apptest.Password))
		if delay != most {
			t.Fatalf("the owner waits %s, want %s", delay, most)
		}

		// Refused guesses lengthen nothing.
		for range 5 {
			a.Clock.Advance(delay / 6)
			p.SignInCall(world.PublicSurface, v.email, "wrong").With("X-Forwarded-For", attacker).To(t, a.Server)
		}

		a.Clock.Advance(delay - 5*(delay/6))

		if got := knock(world.PublicSurface, apptest.Password); got.Status != http.StatusNoContent {
			t.Fatalf("after %s the owner got %s", delay, got)
		}
	}

	siege(time.Hour)

	// What is signed in stays, and signing in anew by another way is not slowed down.
	if status, next := a.Refresh(t, tokens.RefreshToken); next == nil {
		t.Errorf("refresh: %d", status)
	}

	for _, way := range []struct {
		what string
		call world.Call
	}{
		{"SMS", world.PostCall("/login/sms", map[string]any{"phone": number, "code": a.issue(t, code.SignIn, number)})},
		{"authenticator", world.PostCall("/login/totp", map[string]any{"email": v.email, "code": a.TOTPCode(t, secret, 0)})},
		{"reset", world.PostCall("/forget_reset", map[string]any{ // last: it voids the other codes
			"email": v.email, "code": a.issue(t, code.Reset, v.email), "password": "another horse, another staple",
		})},
	} {
		if got := way.call.FromBrowser(a.Visitor).With("X-Forwarded-For", home).To(t, a.Server); got.Status != http.StatusNoContent {
			t.Errorf("%s: %s", way.what, got)
		}
	}

	// The reset has forgotten the guesses.
	if got := knock(world.ToolkitSurface, "another horse, another staple"); got.Status != http.StatusOK {
		t.Errorf("the new password: %s", got)
	}

	t.Logf("%d guesses were compared", guessed)

}
