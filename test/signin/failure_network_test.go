package signin_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-E1, R-E3, R-E5, R-J7, T-05: a network has a limit of failures per hour, over all users and both surfaces. An IPv6
// /64 is one network. Its successes cost nothing and clear no user's failures.
func TestFailuresOfOneNetwork(t *testing.T) {
	t.Parallel()

	const most = 4

	for name, addresses := range map[string]struct{ first, neighbour, stranger string }{
		"IPv4": {"203.0.113.7", "203.0.113.7", "203.0.113.8"},
		"IPv6": {"2001:db8:0:1::1", "2001:db8:0:1:ffff::1", "2001:db8:0:2::1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			b := world.NewBothSurfaces(t, world.BehindProxy, func(c *apptest.Settings) { c.NetworkFailures = most })
			b.Clock.Stop()
			b.Account(t, world.Owner)

			try := func(surface world.Surface, email, password, address string) world.Reply {
				t.Helper()

				return b.SignInCall(surface, email, password).With("X-Forwarded-For", "198.51.100.9, "+address).To(t, b.Server)
			}

			expect := func(got world.Reply, code string, want time.Duration) {
				t.Helper()

				if got.Problem.Code != code || world.RetryAfter(t, got) != want {
					t.Errorf("%s, Retry-After %s, want %s and %s", got, world.RetryAfter(t, got), code, want)
				}
			}

			for i := range most {
				for _, surface := range []world.Surface{world.ToolkitSurface, world.PublicSurface} {
					expect(try(surface, world.Owner, apptest.Password, addresses.first), "", 0)
				}

				expect(try([]world.Surface{world.ToolkitSurface, world.PublicSurface}[i%2], fmt.Sprintf("victim.%d@konec.test", i), "wrong", addresses.first), "INVALID_CREDENTIALS", 0)
				b.Clock.Advance(time.Minute)
			}

			for _, surface := range []world.Surface{world.ToolkitSurface, world.PublicSurface} {
				expect(try(surface, "next@konec.test", "wrong", addresses.neighbour), "TOO_MANY_REQUESTS", (60-most)*time.Minute)
				expect(try(surface, world.Owner, apptest.Password, addresses.neighbour), "TOO_MANY_REQUESTS", (60-most)*time.Minute)
				expect(try(surface, world.Owner, apptest.Password, addresses.stranger), "", 0)
			}

			b.Clock.Advance((60 - most) * time.Minute)
			expect(try(world.ToolkitSurface, world.Owner, apptest.Password, addresses.first), "", 0)
		})
	}
}

// R-J7: a caller who invents addresses remains one network.
func TestSpoofedNetworksAreOne(t *testing.T) {
	t.Parallel()

	b := world.NewBothSurfaces(t, func(c *apptest.Settings) { c.NetworkFailures = 3 })

	var statuses []int

	for i := range 5 {
		got := b.SignInCall(world.ToolkitSurface, fmt.Sprintf("victim.%d@konec.test", i), "wrong").
			With("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i)).With("X-Real-Ip", fmt.Sprintf("203.0.113.%d", i)).To(t, b.Server)
		statuses = append(statuses, got.Status)
	}

	if fmt.Sprint(statuses) != "[401 401 401 429 429]" {
		t.Errorf("%v", statuses)
	}
}

// Contract, "throttles": refreshes are never delayed, whatever else the network did.
func TestRefreshIsNeverDelayed(t *testing.T) {
	t.Parallel()

	b := world.NewBothSurfaces(t, func(c *apptest.Settings) { c.NetworkFailures, c.FailuresFree = 1, 1 })
	b.Account(t, world.Owner)

	tokens := b.SignIn(t, world.Owner)
	browser := b.SignedIn(t, world.Owner)

	b.ExpectWrong(t, "the only one", world.ToolkitSurface, world.Owner)

	for range 3 {
		if status, next := b.Refresh(t, tokens.RefreshToken); next == nil {
			t.Errorf("refresh: %d", status)
		} else {
			tokens = *next
		}

		world.RenewSession(t, browser)
	}

	if got := b.SignInCall(world.ToolkitSurface, world.Owner, apptest.Password).To(t, b.Server); got.Status != http.StatusTooManyRequests {
		t.Errorf("the sign-in: %s", got)
	}
}
