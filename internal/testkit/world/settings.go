package world

import (
	"net/netip"
	"slices"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// The contract's numbers. They are repeated here, so that a change of the code's constants fails the tests.
const (
	FreeFailures = 5                // failed passwords without a delay
	FirstWait    = 30 * time.Second // the first delay
	MaxGuesses   = 5                // guesses at one code (R-C6)
)

// NewPassword is the password that tests change to.
const NewPassword = "another horse, another staple"

// ConsoleOrigin is the origin of a console on another site.
const ConsoleOrigin = "https://console.konec.test"

// WithManyNetworkFailures raises the limit of failures per network, for tests of other limits.
func WithManyNetworkFailures(c *apptest.Settings) {
	c.NetworkFailures = 10_000
	withManyOfEverybody(c)
}

// WithoutWaits raises all limits so that no caller has to wait: a refusal would hide what the test is about.
func WithoutWaits(c *apptest.Settings) {
	c.FailuresFree, c.FailureDelay, c.NetworkFailures = 100, time.Second, 1_000_000
	c.SendCooldown, c.SendsPerHour, c.SendsPerDay, c.NetworkSends = time.Second, 1_000_000, 1_000_000, 1_000_000
	withManyOfEverybody(c)
	c.SessionLimit = 1_000 // the test's own sign-ins would otherwise end its sessions
}

// WithoutNetworkLimits raises the limits per network, because all calls of a test come from one.
func WithoutNetworkLimits(c *apptest.Settings) {
	c.NetworkSends, c.NetworkFailures = 1_000_000, 1_000_000
	withManyOfEverybody(c)
}

// withManyOfEverybody raises the daily budgets over all accounts, of which one network may spend a hundredth.
func withManyOfEverybody(c *apptest.Settings) {
	c.NetworkShare, c.MailsPerDay, c.SMSPerDay, c.NewPhones = 1, 1_000_000, 1_000_000, 1_000_000
}

// OutdatedApp is what an app sends in X-Client that is older than every Gateway supports.
const OutdatedApp = "outdated/1.9"

func withOutdatedApp(c *apptest.Settings) {
	c.Clients, c.ClientsMinimum = append(slices.Clone(c.Clients), "outdated"), []string{"outdated=2"}
}

// BehindProxy makes the gateway trust X-Forwarded-For from this machine.
func BehindProxy(c *apptest.Settings) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// WithManyFreeFailures raises the number of failures without a delay, for tests of other limits.
func WithManyFreeFailures(c *apptest.Settings) { c.FailuresFree = 100 }
