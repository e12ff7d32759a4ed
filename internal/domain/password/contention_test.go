package password

import (
	"testing"
	"time"
)

// SEC-S10: while other work slows hashes down, every refusal gets the time that the slowest one would take.
func TestContention(t *testing.T) {
	t.Parallel()

	c := contention{}
	if got := c.multiples(); got != 1 {
		t.Errorf("%d multiples before the first hash", got)
	}

	for _, one := range []struct {
		took      time.Duration
		hashes    int
		multiples int
	}{
		{20 * time.Millisecond, 100, 1},
		{24 * time.Millisecond, 100, 1},
		{40 * time.Millisecond, 1, 1}, // one slow hash means nothing
		{40 * time.Millisecond, 100, 2},
		{70 * time.Millisecond, 100, 3},
		{time.Hour, 100, maxMultiples},
		{20 * time.Millisecond, 400, 1},
		{0, 100, 1}, // a clock that stands still
		{30 * time.Millisecond, 1, 1},
	} {
		for range one.hashes {
			c.observe(one.took)
		}

		if got := c.multiples(); got != one.multiples {
			t.Errorf("after %d hashes of %s: %d multiples, want %d (usual %s, %.2f times that)", one.hashes, one.took, got, one.multiples, c.usual, c.factor)
		}
	}
}
