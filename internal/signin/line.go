package signin

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/konec/toolkit-gateway/internal/problem"
)

// lineWait is how long an attempt waits for those before it.
const lineWait = 2 * time.Second

var errLine = errors.New("signin: too many attempts of one person at once")

// line lets the attempts of one person go one after the other. Each counts as a failure until it has
// succeeded: several right ones at once would be taken for so many wrong ones, and told to wait. It holds
// within this process only, and decides nothing: a few replicas have a few attempts at once, fewer than
// are free.
type line struct {
	mu     sync.Mutex
	places map[string]*place
}

// place is where the attempts of one person wait.
type place struct {
	taken chan struct{} // holds one
	users int           // in it or waiting, guarded by line.mu
}

// enter waits until nobody before it is there, or answers problem.ErrUnavailable. Leave at the end.
func (l *line) enter(ctx context.Context, person string) (leave func(), err error) {
	p := l.join(person)

	patience := time.NewTimer(lineWait)
	defer patience.Stop()

	select {
	case p.taken <- struct{}{}:
		return func() {
			<-p.taken
			l.part(person, p)
		}, nil
	case <-patience.C:
		err = problem.ErrUnavailable.After(lineWait).Because(errLine)
	case <-ctx.Done():
		err = problem.ErrUnavailable.After(lineWait).Because(ctx.Err())
	}

	l.part(person, p)

	return nil, err
}

func (l *line) join(person string) *place {
	l.mu.Lock()
	defer l.mu.Unlock()

	p := l.places[person]
	if p == nil {
		p = &place{taken: make(chan struct{}, 1)}
		l.places[person] = p
	}

	p.users++

	return p
}

// part forgets a place that nobody uses.
func (l *line) part(person string, p *place) {
	l.mu.Lock()
	defer l.mu.Unlock()

	if p.users--; p.users == 0 {
		delete(l.places, person)
	}
}
