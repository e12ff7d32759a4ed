// Package jobclock makes River go by the clock of the database. River compares some times of jobs in the database and
// others in the server, and it dates new jobs by the server: two clocks that differ by an hour would keep a mail back for
// that hour. River has no setting for its clock but the one for tests.
package jobclock

import (
	"time"

	"github.com/riverqueue/river"

	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// early is how much earlier than now a new job is dated: more than the error of the measured clock. A job from the next
// moment would be found at the next poll, not at once.
const early = 250 * time.Millisecond

// ForWorkers returns the clock of a client that works on jobs. Its statements use now().
func ForWorkers(database *postgres.DB) river.TestConfig {
	return river.TestConfig{Time: working{database}}
}

// ForInserts returns the clock of a client that only inserts jobs.
func ForInserts(database *postgres.DB) river.TestConfig {
	return river.TestConfig{Time: inserting{working{database}}}
}

type working struct{ db *postgres.DB }

// Now returns the time of the database's clock.
func (w working) Now() time.Time { return w.db.Now() }

// NowOrNil returns nil: River's statements then use now().
func (working) NowOrNil() *time.Time { return nil }

type inserting struct{ working }

// NowOrNil returns the time that a new job gets.
func (i inserting) NowOrNil() *time.Time {
	now := i.db.Now().Add(-early)

	return &now
}
