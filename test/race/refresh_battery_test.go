//go:build battery

package race_test

import "testing"

// T-04 at its full length: a thousand rounds each.
func TestRaceBattery(t *testing.T) {
	t.Parallel()

	t.Run("OneOfManyRegistersWithOneCode", func(t *testing.T) {
		t.Parallel()
		raceForCode(t, 1000)
	})

	t.Run("ManyRefreshersOpenOneGeneration", func(t *testing.T) {
		t.Parallel()
		raceForRefresh(t, 1000)
	})

	t.Run("NothingOutlivesTheDisablingItRacedWith", func(t *testing.T) {
		t.Parallel()
		raceWithDisabling(t, 200)
	})

	t.Run("OneOfManyRenewsWithOneCode", func(t *testing.T) {
		t.Parallel()
		raceForRefreshCode(t, 1000)
	})

	t.Run("GuardedStatementsHaveOneWinner", func(t *testing.T) {
		t.Parallel()
		raceStatements(t, 1000)
	})
}
