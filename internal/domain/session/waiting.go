package session

import "sync"

// waitingOfSession is how many refreshes of one session wait for the database at once. Two refreshers, each of which lost an
// answer, are four.
const waitingOfSession = 4

// waitingRoom bounds the refreshes that wait for the database.
type waitingRoom struct {
	most int

	mu    sync.Mutex
	count int
	of    map[string]int // by session
}

func newWaitingRoom(most int) *waitingRoom { return &waitingRoom{most: most, of: map[string]int{}} }

// enter lets a refresh of a session wait, and reports whether there is room. The caller leaves once.
func (w *waitingRoom) enter(session string) (leave func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()

	if w.count >= w.most || w.of[session] >= waitingOfSession {
		return nil, false
	}

	w.count++
	w.of[session]++

	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()

		w.count--

		if w.of[session]--; w.of[session] == 0 {
			delete(w.of, session)
		}
	}, true
}

// Waiting returns how many refreshes wait for the database.
func (s *Sessions) Waiting() int {
	s.waiting.mu.Lock()
	defer s.waiting.mu.Unlock()

	return s.waiting.count
}
