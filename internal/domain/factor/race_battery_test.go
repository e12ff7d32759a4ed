//go:build battery

package factor_test

import "testing"

// T-04 at full length: a thousand rounds each.
func TestRaceBattery(t *testing.T) {
	t.Parallel()

	for name, race := range map[string]func(*testing.T, int){
		"OneCodeOpensOneSession":         raceForStep,
		"OneRecoveryCodeOpensOneSession": raceForRecoveryCode,
		"OneSecretIsBoundOnce":           raceForBinding,
		"TwoSetsOfRecoveryCodesLeaveOne": raceForNewRecoveryCodes,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			race(t, 1000)
		})
	}
}
