package app_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// R-E1, R-E3, R-E5, R-J7, T-05: a network has so many failures an hour, over all persons and both doors;
// of IPv6 a /64 is one. Its successes cost nothing, and clear nobody's failures.
func TestFailuresOfOneNetwork(t *testing.T) {
	t.Parallel()

	const most = 4

	for name, addresses := range map[string]struct{ first, neighbour, stranger string }{
		"IPv4": {"203.0.113.7", "203.0.113.7", "203.0.113.8"},
		"IPv6": {"2001:db8:0:1::1", "2001:db8:0:1:ffff::1", "2001:db8:0:2::1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			p := newPorch(t, behindProxy, func(c *config.Config) { c.NetworkFailures = most })
			p.Clock.Stop()
			p.Account(t, owner)

			try := func(d door, email, password, address string) reply {
				t.Helper()

				return p.through(d, email, password).with("X-Forwarded-For", "198.51.100.9, "+address).to(t, p.Server)
			}

			expect := func(got reply, code string, want time.Duration) {
				t.Helper()

				if got.problem.Code != code || wait(t, got) != want {
					t.Errorf("%s, Retry-After %s, want %s and %s", got, wait(t, got), code, want)
				}
			}

			for i := range most {
				for _, d := range []door{appDoor, browserDoor} {
					expect(try(d, owner, apptest.Password, addresses.first), "", 0)
				}

				expect(try([]door{appDoor, browserDoor}[i%2], fmt.Sprintf("victim.%d@konec.test", i), "wrong", addresses.first), "INVALID_CREDENTIALS", 0)
				p.Clock.Advance(time.Minute)
			}

			for _, d := range []door{appDoor, browserDoor} {
				expect(try(d, "next@konec.test", "wrong", addresses.neighbour), "TOO_MANY_REQUESTS", (60-most)*time.Minute)
				expect(try(d, owner, apptest.Password, addresses.neighbour), "TOO_MANY_REQUESTS", (60-most)*time.Minute)
				expect(try(d, owner, apptest.Password, addresses.stranger), "", 0)
			}

			p.Clock.Advance((60 - most) * time.Minute)
			expect(try(appDoor, owner, apptest.Password, addresses.first), "", 0)
		})
	}
}

// R-J7: who makes addresses up stays one network.
func TestSpoofedNetworksAreOne(t *testing.T) {
	t.Parallel()

	p := newPorch(t, func(c *config.Config) { c.NetworkFailures = 3 })

	var statuses []int

	for i := range 5 {
		got := p.through(appDoor, fmt.Sprintf("victim.%d@konec.test", i), "wrong").
			with("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i)).with("X-Real-Ip", fmt.Sprintf("203.0.113.%d", i)).to(t, p.Server)
		statuses = append(statuses, got.status)
	}

	if fmt.Sprint(statuses) != "[401 401 401 429 429]" {
		t.Errorf("%v", statuses)
	}
}

// Contract, "throttles": refreshes are never slowed down, whatever the network did.
func TestRefreshIsNeverSlowedDown(t *testing.T) {
	t.Parallel()

	p := newPorch(t, func(c *config.Config) { c.NetworkFailures, c.FailuresFree = 1, 1 })
	p.Account(t, owner)

	tokens := p.SignIn(t, owner)
	browser := p.SignedIn(t, owner)

	p.expectWrong(t, "the only one", appDoor, owner)

	for range 3 {
		if status, next := p.Refresh(t, tokens.RefreshToken); next == nil {
			t.Errorf("refresh: %d", status)
		} else {
			tokens = *next
		}

		renew(t, browser)
	}

	if got := p.through(appDoor, owner, apptest.Password).to(t, p.Server); got.status != http.StatusTooManyRequests {
		t.Errorf("the sign-in: %s", got)
	}
}
