package httpapi

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// blurMost is the longest delay of blur: some hundred times the difference that it hides.
const blurMost = 5 * time.Millisecond

// blur waits for a random time before a response that a claim is wrong or too early. The work behind that response is
// the same for every account, statement by statement. But a row that is found, or one more row written, still takes
// some ten microseconds, and a patient attacker could measure them. It does not replace the same work: a hash that is
// left out would be visible despite it.
func blur(ctx context.Context, told *problem.Problem) {
	if !blurred(told) {
		return
	}

	wait(ctx, blurMost*time.Duration(binary.BigEndian.Uint16(randomid.Bytes(2)))/math.MaxUint16)
}

// blurred reports whether the error judges a claim of the caller, and not the form of the request.
func blurred(told *problem.Problem) bool {
	switch told.Kind {
	case problem.Refused, problem.Limited:
		return true
	case problem.Invalid:
		return len(told.Fields) == 0
	}

	return false
}
