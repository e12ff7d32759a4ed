//go:build battery && !race

package privacy_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

var (
	pairsWanted = flag.Int("pairs", 0, "measurements of each class; 0 for as many as the verdict needs")
	underLoad   = flag.Bool("load", false, "keep half of the CPU busy beside them")
)

// The numbers of measurements that make the intervals narrow enough for a verdict.
const (
	hashingPairs = 4000
	otherPairs   = 20_000
	schemePairs  = 1500 // each about 0.4 s long
)

// schemeCallers is how many callers measure the schemes at once. Most of a refusal is waiting, so they leave the CPUs idle
// for the most part, and the measurement takes a third of the time.
const schemeCallers = 3

// callersShare is about how much of the CPUs the hashes of these callers take by themselves.
const callersShare = 0.3

// TestTiming is T-22, R-B2, R-B5, F-16: the duration of a response does not reveal the class of an address. Each
// operation can run by itself (-run TestTiming/forget_reset) and prints a line for each class. An interval that is too
// wide for a verdict is a failure, unless fewer pairs were requested: then only a certain difference is one. The race
// detector would hide every difference, so it is not used.
func TestTiming(t *testing.T) {
	table := []string{fmt.Sprintf("%-38s %-13s %6s %9s  %-31s %s", "operation", "class", "n", "median", "difference of medians", "AUC")}

	t.Cleanup(func() { t.Log("\n" + strings.Join(table, "\n")) })

	if *underLoad {
		loadCPUs(t, 0.5)
	}

	compared := map[string][]string{
		"toolkit login":       {world.ClassVerified, world.ClassDisabled, world.ClassPasswordless},
		"toolkit register":    {world.ClassVerified, world.ClassPending},
		"toolkit login-totp":  {world.ClassVerified, world.ClassWithoutTOTP, world.ClassDisabled},
		"toolkit login-sms":   {world.ClassVerified, world.ClassPending, world.ClassDisabled},
		"toolkit login-email": {world.ClassVerified, world.ClassPending, world.ClassDisabled},
		"public login-email":  {world.ClassVerified, world.ClassPending, world.ClassDisabled},
		"public login-totp":   {world.ClassVerified, world.ClassWithoutTOTP, world.ClassDisabled},
		"public login-sms":    {world.ClassVerified, world.ClassPending, world.ClassDisabled},
		"public forget_reset": {world.ClassVerified, world.ClassExpecting},
	}

	for surface, probes := range map[string][]world.Probe{"toolkit": world.ToolkitProbes, "public": world.PublicProbes} {
		for _, probe := range probes {
			name := surface + " " + probe.Name

			t.Run(name, func(t *testing.T) {
				against := compared[name]
				if against == nil {
					against = []string{world.ClassVerified}
				}

				n, bound := otherPairs, 200*time.Microsecond
				if probe.Password {
					n, bound = hashingPairs, time.Millisecond
				}

				short := *pairsWanted != 0 && *pairsWanted < n
				if short {
					n = *pairsWanted
				}

				took := measure(t, probe, append(against, world.ClassUnknown), n)

				for _, class := range against {
					c := compare(took[class], took[world.ClassUnknown])
					table = append(table, fmt.Sprintf("%-38s %-13s %6d %9s  %s", name, class, n, c.median.Round(time.Microsecond), c))

					if !c.within(bound) && (!short || c.beyond(bound)) {
						t.Errorf("%s takes another time than an unknown address: %s", class, c)
					}
				}
			})
		}
	}
}

// TestTimingDetectsAHash is the control: a response without a hash is detected at once.
func TestTimingDetectsAHash(t *testing.T) {
	probe := world.Probe{Call: func(email string) world.Call {
		if email == world.AddressOfClass(world.ClassVerified) {
			email = "no address"
		}

		return world.LoginCall(email, "wrong")
	}}

	took := measure(t, probe, []string{world.ClassVerified, world.ClassUnknown}, 200)
	if c := compare(took[world.ClassVerified], took[world.ClassUnknown]); c.auc > 0.01 {
		t.Errorf("the measurement does not detect it: %s", c)
	}
}

// TestTimingOfSchemes is SEC-S10, R-B2: the duration of a refused password reveals neither whether there is an account nor
// how its password was hashed, idle and at half load. The control sends refusals as soon as they are computed: then the
// slowest scheme is known from a single request.
func TestTimingOfSchemes(t *testing.T) {
	table := []string{fmt.Sprintf("%-10s %-18s %6s %9s  %-31s %s", "machine", "class", "n", "median", "difference of medians", "AUC")}

	t.Cleanup(func() { t.Log("\n" + strings.Join(table, "\n")) })

	probe := world.ToolkitProbes[0]
	classes := append([]string{world.ClassVerified, world.ClassPasswordless, world.ClassDisabled}, schemeClasses...)

	run := func(t *testing.T, load bool, n, callers int, compared []string, change ...func(*apptest.Settings)) map[string]comparison {
		t.Helper()

		name := "idle"
		if load {
			name = "half load"

			loadCPUs(t, 0.5-callersShare)
		}

		population := newSchemes(t, true, append([]func(*apptest.Settings){apptest.StandardHashes, unlimited}, change...)...)
		took := measureOf(t, population, probe, append(compared, world.ClassUnknown), n, callers)
		found := map[string]comparison{}

		for _, class := range compared {
			c := compare(took[class], took[world.ClassUnknown])
			found[class] = c
			row := fmt.Sprintf("%-10s %-18s %6d %9s  %s", name, class, n, c.median.Round(time.Microsecond), c)
			table = append(table, row)

			t.Log(row) // at once: the next measurement takes an hour
		}

		return found
	}

	for _, load := range []bool{false, true} {
		t.Run(fmt.Sprintf("load %t", load), func(t *testing.T) {
			n, short := schemePairs, *pairsWanted != 0 && *pairsWanted < schemePairs
			if short {
				n = *pairsWanted
			}

			// Of the time only the probability counts: under load a few responses need the next multiple. Of 16 comparisons
			// the intervals of some always reach beyond the bounds, so the estimate counts: of 1500 pairs it is 0.01 off
			// at most two times of three, and more than 0.03 once in 200.
			for class, c := range run(t, load, n, schemeCallers, classes) {
				if inside := c.auc >= aucLeast && c.auc <= aucMost; !inside && (!short || c.aucLow > aucMost || c.aucTop < aucLeast) {
					t.Errorf("%s takes another time than an unknown address: %s", class, c)
				}
			}
		})
	}

	t.Run("control", func(t *testing.T) {
		atOnce := func(c *apptest.Settings) { c.RefusalStep = 1 }

		for class, c := range run(t, false, 50, 1, []string{classBcrypt12, classPBKDF2, classCostlier}, atOnce) {
			if c.auc < 0.99 {
				t.Errorf("the measurement does not detect %s: %s", class, c)
			}
		}
	})
}

// unlimited sets limits that no measurement reaches. A second per call is longer than every delay.
func unlimited(c *apptest.Settings) {
	c.FailureDelay, c.FailureDelayMax, c.SendCooldown = time.Second, time.Second, time.Second
	c.SendsPerHour, c.SendsPerDay, c.NetworkSends, c.SMSPerDay = 1e6, 1e6, 1e6, 1e6
}

// The statements before each call. With them no call uses up anything for the next one.
var useNothingUp = []string{
	`UPDATE code SET attempts = 0 WHERE attempts > 0`,
	`UPDATE totp SET failures = 0 WHERE failures > 50`,
	`UPDATE throttle SET count = 0 WHERE count > 500`,
}

// measure calls the probe n times for each class, in random order, over one connection.
func measure(t *testing.T, probe world.Probe, classes []string, n int) map[string][]time.Duration {
	t.Helper()

	return measureOf(t, world.NewPopulation(t, apptest.StandardHashes, unlimited), probe, classes, n, 1)
}

// measureOf is measure with the given population, and with callers that share the calls. No class is called for twice
// at once, or the second call would meet the delay of the first.
func measureOf(t *testing.T, population *world.Population, probe world.Probe, classes []string, n, callers int) map[string][]time.Duration {
	t.Helper()

	population.HoldMessages(t) // the workers would add noise, which hides differences
	population.Exec(t, `UPDATE code SET expires_at = expires_at + interval '10 years'`)

	const warmUp = 20

	order := make([]string, 0, len(classes)*n)
	for range n {
		order = append(order, classes...)
	}

	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })

	var (
		mu    sync.Mutex
		took  = map[string][]time.Duration{}
		calls = make(chan string)
		wg    sync.WaitGroup
		one   = map[string]*sync.Mutex{}
	)

	for _, class := range classes {
		one[class] = new(sync.Mutex)
	}

	for range callers {
		wg.Go(func() {
			left := warmUp
			for class := range calls {
				one[class].Lock()
				population.Clock.Advance(time.Second)

				for _, statement := range useNothingUp {
					if _, err := population.Pool.Exec(t.Context(), statement); err != nil {
						t.Error(err)
					}
				}

				call := probe.Call(probe.Subject(class)).FromBrowser(population.Visitor)
				start := time.Now()
				got := call.To(t, population.Server)
				duration := time.Since(start)

				one[class].Unlock()

				if len(probe.Steps) > 0 && !(world.Observation{Reply: got}).Matches(probe.Steps[0].Want) {
					t.Errorf("a call for %s: %s", class, got)
				}

				if left--; left < 0 {
					mu.Lock()
					took[class] = append(took[class], duration)
					mu.Unlock()
				}
			}
		})
	}

	for _, class := range slices.Concat(order[:min(len(order), callers*warmUp)], order) {
		if t.Failed() {
			break
		}

		calls <- class
	}

	close(calls)
	wg.Wait()

	return took
}

// loadCPUs keeps a share of every CPU busy until the test ends.
func loadCPUs(t *testing.T, share float64) {
	t.Helper()

	const period = 4 * time.Millisecond

	busy := time.Duration(share * float64(period))

	for range runtime.NumCPU() {
		go func() {
			for t.Context().Err() == nil {
				for start := time.Now(); time.Since(start) < busy; {
				}

				time.Sleep(period - busy)
			}
		}()
	}
}
