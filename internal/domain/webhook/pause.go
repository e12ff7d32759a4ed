package webhook

import (
	"sync"
	"time"
)

// The first pause, and the longest.
const (
	firstPause   = 5 * time.Second
	longestPause = 2 * time.Minute
)

// pauses leave receivers alone that give no answer, each time for twice as long: to wait for one takes a worker for the whole of
// a call's time, and the others would starve beside it. What an event was to cost in attempts does not change. They are
// this server's own: another one finds out by itself.
type pauses struct {
	mu sync.Mutex
	of map[string]pause // by the webhook's id
}

type pause struct {
	length time.Duration
	until  time.Time
}

func newPauses() *pauses { return &pauses{of: map[string]pause{}} }

// left is how long a webhook is left alone still.
func (p *pauses) left(id string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()

	return max(0, p.of[id].until.Sub(now))
}

// unanswered begins the next pause. Calls that were under way when the last one began are no reason.
func (p *pauses) unanswered(id string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()

	last := p.of[id]
	if now.Before(last.until) {
		return
	}

	length := min(max(2*last.length, firstPause), longestPause)
	p.of[id] = pause{length: length, until: now.Add(length)}
}

// answered ends it, whatever the answer was.
func (p *pauses) answered(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()

	delete(p.of, id)
}
