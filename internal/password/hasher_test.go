package password

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/konec/toolkit-gateway/internal/problem"
)

func hasher(t *testing.T, concurrency int) *Hasher {
	t.Helper()

	h, err := NewHasher(concurrency)
	if err != nil {
		t.Fatal(err)
	}

	return h
}

func TestHasher(t *testing.T) {
	t.Parallel()

	h := hasher(t, 1)

	stored, err := h.Hash(t.Context(), "caf\u00e9 pa\u00dfword")
	if err != nil {
		t.Fatal(err)
	}

	t.Run("KeyboardsMayComposeDifferently", func(t *testing.T) {
		t.Parallel()

		if match, _, err := h.Verify(t.Context(), stored, "cafe\u0301 pa\u00dfword"); !match || err != nil {
			t.Errorf("match %t, %v", match, err)
		}

		// Not NFKC: what looks alike is not the same.
		if match, _, _ := h.Verify(t.Context(), stored, "caf\u00e9 password"); match {
			t.Error("another password matched")
		}
	})

	t.Run("NobodysPasswordNeverMatches", func(t *testing.T) {
		t.Parallel()

		for _, plain := range []string{"the password of nobody", "", "x"} {
			if match, stale, err := h.Verify(t.Context(), "", plain); match || stale || err != nil {
				t.Errorf("%q: match %t, stale %t, %v", plain, match, stale, err)
			}
		}
	})

	t.Run("DecoyCostsWhatAHashDoes", func(t *testing.T) {
		t.Parallel()

		used, salt, key, err := parse(h.decoy)
		if err != nil || used != standard || len(salt) != saltSize || len(key) != hashSize {
			t.Errorf("decoy %s, %v", h.decoy, err)
		}
	})
}

// R-A11: whoever finds every turn taken waits a moment, and is then told to come back.
func TestFullHasherSaysSo(t *testing.T) {
	t.Parallel()

	h := hasher(t, 1)

	first, err := h.Turn(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}

	second, err := h.Turn(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	defer second.End()

	if _, err := h.Hash(t.Context(), "x"); !errors.Is(err, problem.ErrUnavailable) || !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}

	gone, cancel := context.WithCancel(t.Context())
	cancel()

	if _, _, err := h.Verify(gone, "", "x"); !errors.Is(err, problem.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}

	first.End()

	if _, err := h.Hash(t.Context(), "x"); err != nil {
		t.Errorf("with the turn back: %v", err)
	}
}

// R-A11, T-17: a flood of one network waits for itself; whoever else comes does not wait for all of it.
func TestFloodHoldsNobodyElseUp(t *testing.T) {
	t.Parallel()

	const crowd = 100

	var (
		h        = hasher(t, 1)
		flood    sync.WaitGroup
		served   atomic.Int64
		over     = make(chan struct{})
		shortest = int64(math.MaxInt64)
	)

	for range crowd {
		flood.Go(func() {
			for {
				turn, err := h.Turn(t.Context(), "flood")
				if err != nil {
					t.Error(err)

					return
				}

				served.Add(1)
				runtime.Gosched()
				turn.End()

				select {
				case <-over:
					return
				default:
				}
			}
		})
	}

	for served.Load() < 10*crowd {
		runtime.Gosched() // until all of them are there
	}

	for range 20 {
		before := served.Load()

		turn, err := h.Turn(t.Context(), "honest")
		if err != nil {
			t.Fatal(err)
		}

		shortest = min(shortest, served.Load()-before)
		turn.End()
	}

	close(over)
	flood.Wait()

	if shortest > crowd/2 {
		t.Errorf("%d of the flood came first", shortest)
	}
}
