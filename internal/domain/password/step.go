package password

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// MaxStep is the longest time of which refusals are sent at multiples. On a machine on which the slowest hash takes longer, a
// refusal of such a hash takes two.
const MaxStep = 400 * time.Millisecond

// Measure computes a part of a hash of each scheme and returns the time at whose multiples refusals are sent from now on:
// that of the slowest scheme at its limit, and half as much again, so that a busy machine needs no second multiple, but at
// most MaxStep. Otherwise the time of a wrong password would reveal which accounts an import brought. Call it before the
// first request.
//
// The time of each scheme is proportional to its cost, so a part is enough, and the start is short. Where other programs have
// the processor meanwhile, the time is too long, but never beyond MaxStep.
//
// A cost below Standard is that of a test, whose refusals take a multiple of its own time.
func (h *Hasher) Measure() time.Duration {
	schemes := []scheme{{h.cost.spend, 1}}
	if h.cost.Memory >= Standard.Memory && h.cost.Passes >= Standard.Passes {
		schemes = append(schemes,
			scheme{Cost{Memory: maxFilled / 4, Passes: 1, Threads: 4}.spend, 4}, scheme{spendBcrypt, 8}, scheme{spendScrypt, 4},
			scheme{spend256, 8}, scheme{spend512, 8})
	}

	slowest := time.Duration(0)

	for _, one := range schemes {
		start := h.now()

		one.spend()

		slowest = max(slowest, h.now().Sub(start)*one.parts)
	}

	if len(schemes) > 1 {
		debug.FreeOSMemory()
	}

	h.SetStep(min(slowest*3/2, MaxStep))

	return h.step
}

// scheme spends one of the parts of the costliest hash that is admitted.
type scheme struct {
	spend func()
	parts time.Duration
}

// SetStep sets the time at whose multiples refusals are sent, in place of Measure; 0 sends them at once. Only tests know
// it better than Measure does.
func (h *Hasher) SetStep(step time.Duration) { h.step = step }

func (c Cost) spend() {
	argon2.IDKey(nil, make([]byte, saltSize), c.Passes, c.Memory, c.Threads, hashSize)
}

func spendBcrypt() {
	stored := append(fmt.Appendf(nil, "$2b$%02d$", maxBcrypt-3), bytes.Repeat([]byte("a"), 53)...)
	if err := bcrypt.CompareHashAndPassword(stored, nil); !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		panic(err) // only for a form that bcrypt does not know
	}
}

func spendScrypt() {
	spendForeign(newScrypt(maxBlocks/8/4, 8, 1, make([]byte, saltSize), make([]byte, hashSize)))
}

func spend256() {
	spendForeign(newPBKDF2("sha256", maxIterations256/8, make([]byte, saltSize), make([]byte, sha256.Size)))
}

func spend512() {
	spendForeign(newPBKDF2("sha512", maxIterations512/8, make([]byte, saltSize), make([]byte, sha512.Size)))
}

func spendForeign(d derivation, err error) {
	if err == nil {
		_, err = d.derive("", d.salt, len(d.key))
	}

	if err != nil {
		panic(err) // only for a cost beyond the limit
	}
}

// Refuse returns the refusal of a password, held back until the next multiple of the measured time after the slot was
// acquired. The time in the queue for the processor is not counted: it does not depend on the account, and would only
// move a slow scheme, and not a fast one, past a multiple.
//
// Where two forms of the password were compared, the multiple is one of twice that time; and while the machine is so busy that
// the slowest hash needs more, of as much more. Both are the same for every account.
//
// The response is held back where it is written, when the caller has released the slot and everything else.
func (t *Slot) Refuse(err error) error {
	told, ok := errors.AsType[*problem.Problem](err)
	if !ok || t.hasher.step <= 0 {
		return err
	}

	taken := t.hasher.now().Sub(t.since) - t.queued
	step := t.hasher.step * time.Duration(max(1, t.compared)*t.multiples)

	return told.WithHold(step - taken%step)
}
