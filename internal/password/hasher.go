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
	h := &Hasher{permits: make(chan struct{}, concurrency), params: standard}

	decoy, err := h.Hash(context.Background(), "the password of nobody")
	if err != nil {
		return nil, fmt.Errorf("decoy: %w", err)
	}

	h.decoy = decoy

	return h, nil
}

// Hash returns the PHC string of a new password in its NFC form (RFC 8265, section 4.2), so that two
// keyboards that compose characters differently mean the same password, or problem.ErrUnavailable when the server is full.
func (h *Hasher) Hash(ctx context.Context, plain string) (string, error) {
	release, err := h.permit(ctx)
	if err != nil {
		return "", err
	}
	defer release()

	return h.params.hash(norm.NFC.String(plain))
}

// Verify compares a password with a stored hash, in constant time. An empty hash stands for an
// account that does not exist or has no password: it costs the same, and never matches. stale
// says that the hash should be made anew, with today's parameters.
func (h *Hasher) Verify(ctx context.Context, stored, plain string) (match, stale bool, err error) {
	release, err := h.permit(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()

	plain = norm.NFC.String(plain)
	if stored == "" {
		_, _, err := h.params.verify(h.decoy, plain)

		return false, false, err
	}

	return h.params.verify(stored, plain)
}

func (h *Hasher) permit(ctx context.Context) (release func(), err error) {
	release = func() { <-h.permits }

	select {
	case h.permits <- struct{}{}:
		return release, nil
	default:
	}

	wait := time.NewTimer(permitWait)
	defer wait.Stop()

	select {
	case h.permits <- struct{}{}:
		return release, nil
	case <-wait.C:
		return nil, problem.ErrUnavailable.After(permitWait).Because(errFull)
	case <-ctx.Done():
		// The client has hung up; nobody reads this answer.
		return nil, problem.ErrUnavailable.After(permitWait).Because(ctx.Err())
	}
}
