package race_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-E4, R-E5, SEC-S2, T-05: while an attacker guesses at a password as often as possible, its owner signs in at once from a
// network that they know, and from another after at most an hour. Sessions, other sign-in methods and a password reset
// are not delayed.
func TestOwnerSignsInDuringAnAttack(t *testing.T) {
	t.Parallel()

	const attacker, home, away = "203.0.113.66", "198.51.100.7", "192.0.2.1"

	g := newRaceGateway(t, withDefaultLimits, world.BehindProxy, func(c *apptest.Settings) { c.FailuresFree = 1 })
	g.Clock.Stop()

	user, number := g.newUser(t), g.NewPhone()
	tokens := g.SignIn(t, user.email)
	secret := g.BindAuthenticator(t, user.browser)
	g.Exec(t, "UPDATE account SET phone = $1 WHERE id = $2", number, user.id)

	b := &world.BothSurfaces{Env: g.Env, Visitor: g.Visitor}
	surfaces := []world.Surface{world.ToolkitSurface, world.PublicSurface}
	guessed := 0

	// guessUntil guesses whenever the gateway allows it, until the delay has this length.
	guessUntil := func(until time.Duration) {
		t.Helper()

		for i := range 100 {
			got := b.SignInCall(surfaces[i%2], user.email, "wrong").With("X-Forwarded-For", attacker).To(t, g.gateways[i%2])
			if got.Problem.Code == "INVALID_CREDENTIALS" {
				guessed++

				continue
			}

			if world.RetryAfter(t, got) >= until {
				return
			}

			g.Clock.Advance(world.RetryAfter(t, got))
		}

		t.Fatalf("the delay never reached %s", until)
	}

	signInFrom := func(address string, surface world.Surface, password string) world.Reply {
		t.Helper()

		return b.SignInCall(surface, user.email, password).With("X-Forwarded-For", address).To(t, g.Server)
	}

	if got := signInFrom(home, world.ToolkitSurface, apptest.Password); got.Status != http.StatusOK {
		t.Fatalf("before the attack: %s", got)
	}

	for _, most := range []time.Duration{8 * world.FirstWait, time.Hour} {
		guessUntil(most)

		if got := signInFrom(home, world.PublicSurface, apptest.Password); got.Status != http.StatusNoContent {
			t.Fatalf("at home the owner got %s", got)
		}

		delay := world.RetryAfter(t, signInFrom(away, world.ToolkitSurface, apptest.Password))
		if delay != most {
			t.Fatalf("the owner must wait %s, want %s", delay, most)
		}

		// Refused guesses do not lengthen the delay.
		for range 5 {
			g.Clock.Advance(delay / 6)
			b.SignInCall(world.PublicSurface, user.email, "wrong").With("X-Forwarded-For", attacker).To(t, g.Server)
		}

		g.Clock.Advance(delay - 5*(delay/6))

		if got := signInFrom(away, world.PublicSurface, apptest.Password); got.Status != http.StatusNoContent {
			t.Fatalf("after %s the owner got %s", delay, got)
		}

		// The sign-in has made that network known. The next round is from one that is not.
		g.Exec(t, "DELETE FROM known_network WHERE network = '192.0.2.0/24'")
	}

	guessUntil(time.Hour)

	// Sessions continue, and signing in by another method is not delayed.
	if status, next := g.Refresh(t, tokens.RefreshToken); next == nil {
		t.Errorf("refresh: %d", status)
	}

	for _, way := range []struct {
		what string
		call world.Call
	}{
		{"SMS", world.PostCall("/login/sms", map[string]any{"phone": number, "code": g.issue(t, code.SignIn, number)})},
		{"authenticator", world.PostCall("/login/totp", map[string]any{"email": user.email, "code": g.TOTPCode(t, secret, 0)})},
		{"reset", world.PostCall("/forget_reset", map[string]any{ // last, because it voids the other codes
			"email": user.email, "code": g.issue(t, code.Reset, user.email), "password": "another horse, another staple",
		})},
	} {
		if got := way.call.FromBrowser(g.Visitor).With("X-Forwarded-For", home).To(t, g.Server); got.Status != http.StatusNoContent {
			t.Errorf("%s: %s", way.what, got)
		}
	}

	// The reset has cleared the failures.
	if got := signInFrom(away, world.ToolkitSurface, "another horse, another staple"); got.Status != http.StatusOK {
		t.Errorf("the new password: %s", got)
	}

	t.Logf("%d guesses were compared", guessed)

}
