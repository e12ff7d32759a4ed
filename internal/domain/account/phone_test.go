package account_test

import (
	"errors"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
)

// SEC-S9, "Nits": a number with a zero behind its country code is refused: for many
// carriers it is the same phone as the one without. A zero that belongs to the number is not.
func TestTrunkZeroIsRefused(t *testing.T) {
	t.Parallel()

	for number, good := range map[string]bool{
		"+8613800138000":   true,
		"+86013800138000":  false,
		"+861062345678":    true, // Beijing
		"+8601062345678":   false,
		"+85212345678":     true,
		"+852012345678":    false,
		"+886912345678":    true,
		"+8860912345678":   false,
		"+447700900123":    true,
		"+4407700900123":   false,
		"+4915112345678":   true,
		"+49015112345678":  false,
		"+33612345678":     true,
		"+330612345678":    false,
		"+61412345678":     true,
		"+610412345678":    false,
		"+12025550123":     true,
		"+10025550123":     false,
		"+79161234567":     true,
		"+390612345678":    true, // Rome
		"+3780549882345":   true,
		"+2250712345678":   true,
		"+2290112345678":   true,
		"+242061234567":    true,
		"+3530871234567":   false,
		"+353871234567":    true,
		"+2340803123456":   false,
		"+2348031234567":   true,
		"+97150123456":     true,
		"+9710501234567":   false,
		"+0123456789":      false,
		"8613800138000":    false,
		"+86 13800138000":  false,
		"+861380013800000": true, // the longest
	} {
		got, err := account.ParsePhone(number)
		if (err == nil) != good || good && got != number || !good && !errors.Is(err, account.ErrPhone) {
			t.Errorf("%s: %q, %v", number, got, err)
		}
	}
}
