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

// pauses keep calls away from receivers that do not respond, each time for twice as long: waiting for one occupies a
// worker for the whole time limit of a call, and the other webhooks would starve. The number of attempts for an event
// does not change. The pauses are local to this server; each server finds out by itself.
type pauses struct {
	mu sync.Mutex
	of map[string]pause // by the webhook's id
}

type pause struct {
	length time.Duration
	until  time.Time
}

func newPauses() *pauses { return &pauses{of: map[string]pause{}} }

// left returns how much of a webhook's pause is left.
func (p *pauses) left(id string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()

	return max(0, p.of[id].until.Sub(now))
}

// unanswered begins the next pause. Calls that were already running when the last pause began do not count.
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

// answered ends the pause, whatever the response is.
func (p *pauses) answered(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()

	delete(p.of, id)
}
