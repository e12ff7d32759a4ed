package webhook

import (
	"testing"
	"time"
)

func TestPausesGrow(t *testing.T) {
	t.Parallel()

	const id, other = "one", "other"

	p, now := newPauses(), time.Unix(1_000_000, 0)

	for _, want := range []time.Duration{5, 10, 20, 40, 80, 120, 120} {
		if left := p.left(id, now); left != 0 {
			t.Fatalf("%s are left before the next", left)
		}

		p.unanswered(id, now)
		p.unanswered(id, now.Add(time.Second)) // was already running

		if left := p.left(id, now); left != want*time.Second || p.left(other, now) != 0 {
			t.Errorf("left %s, want %ds; of the other %s", left, want, p.left(other, now))
		}

		now = now.Add(want * time.Second)
	}

	p.unanswered(id, now)
	p.answered(id)

	if left := p.left(id, now); left != 0 {
		t.Errorf("%s are left after an answer", left)
	}

	p.unanswered(id, now)

	if left := p.left(id, now); left != firstPause {
		t.Errorf("after an answer it begins with %s", left)
	}
}
