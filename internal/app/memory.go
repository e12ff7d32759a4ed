package app

import (
	"context"
	"math"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

const (
	// memoryBase is what the process may take before the garbage collector hurries, and memoryHash
	// what each hash that is computed at once adds to it: its 19 MiB, and those of the one before.
	memoryBase = 52 << 20
	memoryHash = 38 << 20
	// garbagePercent is Go's GOGC. Little is alive between requests, so that at 100 the collector
	// would run every few hundred of them; the limit above keeps what that costs small.
	garbagePercent = 400
	// memoryEvery is how often the limit is adapted.
	memoryEvery = time.Second
)

// paceMemory keeps garbage small when many sign in at once, each of whom leaves 19 MiB of it, and
// rare otherwise. A process that really needs more, for its many connections, gets it: below a
// limit that is too low Go would collect all the time. GOGC and GOMEMLIMIT win where they are set.
func paceMemory(ctx context.Context, hashes int) {
	if before := debug.SetGCPercent(garbagePercent); before != 100 {
		debug.SetGCPercent(before)
	}

	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return
	}

	hashing := int64(hashes) * memoryHash
	debug.SetMemoryLimit(memoryBase + hashing)

	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()

	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// The hashes' memory comes and goes, and is no reason to allow more.
			debug.SetMemoryLimit(max(memoryBase+hashing, alive()*5/4-hashing))
		}
	}
}

// alive is what the last collection could not free: objects, and the stacks of goroutines.
func alive() int64 {
	samples := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	runtimemetrics.Read(samples)

	var sum uint64
	for _, one := range samples {
		sum += one.Value.Uint64()
	}

	return int64(min(sum, math.MaxInt64/2))
}
