package apptest

import (
	"sync"
	"time"
)

// Clock follows the real clock until the test moves it ahead or stops it.
type Clock struct {
	mu      sync.Mutex
	ahead   time.Duration
	stopped time.Time // zero while the clock runs
}

// Now returns the time of every gateway of an Env. It ticks in milliseconds, like a server's.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()

	if !c.stopped.IsZero() {
		return c.stopped
	}

	return time.Now().Add(c.ahead).Truncate(time.Millisecond)
}

// Advance moves the clock ahead.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if !c.stopped.IsZero() {
		c.stopped = c.stopped.Add(d)
	}

	c.ahead += d
}

// Stop stops the clock, which then moves by Advance only, for tests that count seconds. Readiness fails two seconds
// later.
func (c *Clock) Stop() {
	now := c.Now()

	c.mu.Lock()
	defer c.mu.Unlock()

	c.stopped = now
}
