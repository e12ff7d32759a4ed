package password

import (
	"math"
	"sync"
	"time"
)

// contention is how much longer a hash takes than on a machine that does nothing else. It is the same for every account: only
// hashes of our own cost tell it, which is what an address without an account gets, too.
type contention struct {
	mu     sync.Mutex
	usual  time.Duration // of a hash, while nothing else runs: the shortest so far
	factor float64       // how many times that the last ones took, on average
}

const (
	// averaged is the number of hashes over which the average is taken.
	averaged = 16
	// slowestShare is the share of MaxStep that the slowest admitted hash takes on a usual machine that does nothing else.
	slowestShare = 0.65
	// maxMultiples bounds how long a refusal is held, whatever the machine does.
	maxMultiples = 5
)

// observe adds the time of a hash.
func (c *contention) observe(took time.Duration) {
	if took <= 0 {
		return
	}

	c.mu.Lock()
	defer c.mu.Unlock()

	if c.usual == 0 {
		c.usual, c.factor = took, 1
	}

	c.usual = min(c.usual, took)
	c.factor += (float64(took)/float64(c.usual) - c.factor) / averaged
}

// multiples returns how many steps the slowest hash needs now. While other work has the processors, it would often need a second
// one, and the other hashes would not.
func (c *contention) multiples() int {
	c.mu.Lock()
	defer c.mu.Unlock()

	return min(max(1, int(math.Ceil(slowestShare*c.factor))), maxMultiples)
}
