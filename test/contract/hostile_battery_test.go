//go:build battery

package contract_test

import "testing"

// T-01, the long run.
func TestHostileClientBattery(t *testing.T) {
	t.Parallel()

	sendRandomRequests(t, 50_000)
}
