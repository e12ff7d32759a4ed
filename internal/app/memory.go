package app

import (
	"context"
	"math"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

const (
	// garbage is how much accumulates before the garbage collector runs: that of some ten thousand small requests. A
	// share of the live heap, as GOGC defines it, would be too little. Hashes leave 19 MiB each and start the collector
	// sooner (package password).
	garbage = 40 << 20
	// memoryBase is the memory limit of a process without hashes. memoryHash is what each concurrent hash adds to it:
	// its own 19 MiB, and those of the hash before it.
	memoryBase = 60 << 20
	memoryHash = 38 << 20
	// memoryEvery is the interval at which both are adapted.
	memoryEvery = time.Second
)

// paceMemory keeps garbage small during many concurrent sign-ins, each of which leaves 19 MiB, and collections rare at
// other times. The limit rises with the live heap, for example of many connections: below a limit that is too low Go
// collects all the time. If GOGC or GOMEMLIMIT is set, it takes precedence.
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
			// The next hashes need room above the live heap. Without it the collector runs all the time in a flood, and
			// returns the memory of each hash to the system before the next one needs it.
			debug.SetMemoryLimit(max(memoryBase+hashing, heap+stacks+hashing*5/8))
		}

		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// gcPercent returns the GOGC that lets the same amount of garbage accumulate above any live heap. It is at least 1: at 0,
// which a live heap above 4 GB would yield, the collector runs without a pause.
func gcPercent(heap int64) int {
	return max(1, int(100*garbage/max(heap, garbage/16)))
}

// alive returns what the last collection could not free, in bytes: objects, and the stacks of goroutines.
func alive() (heap, stacks int64) {
	samples := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	runtimemetrics.Read(samples)

	return int64(samples[0].Value.Uint64()), int64(samples[1].Value.Uint64()) //nolint:gosec // far below the 8 EiB
}
