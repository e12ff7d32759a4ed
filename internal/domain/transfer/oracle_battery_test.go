//go:build battery

package transfer_test

import (
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/transfer"
)

// A million generated records, in files that need several batches: what Go's own readers find is in or refused, with its line,
// and nothing else is in.
func TestMillionGeneratedRecords(t *testing.T) {
	t.Parallel()

	const records = 1_000_000

	e, sum := setup(t), &tally{}
	g := &generator{Rand: rand.New(rand.NewPCG(14, 1_000_000))}

	for sum.records < records && !t.Failed() {
		e.agree(t, g.sample(1+g.IntN(pick(g, 20, 200, 2_000, 20_000))), sum) // short ones for their ends
	}

	t.Logf("%+v", *sum)
}

// A file of a million accounts on one line is not held in memory, nor is one in an object behind other members.
func TestMillionAccountsOnOneLine(t *testing.T) {
	const (
		accounts = 1_000_000
		limit    = 150 << 20 // the file has 300 MB
	)

	read, write := io.Pipe()

	go func() {
		_, err := io.WriteString(write, `{"realm":"x","roles":[`)
		for i := 0; i < accounts && err == nil; i++ {
			_, err = io.WriteString(write, `{"name":"role","description":"`+bcrypted+`"},`)
		}

		if err == nil {
			_, err = io.WriteString(write, `0],"users":[`)
		}

		for i := 0; i < accounts && err == nil; i++ {
			_, err = io.WriteString(write, gatewayLine(i)+",")
		}

		if err == nil {
			_, err = io.WriteString(write, gatewayLine(accounts)+"]}")
		}

		write.CloseWithError(err) // nil is the end
	}()

	highest := uint64(0)

	o := setup(t).importsFrom(t, transfer.Input{Name: "pipe", From: read}, func(o *transfer.Options) {
		o.Format = transfer.Gateway
		o.Progress = func(transfer.Progress) {
			var now runtime.MemStats

			runtime.ReadMemStats(&now)
			highest = max(highest, now.HeapInuse)
		}
	})
	o.succeeds(t, accounts+1, 0)

	if highest > limit {
		t.Errorf("%d MB of memory", highest>>20)
	}

	t.Logf("%d accounts, %d MB of the file, %d MB of memory", o.Imported, o.Position>>20, highest>>20)
}
