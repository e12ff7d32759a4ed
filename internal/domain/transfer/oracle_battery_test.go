//go:build battery

package transfer_test

import (
	"math/rand/v2"
	"testing"
)

// A million generated records, in files that need several batches: what Go's own readers find is in or refused, with its line,
// and nothing else is in.
func TestMillionGeneratedRecords(t *testing.T) {
	t.Parallel()

	const records = 1_000_000

	e, sum := setup(t), &tally{}
	g := &generator{Rand: rand.New(rand.NewPCG(14, 1_000_000))}

	for sum.records < records && !t.Failed() {
		e.agree(t, g.sample(1+g.IntN(20_000)), sum)
	}

	t.Logf("%+v", *sum)
}
