package app

import (
	"math"
	"testing"
)

// At 0 percent the collector would run without a pause.
func TestCollectorPausesHoweverMuchIsAlive(t *testing.T) {
	t.Parallel()

	for heap, want := range map[int64]int{0: 1600, garbage / 16: 1600, garbage: 100, 100 * garbage: 1, 101 * garbage: 1, 5 << 30: 1, math.MaxInt64: 1} {
		if got := gcPercent(heap); got != want {
			t.Errorf("%d bytes alive: %d percent, want %d", heap, got, want)
		}
	}
}
