//go:build battery

package app_test

import (
	"math"
	"math/rand/v2"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/apptest"
	"github.com/konec/toolkit-gateway/internal/config"
)

// pairs of measurements: the standard error of the statistic is then about 0.0065.
const pairs = 4000

// T-22, R-B2, F-16: how long a sign-in takes does not tell whether the address has an account. The
// statistic is the chance that one of the class takes longer than an unknown one (Mann and
// Whitney): 0.5 where nothing can be told, 1 or 0 where everything can. An interval that is too wide
// to tell is a failure.
func TestSignInTakesAsLongForEverybody(t *testing.T) {
	crowd := newCrowd(t, func(c *config.Config) { c.HashConcurrency = 2 })

	measure := func(email, password string) time.Duration {
		body := url.Values{"email": {email}, "password": {password}}.Encode()
		start := time.Now()
		crowd.answer(t, "/api/auth/login", body)

		return time.Since(start)
	}

	for _, class := range []string{"registered", "disabled", "passwordless"} {
		auc, margin := compare(
			func() time.Duration { return measure(addressOfClass(class), "wrong") },
			func() time.Duration { return measure(addressOfClass("unknown"), "wrong") }, pairs)
		t.Logf("%s: %.4f ± %.4f", class, auc, margin)

		if auc-margin < 0.47 || auc+margin > 0.53 {
			t.Errorf("%s: the interval %.4f ± %.4f is not within 0.47 and 0.53", class, auc, margin)
		}
	}

	// The control: an answer without a hash is told apart at once, so the measurement can see.
	auc, _ := compare(
		func() time.Duration { return measure(addressOfClass("unknown"), "wrong") },
		func() time.Duration { return measure("no address", apptest.Password) }, 200)
	if auc < 0.99 {
		t.Errorf("the control is told apart with %.4f only: the measurement is blind", auc)
	}
}

// compare takes pairs of measurements in random order, and answers the chance that the first takes
// longer, with half of its 95 % interval.
func compare(first, second func() time.Duration, pairs int) (auc, margin float64) {
	var a, b []time.Duration

	for range pairs {
		if rand.IntN(2) == 0 {
			a, b = append(a, first()), append(b, second())
		} else {
			b, a = append(b, second()), append(a, first())
		}
	}

	slices.Sort(b)

	wins := 0.0

	for _, one := range a {
		below, _ := slices.BinarySearch(b, one)
		upTo, _ := slices.BinarySearch(b, one+1)
		wins += float64(below) + float64(upTo-below)/2
	}

	n := float64(pairs)

	return wins / (n * n), 1.96 * math.Sqrt((2*n+1)/(12*n*n))
}
