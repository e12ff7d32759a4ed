package httpapi

import (
	"context"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// hold waits for as long as the error asks. The request leaves the gate first: while it waits it computes nothing, and
// must not keep others out.
func hold(ctx context.Context, told *problem.Problem) {
	if told.Hold <= 0 {
		return
	}

	leaveGate(ctx)
	wait(ctx, told.Hold)
}

// wait returns after d, or when the request ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()

	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
