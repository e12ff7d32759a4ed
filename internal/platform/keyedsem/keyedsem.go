// Package keyedsem limits how many callers with the same key run at once, while other keys do not wait. It works within
// this process only, and keeps nothing of a key that is not in use. It makes no decisions.
package keyedsem

import (
	"context"
	"sync"
)

// Semaphore is a semaphore for each key. The zero value is not usable; see New.
type Semaphore struct {
	limit int

	mu    sync.Mutex
	slots map[string]*slot
}

// slot is the semaphore of one key.
type slot struct {
	slots chan struct{}
	users int // running or waiting, guarded by the Semaphore's mu
}

// New returns a Semaphore with the given number of slots for each key.
func New(most int) *Semaphore { return &Semaphore{limit: most, slots: map[string]*slot{}} }

// Acquire waits for a slot of the key, in order of arrival, or returns why ctx ended before. Call the returned function
// at the end.
func (l *Semaphore) Acquire(ctx context.Context, name string) (leave func(), err error) {
	joined := l.use(name)

	select {
	case joined.slots <- struct{}{}:
		return func() {
			<-joined.slots
			l.release(name, joined)
		}, nil
	case <-ctx.Done():
		l.release(name, joined)

		return nil, context.Cause(ctx) //nolint:wrapcheck // the caller's own
	}
}

func (l *Semaphore) use(name string) *slot {
	l.mu.Lock()
	defer l.mu.Unlock()

	joined := l.slots[name]
	if joined == nil {
		joined = &slot{slots: make(chan struct{}, l.limit)}
		l.slots[name] = joined
	}

	joined.users++

	return joined
}

// release forgets a key that is no longer in use.
func (l *Semaphore) release(name string, left *slot) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if left.users--; left.users == 0 {
		delete(l.slots, name)
	}
}
