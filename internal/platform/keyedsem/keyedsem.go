// Package keyedsem lets those who ask in one name wait for one another, a few at a time, while others pass.
// It holds within this process only, keeps nothing of a name that nobody asks in, and decides nothing.
package keyedsem

import (
	"context"
	"sync"
)

// Semaphore are any number of lines, each with a name. The zero value is of no use; see New.
type Semaphore struct {
	limit int

	mu    sync.Mutex
	slots map[string]*slot
}

// slot is where those of one name wait.
type slot struct {
	held  chan struct{}
	users int // at its head or waiting, guarded by Lines.mu
}

// New makes Lines, of each of which most may be at the head at once.
func New(most int) *Semaphore { return &Semaphore{limit: most, slots: map[string]*slot{}} }

// Acquire waits until the caller is at the head of the line, first come first served, or answers why ctx
// ended before. Leave at the end.
func (l *Semaphore) Acquire(ctx context.Context, name string) (leave func(), err error) {
	joined := l.use(name)

	select {
	case joined.held <- struct{}{}:
		return func() {
			<-joined.held
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
		joined = &slot{held: make(chan struct{}, l.limit)}
		l.slots[name] = joined
	}

	joined.users++

	return joined
}

// release forgets a line that nobody uses.
func (l *Semaphore) release(name string, left *slot) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if left.users--; left.users == 0 {
		delete(l.slots, name)
	}
}
