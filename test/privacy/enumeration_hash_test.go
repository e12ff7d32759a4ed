package privacy_test

import (
	"runtime/metrics"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// hashMemory is what one hash of a password takes, and what nothing else here comes near.
const hashMemory = 19 << 20

// hashes are how many passwords the whole process hashes while run runs.
func hashes(run func()) uint64 {
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}

	metrics.Read(allocated)
	before := allocated[0].Value.Uint64()

	run()
	metrics.Read(allocated)

	return (allocated[0].Value.Uint64() - before) / hashMemory
}

// R-B2, F-16, T-22: what a clock would see of the hash, without a clock: as many are computed for every
// class, one where a password is compared, and none where it was not.
//
// Not parallel: the hashes of other tests would be counted.
func TestEveryClassCostsAsManyHashes(t *testing.T) {
	population := world.NewPopulation(t, apptest.StandardHashes)

	for _, probe := range append(world.PublicProbes, world.ToolkitProbes...) {
		want := uint64(0)
		if probe.Password {
			want = 1
		}

		for _, class := range world.Classes {
			if probe.Password && probe.ControlClass(class) == world.ClassGuessed || class == world.ClassGuessed {
				continue // told to wait, without a hash; so are both
			}

			var got world.Observation

			if n := hashes(func() { got = population.Run(t, probe, class) }); n != want {
				t.Errorf("%s for %s: %d hashes, want %d; answered %s", probe.Name, class, n, want, got)
			}
		}
	}
}
