//go:build battery

package race_test

import (
	"testing"
	"time"
)

// T-37 with two hundred clients over a week.
func TestRealClientsStaySignedInBattery(t *testing.T) {
	t.Parallel()
	replayClients(t, 200, 7*24*time.Hour)
}
