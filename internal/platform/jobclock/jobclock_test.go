package jobclock_test

import (
	"testing"

	"github.com/konec/toolkit-gateway/internal/platform/jobclock"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// REL-D13: a new job is due already by a clock that is a little behind ours, and workers leave the time of a query to the
// database. What follows from it for mails is tested in test/resilience.
func TestClocks(t *testing.T) {
	t.Parallel()

	database, err := postgres.Open(t.Context(), postgres.Options{URL: "postgres://127.0.0.1:1/none", MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(database.Close)

	now := database.Now()

	if got := jobclock.ForInserts(database).Time.NowOrNil(); got == nil || !got.Before(now) {
		t.Errorf("a new job is dated %v at %v", got, now)
	}

	if got := jobclock.ForWorkers(database).Time.NowOrNil(); got != nil {
		t.Errorf("workers compare with %v", got)
	}
}
