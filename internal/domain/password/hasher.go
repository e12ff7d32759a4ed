// Package password hashes passwords with Argon2id, verifies them, and refuses the bad ones. Its
// memory is bounded whatever the number of requests. It stores nothing and knows no account.
package password

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// Factor names the password among the ways to prove who somebody is: its failures count by themselves.
const Factor = "password"

// MaxBytes is the longest password; a longer one is refused before anything is computed.
const MaxBytes = 1024

// slotWait is how long a request waits for its turn before the server says that it is full.
const slotWait = 2 * time.Second

// Hasher computes and verifies hashes, a few at a time.
type Hasher struct {
	admitted chan struct{} // see Turns
	hashing  chan struct{}
	cost     Cost
	decoy    string // verified where there is no account, so that this costs the same

	mu    sync.Mutex
	begun uint64 // hashes since the last collection, guarded by mu
}

// Slots is how many there are: enough that the next ones look things up while others compute.
func Slots(concurrency int) int { return 2 * concurrency }

// NewHasher returns a Hasher that computes at most concurrency hashes at once; each needs cost.Memory.
func NewHasher(concurrency int, cost Cost) (*Hasher, error) {
	decoy, err := cost.decoy()
	if err != nil {
		return nil, fmt.Errorf("decoy: %w", err)
	}

	return &Hasher{
		admitted: make(chan struct{}, Slots(concurrency)), hashing: make(chan struct{}, concurrency), cost: cost, decoy: decoy,
	}, nil
}

// Hash returns the PHC string of a new password in its NFC form (RFC 8265, section 4.2), so that two
// keyboards that compose characters differently mean the same password, or problem.ErrUnavailable when the server is full.
func (h *Hasher) Hash(ctx context.Context, plain string) (string, error) {
	turn, err := h.Slot(ctx)
	if err != nil {
		return "", err
	}
	defer turn.Release()

	return turn.Hash(plain)
}

// Verify compares a password with a stored hash, in constant time. An empty hash stands for an
// account that does not exist or has no password: it costs the same, and never matches. stale
// says that the hash should be made anew, with today's parameters.
func (h *Hasher) Verify(ctx context.Context, stored, plain string) (match, stale bool, err error) {
	turn, err := h.Slot(ctx)
	if err != nil {
		return false, false, err
	}
	defer turn.Release()

	return turn.Verify(stored, plain)
}

// Slot is the right to compute hashes, one after the other, taken before something that must not
// happen in vain: a client that hangs up in the middle changes nothing. There are so few turns that
// whoever has one waits for a hash or two at the most.
type Slot struct {
	hasher *Hasher
}

// Slot waits for a turn, or answers problem.ErrUnavailable when the server is full. End it.
func (h *Hasher) Slot(ctx context.Context) (Slot, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, slotWait, errFull)
	defer cancel()

	select {
	case h.admitted <- struct{}{}:
		return Slot{hasher: h}, nil
	case <-ctx.Done():
		return Slot{}, problem.ErrUnavailable.WithRetryAfter(slotWait).WithCause(context.Cause(ctx))
	}
}

// Hash is Hasher.Hash within the turn.
func (t Slot) Hash(plain string) (string, error) {
	t.hasher.begin()
	defer t.hasher.done()

	return t.hasher.cost.hash(norm.NFC.String(plain))
}

// Verify is Hasher.Verify within the turn.
func (t Slot) Verify(stored, plain string) (match, stale bool, err error) {
	t.hasher.begin()
	defer t.hasher.done()

	plain = norm.NFC.String(plain)

	if stored == "" {
		_, _, err := t.hasher.cost.verify(t.hasher.decoy, plain)

		return false, false, err
	}

	return t.hasher.cost.verify(stored, plain)
}

// Release lets the next one in.
func (t Slot) Release() { <-t.hasher.admitted }

func (h *Hasher) begin() {
	h.hashing <- struct{}{}
	h.collect()
}

func (h *Hasher) done() { <-h.hashing }

// collect has the garbage collector take away what the hashes before left: x/crypto/argon2 allocates the memory
// of each anew. By its own pace the collector would come late, and while it marks the next hashes
// would begin, whose memory it could take away only the time after: of two hashes at once, five had theirs.
// Here none begins meanwhile. Where much more is alive than hashes, collecting costs more, and is rarer.
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
