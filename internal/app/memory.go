package app

import (
	"context"
	"math"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

const (
	// garbage is how much piles up before the garbage collector runs by itself: some ten thousand
	// small requests. A share of what is alive, as GOGC has it, would be too little. Hashes, each of
	// which leaves 19 MiB, have it run sooner (package password).
	garbage = 40 << 20
	// memoryBase is what the process may take before the garbage collector hurries, and memoryHash
	// what each hash that is computed at once adds to it: its 19 MiB, and those of the one before.
	memoryBase = 60 << 20
	memoryHash = 38 << 20
	// memoryEvery is how often both are adapted.
	memoryEvery = time.Second
)

// paceMemory keeps garbage small when many sign in at once, each of whom leaves 19 MiB of it, and
// collections rare otherwise. A process that really needs more, for its many connections, gets
// it: below a limit that is too low Go would collect all the time. GOGC and GOMEMLIMIT win where they are set.
func paceMemory(ctx context.Context, hashes int) {
	before := debug.SetGCPercent(100)
	debug.SetGCPercent(before)

	var (
		percent = before == 100
		limit   = debug.SetMemoryLimit(-1) == math.MaxInt64
		hashing = int64(hashes) * memoryHash
		tick    = time.NewTicker(memoryEvery)
	)
	defer tick.Stop()

	for {
		heap, stacks := alive()

		if percent {
			if now := gcPercent(heap); now != before {
				debug.SetGCPercent(now)
				before = now
			}
		}

		if limit {
			// Above what is alive there has to be room for the next hashes: in a flood the collector would run all
			// the time, and each hash find its memory given back to the system.
			debug.SetMemoryLimit(max(memoryBase+hashing, heap+stacks+hashing*5/8))
		}

		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// gcPercent lets the same amount of garbage pile up however much is alive. At 0 percent the collector would run without
// a pause: that is where a heap beyond 4 GiB would lead.
func gcPercent(heap int64) int {
	return max(1, int(100*garbage/max(heap, garbage/16)))
}

// alive is what the last collection could not free, in bytes: objects, and the stacks of goroutines.
func alive() (heap, stacks int64) {
	samples := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	runtimemetrics.Read(samples)

	return int64(samples[0].Value.Uint64()), int64(samples[1].Value.Uint64()) //nolint:gosec // far below the 8 EiB
}
