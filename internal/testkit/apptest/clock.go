package apptest

import (
	"sync"
	"time"
)

// Clock goes with the real one until the test moves it ahead, or stops it.
type Clock struct {
	mu      sync.Mutex
	ahead   time.Duration
	stopped time.Time // zero while it goes
}

// Now is the time of every gateway of an Env. It ticks in milliseconds, as that of a server does.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()

	if !c.stopped.IsZero() {
		return c.stopped
	}

	return time.Now().Add(c.ahead).Truncate(time.Millisecond)
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()

	if !c.stopped.IsZero() {
		c.stopped = c.stopped.Add(d)
	}

	c.ahead += d
}

// Stop lets the clock stand still but for Advance, for tests that count seconds. Readiness fails two
// seconds later.
func (c *Clock) Stop() {
	now := c.Now()

	c.mu.Lock()
	defer c.mu.Unlock()

	c.stopped = now
}
