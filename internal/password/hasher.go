// Package password hashes passwords with Argon2id, verifies them, and refuses the bad ones. Its
// memory is bounded whatever the number of requests. It stores nothing and knows no account.
package password

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/konec/toolkit-gateway/internal/problem"
)

// MaxBytes is the longest password; a longer one is refused before anything is computed.
const MaxBytes = 1024

// permitWait is how long a request waits for its turn to hash before the server says it is full.
const permitWait = 2 * time.Second

// Hasher computes and verifies hashes, a few at a time.
type Hasher struct {
	permits chan struct{}
	params  params
	decoy   string // verified where there is no account, so that this costs the same
}

// NewHasher makes a Hasher that computes at most concurrency hashes at once; each needs 19 MiB.
func NewHasher(concurrency int) (*Hasher, error) {
	decoy, err := standard.decoy()
	if err != nil {
		return nil, fmt.Errorf("decoy: %w", err)
	}

	return &Hasher{permits: make(chan struct{}, concurrency), params: standard, decoy: decoy}, nil
}

// Hash returns the PHC string of a new password in its NFC form (RFC 8265, section 4.2), so that two
// keyboards that compose characters differently mean the same password, or problem.ErrUnavailable when the server is full.
func (h *Hasher) Hash(ctx context.Context, plain string) (string, error) {
	turn, err := h.Turn(ctx)
	if err != nil {
		return "", err
	}
	defer turn.End()

	return turn.Hash(plain)
}

// Turn is the right to compute one hash, taken before something that must not happen in vain.
type Turn struct {
	hasher *Hasher
}

// Turn waits for a turn, or answers problem.ErrUnavailable when the server is full. End it.
func (h *Hasher) Turn(ctx context.Context) (Turn, error) {
	if err := h.permit(ctx); err != nil {
		return Turn{}, err
	}

	return Turn{hasher: h}, nil
}

// Hash is Hasher.Hash without the wait.
func (t Turn) Hash(plain string) (string, error) {
	return t.hasher.params.hash(norm.NFC.String(plain))
}

// End lets the next one in.
func (t Turn) End() { <-t.hasher.permits }

// Verify compares a password with a stored hash, in constant time. An empty hash stands for an
// account that does not exist or has no password: it costs the same, and never matches. stale
// says that the hash should be made anew, with today's parameters.
func (h *Hasher) Verify(ctx context.Context, stored, plain string) (match, stale bool, err error) {
	turn, err := h.Turn(ctx)
	if err != nil {
		return false, false, err
	}
	defer turn.End()

	plain = norm.NFC.String(plain)
	if stored == "" {
		_, _, err := h.params.verify(h.decoy, plain)

		return false, false, err
	}

	return h.params.verify(stored, plain)
}

func (h *Hasher) permit(ctx context.Context) error {
	select {
	case h.permits <- struct{}{}:
		return nil
	default:
	}

	wait := time.NewTimer(permitWait)
	defer wait.Stop()

	select {
	case h.permits <- struct{}{}:
		return nil
	case <-wait.C:
		return problem.ErrUnavailable.After(permitWait).Because(errFull)
	case <-ctx.Done():
		// The client has hung up; nobody reads this answer.
		return problem.ErrUnavailable.After(permitWait).Because(ctx.Err())
	}
}
