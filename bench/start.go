package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const startTarget = 250 * time.Millisecond

// measureStart runs the gateway repeatedly on a migrated database, and measures the time from its execution until
// /readyz succeeds.
func measureStart(ctx context.Context, b *bench) ([]line, error) {
	const name = "start"
	if err := b.database.create(ctx, name, b.sessions, 1, b.say); err != nil {
		return nil, err
	}

	times := make([]time.Duration, b.starts)

	for i := range times {
		begin := time.Now()

		gateway, err := b.gatewayOn(ctx, name)
		if err != nil {
			return nil, err
		}

		times[i] = time.Since(begin)

		if err := gateway.stop(); err != nil {
			return nil, err
		}
	}

	slices.Sort(times)
	median := times[len(times)/2]

	return []line{{
		work: "start until ready",
		measured: fmt.Sprintf("%d ms, the median of %d; %d to %d ms", median.Milliseconds(), len(times),
			times[0].Milliseconds(), times[len(times)-1].Milliseconds()),
		target: "≤ 250 ms", held: median <= startTarget,
	}}, nil
}
