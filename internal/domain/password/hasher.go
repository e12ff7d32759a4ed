// Package password hashes passwords with Argon2id, verifies them, and refuses weak ones. Its memory is bounded for any
// number of requests. It stores nothing and knows no account.
package password

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// Factor is the name of the password among the factors: its failures are counted separately.
const Factor = "password"

// MaxBytes is the longest password; a longer one is refused before anything is computed.
const MaxBytes = 1024

// slotWait is how long a request waits for a slot before the server reports that it is full.
const slotWait = 2 * time.Second

// Hasher computes and verifies hashes, a few at a time.
type Hasher struct {
	admitted chan struct{} // see Slots
	hashing  chan struct{}
	cost     Cost
	decoy    string // verified if there is no account, so that the cost is the same
	now      func() time.Time
	step     time.Duration // see Measure
	busy     contention

	mu    sync.Mutex
	begun uint64 // hashes since the last collection, guarded by mu
}

// Slots returns the number of slots: enough that the next requests read the database while others compute.
func Slots(concurrency int) int { return 2 * concurrency }

// NewHasher returns a Hasher that computes at most concurrency hashes at once; each needs cost.Memory. Its refusals take
// as long as the hash does, until Measure is called.
func NewHasher(concurrency int, cost Cost) (*Hasher, error) {
	decoy, err := cost.decoy()
	if err != nil {
		return nil, fmt.Errorf("decoy: %w", err)
	}

	return &Hasher{
		admitted: make(chan struct{}, Slots(concurrency)), hashing: make(chan struct{}, concurrency), cost: cost, decoy: decoy,
		now: time.Now,
	}, nil
}

// Hash returns the PHC string of a new password in its NFC form (RFC 8265, section 4.2), so that keyboards that compose
// characters differently produce the same password. It returns problem.ErrUnavailable if the server is full.
func (h *Hasher) Hash(ctx context.Context, plain string) (string, error) {
	turn, err := h.Slot(ctx)
	if err != nil {
		return "", err
	}
	defer turn.Release()

	return turn.Hash(plain)
}

// Verify compares a password with a stored hash, in constant time. An empty hash stands for an account that does not
// exist or has no password: it costs the same, and never matches; nor does a hash that Verifiable refuses. stale reports whether the hash should be renewed with
// the current parameters.
func (h *Hasher) Verify(ctx context.Context, stored, plain string) (match, stale bool, err error) {
	turn, err := h.Slot(ctx)
	if err != nil {
		return false, false, err
	}
	defer turn.Release()

	return turn.Verify(stored, plain)
}

// Slot is the right to compute hashes, one after the other. It is acquired before work that must not be wasted; a
// client that disconnects meanwhile changes nothing. There are few slots: each should be held for one or two hashes at
// most.
type Slot struct {
	hasher *Hasher
	since  time.Time     // when the slot was acquired
	queued time.Duration // how long the hashes of others were waited for since

	compared  int // how often Verify has computed the hash
	multiples int // of the step, for the slowest hash; known before this one
}

// Slot waits for a slot, or returns problem.ErrUnavailable if the server is full. Call Release after it.
func (h *Hasher) Slot(ctx context.Context) (*Slot, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, slotWait, errFull)
	defer cancel()

	select {
	case h.admitted <- struct{}{}:
		return &Slot{hasher: h, since: h.now(), multiples: h.busy.multiples()}, nil
	case <-ctx.Done():
		return nil, problem.ErrUnavailable.WithRetryAfter(slotWait).WithCause(context.Cause(ctx))
	}
}

// Hash is Hasher.Hash within the slot.
func (t *Slot) Hash(plain string) (string, error) {
	t.begin()
	defer t.hasher.done()

	return t.hasher.cost.hash(norm.NFC.String(plain))
}

// Verify is Hasher.Verify within the slot. A password that was typed in another form than NFC is also compared as it is: the
// system that made an imported hash may have hashed it so. Whether that takes a second comparison depends on what was typed,
// and not on the account.
func (t *Slot) Verify(stored, plain string) (match, stale bool, err error) {
	t.begin()
	defer t.hasher.done()

	absent := stored == "" || Verifiable(stored) != nil
	if absent {
		stored = t.hasher.decoy
	}

	t.compared = 0

	for i, form := range slices.Compact([]string{norm.NFC.String(plain), plain}) {
		t.compared++

		start := t.hasher.now()
		match, stale, err = t.hasher.cost.verify(stored, form)

		if t.hasher.cost.made(stored) {
			t.hasher.busy.observe(t.hasher.now().Sub(start))
		}

		switch {
		case err != nil || absent:
			match, stale = false, false
		case match:
			return true, (stale || i > 0) && renewable(stored, form), nil
		}
	}

	return false, false, err
}

// Release frees the slot.
func (t *Slot) Release() { <-t.hasher.admitted }

func (t *Slot) begin() {
	start := t.hasher.now()
	t.hasher.hashing <- struct{}{}
	t.queued += t.hasher.now().Sub(start)

	t.hasher.collect()
}

func (h *Hasher) done() { <-h.hashing }

// collect runs the garbage collector to free the memory of earlier hashes: x/crypto/argon2 allocates anew for each.
// Left alone, the collector would run late, and the next hashes would begin while it marks; their memory would be freed
// only by the following run. With two concurrent hashes, five had memory. No hash begins while collect runs. If much
// more memory is in use than that of hashes, collecting costs more and is rarer.
func (h *Hasher) collect() {
	h.mu.Lock()
	defer h.mu.Unlock()

	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)

	if h.begun >= max(1, live[0].Value.Uint64()/4/(uint64(h.cost.Memory)<<10)) {
		runtime.GC()

		h.begun = 0
	}

	h.begun++
}
