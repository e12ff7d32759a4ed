// Package line lets those who ask in one name wait for one another, a few at a time, while others pass.
// It holds within this process only, keeps nothing of a name that nobody asks in, and decides nothing.
package line

import (
	"context"
	"sync"
)

// Lines are any number of lines, each with a name. The zero value is of no use; see New.
type Lines struct {
	most int

	mu    sync.Mutex
	lines map[string]*line
}

// line is where those of one name wait.
type line struct {
	taken chan struct{}
	users int // at its head or waiting, guarded by Lines.mu
}

// New makes Lines, of each of which most may be at the head at once.
func New(most int) *Lines { return &Lines{most: most, lines: map[string]*line{}} }

// Enter waits until the caller is at the head of the line, first come first served, or answers why ctx
// ended before. Leave at the end.
func (l *Lines) Enter(ctx context.Context, name string) (leave func(), err error) {
	joined := l.join(name)

	select {
	case joined.taken <- struct{}{}:
		return func() {
			<-joined.taken
			l.part(name, joined)
		}, nil
	case <-ctx.Done():
		l.part(name, joined)

		return nil, context.Cause(ctx) //nolint:wrapcheck // the caller's own
	}
}

func (l *Lines) join(name string) *line {
	l.mu.Lock()
	defer l.mu.Unlock()

	joined := l.lines[name]
	if joined == nil {
		joined = &line{taken: make(chan struct{}, l.most)}
		l.lines[name] = joined
	}

	joined.users++

	return joined
}

// part forgets a line that nobody uses.
func (l *Lines) part(name string, left *line) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if left.users--; left.users == 0 {
		delete(l.lines, name)
	}
}
