package world

import (
	"net/netip"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

const (
	FreeFailures = 5 // the contract's own number, and not whatever the code says
	FirstWait    = 30 * time.Second
)

// WithManyNetworkFailures leaves the limit of a network to the tests that are about it.
func WithManyNetworkFailures(c *apptest.Settings) { c.NetworkFailures = 10_000 }

// WithoutWaits is a gateway that lets nobody wait: the throttles would hide everything else.
func WithoutWaits(c *apptest.Settings) {
	c.FailuresFree, c.FailureDelay, c.NetworkFailures = 100, time.Second, 1_000_000
	c.SendCooldown, c.SendsPerHour, c.SendsPerDay, c.NetworkSends, c.SMSPerDay = time.Second, 1_000_000, 1_000_000, 1_000_000, 1_000_000
	c.SessionLimit = 1_000 // or its own sign-ins would end its sessions
}

const AnotherPassword = "another horse, another staple"

// WithoutNetworkLimits lifts the limits of networks: all of it comes from one.
func WithoutNetworkLimits(c *apptest.Settings) {
	c.NetworkSends, c.NetworkFailures = 1_000_000, 1_000_000
}

// MaxGuesses is the requirement's own number (R-C6), and not whatever the code says.
const MaxGuesses = 5

// BehindProxy believes this machine's X-Forwarded-For.
func BehindProxy(c *apptest.Settings) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// WithManyFreeFailures lets somebody fail many times before they have to wait, where a test is not about that.
func WithManyFreeFailures(c *apptest.Settings) { c.FailuresFree = 100 }

const ConsoleOrigin = "https://console.konec.test"
