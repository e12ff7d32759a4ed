//go:build battery

package resilience_test

import "testing"

// REL-D8: at that number the code waited for minutes, and expired.
func TestCodeOvertakesAHundredThousandNotices(t *testing.T) {
	t.Parallel()
	expectCodeOvertakes(t, 100_000)
}
