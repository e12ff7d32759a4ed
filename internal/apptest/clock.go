package apptest

import (
	"sync/atomic"
	"time"
)

// Clock goes with the real one until the test moves it ahead.
type Clock struct {
	ahead atomic.Int64
}

// Now is the time of every gateway of an Env.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) { c.ahead.Add(int64(d)) }
