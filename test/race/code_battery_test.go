//go:build battery

package race_test

import "testing"

// T-04 at its full length: a thousand rounds for every kind of code, fewer where half of the contenders hash a
// password. The kinds run one after the other, because together they would wait for each other.
func TestRaceForEveryKindOfCodeBattery(t *testing.T) {
	t.Parallel()

	for name, prepare := range races {
		t.Run(name, func(t *testing.T) {
			rounds := 1000
			if name == "CodeOnBothSurfaces" {
				rounds = 300
			}

			newRaceGateway(t, withoutOtherLimits).raceFor(t, name, prepare, rounds)
		})
	}
}

func TestNothingOutlivesTheEndItRacedWithBattery(t *testing.T) {
	t.Parallel()

	t.Run("RefreshAndLogout", func(t *testing.T) { raceRefreshWithLogout(t, 1000) })
	t.Run("RenewalAndLogout", func(t *testing.T) { raceRenewalWithLogout(t, 1000) })
	t.Run("ResetAndSignIn", func(t *testing.T) { raceResetWithSignIn(t, 300) })
	t.Run("LinkAndCode", func(t *testing.T) { raceForEmailLink(t, 300) })
}
