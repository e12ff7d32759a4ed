package privacy_test

import (
	"runtime/metrics"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// hashMemory is the memory of one password hash. Nothing else here uses nearly as much.
const hashMemory = 19 << 20

// hashes returns how many passwords the whole process hashes during run.
func hashes(run func()) uint64 {
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}

	metrics.Read(allocated)
	before := allocated[0].Value.Uint64()

	run()
	metrics.Read(allocated)

	return (allocated[0].Value.Uint64() - before) / hashMemory
}

// R-B2, F-16, T-22: every class of address costs the same number of hashes: one if a password is compared, and
// otherwise none. An attacker would measure that with a clock. Not parallel, because the hashes of other tests would be
// counted.
func TestEveryClassCostsAsManyHashes(t *testing.T) {
	population := world.NewPopulation(t, apptest.StandardHashes)

	for _, probe := range append(world.PublicProbes, world.ToolkitProbes...) {
		want := uint64(0)
		if probe.Password {
			want = 1
		}

		for _, class := range world.Classes {
			if probe.Password && probe.ControlClass(class) == world.ClassGuessed || class == world.ClassGuessed {
				continue // both are delayed, without a hash
			}

			var got world.Observation

			if n := hashes(func() { got = population.Run(t, probe, class) }); n != want {
				t.Errorf("%s for %s: %d hashes, want %d; the response is %s", probe.Name, class, n, want, got)
			}
		}
	}
}
