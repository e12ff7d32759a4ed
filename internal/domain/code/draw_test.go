package code

import (
	"bytes"
	"crypto/rand"
	"errors"
	"math"
	"strconv"
	"testing"
)

// R-C1, F-17, T-03: every code is equally likely, with leading zeros, the first and the last included.
func TestDrawIsUniform(t *testing.T) {
	t.Parallel()

	const (
		draws = 1_000_000
		bins  = 1000
	)

	var counts [bins]int

	for range draws {
		plain, err := draw(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}

		n, err := strconv.Atoi(plain)
		if err != nil || len(plain) != 6 || n < 0 {
			t.Fatalf("drew %q", plain)
		}

		counts[n/(1_000_000/bins)]++
	}

	const expected = float64(draws) / bins

	statistic := 0.0

	for _, count := range counts {
		statistic += math.Pow(float64(count)-expected, 2) / expected
	}

	// Wilson and Hilferty: the cube root of chi-square over its degrees is nearly normal. A value above 4.75 is chance
	// once in a million runs; a modulo, or a range that ends early, is far above.
	const degrees = bins - 1

	z := (math.Cbrt(statistic/degrees) - (1 - 2.0/(9*degrees))) / math.Sqrt(2.0/(9*degrees))
	if math.Abs(z) > 4.75 {
		t.Errorf("chi-square %.0f with %d degrees of freedom, z %.2f", statistic, degrees, z)
	}

	if counts[0] == 0 || counts[bins-1] == 0 {
		t.Errorf("%d in the first bin, %d in the last", counts[0], counts[bins-1])
	}
}

// F-17: the first code and the last can be drawn. A range that lacks one code in a million is too small a fault for any
// statistic.
func TestDrawReachesBothEnds(t *testing.T) {
	t.Parallel()

	for want, random := range map[string][]byte{"000000": {0, 0, 0}, "999999": {0x0f, 0x42, 0x3f}} {
		if got, err := draw(bytes.NewReader(random)); got != want || err != nil {
			t.Errorf("drew %q, %v, want %q", got, err, want)
		}
	}

	// A value beyond the range is drawn again, and not reduced into it.
	if got, err := draw(bytes.NewReader([]byte{0x0f, 0x42, 0x40, 0, 0, 7})); got != "000007" || err != nil {
		t.Errorf("drew %q, %v", got, err)
	}

	if got, err := draw(bytes.NewReader(nil)); err == nil || errors.Is(err, ErrInvalid) {
		t.Errorf("drew %q, %v, from no randomness", got, err)
	}
}
