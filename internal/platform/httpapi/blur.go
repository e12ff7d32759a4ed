package httpapi

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// blurMost is the longest wait of blur: some hundred times what it hides.
const blurMost = 5 * time.Millisecond

// blur waits for a random moment before somebody is told that they are wrong, or too early. The work
// behind that answer is the same whoever was meant, statement by statement; but that a row was found, or
// one more was written, still takes some ten microseconds, and a patient clock would see them. It is no
// substitute for the same work: a hash that is left out shows through it at once.
func blur(ctx context.Context, told *problem.Problem) {
	if !blurred(told) {
		return
	}

	wait := time.NewTimer(blurMost * time.Duration(binary.BigEndian.Uint16(randomid.Bytes(2))) / math.MaxUint16)
	defer wait.Stop()

	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// blurred says that the answer judges what somebody claimed, and not the form of a request.
func blurred(told *problem.Problem) bool {
	switch told.Kind {
	case problem.Refused, problem.Limited:
		return true
	case problem.Invalid:
		return len(told.Fields) == 0
	}

	return false
}
