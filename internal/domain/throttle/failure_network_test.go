package throttle_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/throttle"
)

// few allows three failures of a network.
var few = throttle.Backoff{Free: 5, First: 30 * time.Second, Longest: time.Hour, Network: 3}

// R-E1, R-E3, T-05: a network has a limit of failures in an hour, over all users; for IPv6 it is a /64.
func TestNetworkIsLimited(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct{ first, neighbour, stranger string }{
		"IPv4":         {"203.0.113.7", "203.0.113.7", "203.0.113.8"},
		"IPv4 as IPv6": {"203.0.113.7", "::ffff:203.0.113.7", "::ffff:203.0.113.8"},
		"IPv6":         {"2001:db8:0:1::1", "2001:db8:0:1:ffff::1", "2001:db8:0:2::1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			p := newPatient(t, few)

			for i := range 3 {
				p.expect(t, "within the limit", c.first, "password", fmt.Sprint(i), 0)
				p.clock.Advance(time.Minute)
			}

			p.expect(t, "beyond it", c.neighbour, "password", "next", 57*time.Minute)
			p.expect(t, "with another factor", c.neighbour, "totp", "next", 57*time.Minute)
			p.expect(t, "from another network", c.stranger, "password", "next", 0)

			p.clock.Advance(57*time.Minute - 2*time.Second)
			p.expect(t, "just before the end", c.first, "password", "next", 2*time.Second)
			p.clock.Advance(2 * time.Second)
			p.expect(t, "at the end", c.first, "password", "next", 0)
		})
	}
}

// R-E5: a success refunds its own attempt, and none of an attacker's.
func TestSuccessGivesOneAttemptBack(t *testing.T) {
	t.Parallel()

	p := newPatient(t, few)

	for range 10 {
		right, wait := p.try(t, home, "password", "owner")
		if wait != 0 {
			t.Fatalf("a success waits %s", wait)
		}

		p.succeed(t, right)
	}

	for i := range 3 {
		p.expect(t, "a failure", home, "password", fmt.Sprint("victim", i), 0)

		if i < 2 {
			right, _ := p.try(t, home, "password", "attacker")
			p.succeed(t, right)
		}
	}

	p.expect(t, "the fourth", home, "password", "victim3", time.Hour)
}

// A user who is refused because of the network gets no failure counted.
func TestNeighboursDoNotLengthenTheWait(t *testing.T) {
	t.Parallel()

	p := newPatient(t, throttle.Backoff{Free: 2, First: 30 * time.Second, Longest: time.Hour, Network: 3})

	for i := range 3 {
		p.expect(t, "a neighbour", home, "password", fmt.Sprint(i), 0)
	}

	for range 10 {
		p.expect(t, "refused", home, "password", "owner", time.Hour)
	}

	for range 2 {
		p.expect(t, "from elsewhere", "198.51.100.1", "password", "owner", 0)
	}

	p.expect(t, "the owner's own third", "198.51.100.1", "password", "owner", 30*time.Second)
	p.expect(t, "the longer of both", home, "password", "owner", time.Hour)
}

// An attempt during a user's wait does not count for the network: nothing is compared.
func TestWaitingDoesNotCountForTheNetwork(t *testing.T) {
	t.Parallel()

	p := newPatient(t, throttle.Backoff{Free: 2, First: 30 * time.Second, Longest: time.Hour, Network: 3})

	for range 2 {
		p.expect(t, "a failure", home, "password", "impatient", 0)
	}

	for range 10 {
		p.expect(t, "too early", home, "password", "impatient", 30*time.Second)
	}

	p.expect(t, "a neighbour", home, "password", "owner", 0)
	p.expect(t, "the fourth", home, "password", "next", time.Hour)
}
