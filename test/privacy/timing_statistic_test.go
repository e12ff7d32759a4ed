package privacy_test

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// comparison is how well two series of durations can be distinguished.
type comparison struct {
	median         time.Duration // of both series together
	difference     time.Duration // of the medians: how much longer the first series takes
	low, high      time.Duration // the 95 % interval of the difference
	auc            float64       // the probability that a value of the first series is longer than one of the second
	aucLow, aucTop float64       // the 95 % interval of auc
}

func (c comparison) String() string {
	µs := func(d time.Duration) string { return fmt.Sprintf("%+.0f", float64(d)/float64(time.Microsecond)) }

	return fmt.Sprintf("%-32s %.4f in [%.4f, %.4f]",
		fmt.Sprintf("%s µs in [%s, %s]", µs(c.difference), µs(c.low), µs(c.high)), c.auc, c.aucLow, c.aucTop)
}

// The probabilities that security.md calls indistinguishable.
const aucLeast, aucMost = 0.47, 0.53

// within reports whether the series cannot be distinguished: both intervals lie within the bounds.
func (c comparison) within(bound time.Duration) bool {
	return c.aucLow >= aucLeast && c.aucTop <= aucMost && c.low >= -bound && c.high <= bound
}

// beyond reports whether the series can be distinguished: one of the intervals lies outside the bounds.
func (c comparison) beyond(bound time.Duration) bool {
	return c.aucLow > aucMost || c.aucTop < aucLeast || c.low > bound || c.high < -bound
}

// compare computes the Mann-Whitney statistic, and the interval of the difference of the medians by resampling both
// series (bootstrap).
func compare(first, second []time.Duration) comparison {
	a, b := slices.Sorted(slices.Values(first)), slices.Sorted(slices.Values(second))
	both := slices.Sorted(slices.Values(slices.Concat(a, b)))
	n, m := float64(len(a)), float64(len(b))

	wins := 0.0

	for _, one := range a {
		below, _ := slices.BinarySearch(b, one)
		upTo, _ := slices.BinarySearch(b, one+1)
		wins += float64(below) + float64(upTo-below)/2
	}

	auc, margin := wins/(n*m), 1.96*math.Sqrt((n+m+1)/(12*n*m))

	differences := make([]time.Duration, 1000)
	for i := range differences {
		differences[i] = drawnMedian(a) - drawnMedian(b)
	}

	slices.Sort(differences)

	return comparison{
		median: both[len(both)/2], difference: a[len(a)/2] - b[len(b)/2],
		low: differences[len(differences)*25/1000], high: differences[len(differences)*975/1000],
		auc: auc, aucLow: auc - margin, aucTop: auc + margin,
	}
}

// drawnMedian returns the median of a resample of the sorted series, of the same length. It draws only the median: the
// middle one of n uniform numbers, bit by bit from the highest. Of the numbers whose bits are equal so far, about half
// have a zero next, which random bits count; the middle one is among those or among the others.
func drawnMedian(sorted []time.Duration) time.Duration {
	const precision = 40 // bits, far more than a series has elements

	rank, equal, number := len(sorted)/2, len(sorted), uint64(0)

	for range precision {
		zeros := 0
		for left := equal; left > 0; left -= 64 {
			zeros += bits.OnesCount64(rand.Uint64() >> max(0, 64-left))
		}

		number <<= 1
		if rank < zeros {
			equal = zeros
		} else {
			number |= 1
			rank, equal = rank-zeros, equal-zeros
		}
	}

	return sorted[number*uint64(len(sorted))>>precision]
}

// T-22: the battery's statistic finds what differs, and nothing else.
func TestStatisticFindsDifferences(t *testing.T) {
	t.Parallel()

	const bound = 200 * time.Microsecond

	random := rand.New(rand.NewPCG(1, 2))
	series := func(later time.Duration) []time.Duration {
		list := make([]time.Duration, 20_000)
		for i := range list {
			list[i] = 2*time.Millisecond + later + time.Duration(random.ExpFloat64()*float64(300*time.Microsecond))
		}

		return list
	}

	control := series(0)

	for _, c := range []struct {
		later          time.Duration
		within, beyond bool
	}{
		{0, true, false},
		{5 * time.Microsecond, true, false},
		{100 * time.Microsecond, false, true},
		{-100 * time.Microsecond, false, true},
		{time.Millisecond, false, true},
	} {
		got := compare(series(c.later), control)
		if got.within(bound) != c.within || got.beyond(bound) != c.beyond {
			t.Errorf("%s later: %s", c.later, got)
		}

		if (got.difference-c.later).Abs() > 20*time.Microsecond || got.low > c.later+10*time.Microsecond || got.high < c.later-10*time.Microsecond {
			t.Errorf("%s later: %s", c.later, got)
		}
	}

	// A few values give no verdict, either way.
	if got := compare(control[:50], series(0)[:50]); got.within(bound) || got.beyond(bound) {
		t.Errorf("of fifty: %s", got)
	}
}
