package timeline

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
)

// Two logs are one list, newest first, and a page ends where the next one begins.
func TestMerge(t *testing.T) {
	t.Parallel()

	base := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	at := func(minute int) time.Time { return base.Add(time.Duration(minute) * time.Minute) }

	var (
		events   []audit.Entry
		messages []delivery.LogEntry
	)

	for _, minute := range []int{9, 7, 4, 4, 1} {
		events = append(events, audit.Entry{ID: int64(minute), At: at(minute)})
	}

	for _, minute := range []int{8, 4, 2} {
		messages = append(messages, delivery.LogEntry{ID: fmt.Sprint("m", minute), CreatedAt: at(minute)})
	}

	read := func(page Timeline) (list []string) {
		for _, item := range page.Entries {
			if item.Event != nil {
				list = append(list, fmt.Sprint("e", item.Event.ID))
			} else {
				list = append(list, item.Delivery.ID)
			}
		}

		return list
	}

	all := merge(events, messages, Position{}, 10)
	if got := read(all); !slices.Equal(got, []string{"e9", "m8", "e7", "e4", "e4", "m4", "m2", "e1"}) || all.Next != nil {
		t.Errorf("all: %q, next %v", got, all.Next)
	}

	first := merge(events, messages, Position{}, 3)
	if got := read(first); !slices.Equal(got, []string{"e9", "m8", "e7"}) {
		t.Errorf("the first page: %q", got)
	}

	if next := first.Next; next == nil || next.Event.ID != 7 || next.Delivery.ID != "m8" {
		t.Errorf("the first page ends at %+v", next)
	}

	if exact := merge(events, messages, Position{}, 8); exact.Next != nil {
		t.Errorf("a page that holds everything has a next one: %+v", exact.Next)
	}
}
