package audit

import (
	"fmt"
	"time"
)

// faultsKept is how many faults a verdict lists.
const faultsKept = 20

// Verdict is what Verify found.
type Verdict struct {
	Sealed  int64 // links in the chain
	Head    Head  // its end; the zero value if nothing is sealed
	Oldest  time.Time
	Newest  time.Time
	Waiting int64 // events that wait to be sealed

	Faults     []string // the first of them, one line each
	FaultCount int64    // all of them
	Notes      []string // not faults, but worth checking
}

func (v *Verdict) fault(format string, args ...any) {
	if v.FaultCount++; v.FaultCount <= faultsKept {
		v.Faults = append(v.Faults, fmt.Sprintf(format, args...))
	}
}

func (v *Verdict) note(format string, args ...any) {
	v.Notes = append(v.Notes, fmt.Sprintf(format, args...))
}

// happened includes an event's time in the range.
func (v *Verdict) happened(at time.Time) {
	if v.Oldest.IsZero() || at.Before(v.Oldest) {
		v.Oldest = at
	}

	if at.After(v.Newest) {
		v.Newest = at
	}
}
