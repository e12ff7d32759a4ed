package password

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// SEC-S10, R-B2: a refusal ends at a multiple of one time after the slot was acquired, whatever the comparison took, and
// the time in the queue for the processor is added to it.
func TestRefusalEndsAtAMultiple(t *testing.T) {
	t.Parallel()

	const step = 300 * time.Millisecond

	h, err := NewHasher(1, weak)
	if err != nil {
		t.Fatal(err)
	}

	clock := time.Unix(1_000_000, 0)
	h.now = func() time.Time { return clock }
	h.SetStep(step)

	for _, c := range []struct {
		taken, queued time.Duration
		compared      int
		multiples     time.Duration
	}{
		{0, 0, 1, 1},
		{15 * time.Millisecond, 0, 1, 1},
		{299 * time.Millisecond, 0, 1, 1},
		{301 * time.Millisecond, 0, 1, 2},
		{15 * time.Millisecond, 290 * time.Millisecond, 1, 1},
		{200 * time.Millisecond, 290 * time.Millisecond, 1, 1},
		{15 * time.Millisecond, 0, 2, 2}, // two forms of the password: as long as two of the slowest
		{590 * time.Millisecond, 0, 2, 2},
		{610 * time.Millisecond, 0, 2, 4},
	} {
		slot, err := h.Slot(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		clock, slot.queued = clock.Add(c.taken+c.queued), c.queued
		slot.compared = c.compared

		if slot.multiples != 1 {
			t.Errorf("%d multiples of a machine that does nothing else", slot.multiples)
		}

		told, ok := errors.AsType[*problem.Problem](slot.Refuse(problem.ErrInvalidCredentials))
		if !ok || !errors.Is(told, problem.ErrInvalidCredentials) || c.taken+told.Hold != c.multiples*step {
			t.Errorf("%s of work and %s in the queue: held for %s", c.taken, c.queued, told.Hold)
		}

		slot.Release()
	}
}

// SEC-S10: what is not a refusal of the caller's, and any of a Hasher that has not measured, is not held.
func TestOtherErrorsAreNotHeld(t *testing.T) {
	t.Parallel()

	h, err := NewHasher(1, weak)
	if err != nil {
		t.Fatal(err)
	}

	slot, err := h.Slot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()

	for _, step := range []time.Duration{0, time.Hour} {
		h.SetStep(step)

		if err := slot.Refuse(errFull); err != errFull { //nolint:errorlint // exactly that
			t.Errorf("step %s: %v", step, err)
		}
	}

	h.SetStep(0)

	if told, ok := errors.AsType[*problem.Problem](slot.Refuse(problem.ErrInvalidCredentials)); !ok || told.Hold != 0 {
		t.Errorf("held for %s", told.Hold)
	}
}

// SEC-S10: the time is that of the slowest scheme at its limit, and half as much again, but at most MaxStep. A nearly free cost, as tests have, is measured by itself.
func TestMeasureCoversEveryScheme(t *testing.T) {
	t.Parallel()

	// Each scheme takes two units more than the one before it. The last of the six is measured in eight parts.
	for _, one := range []struct {
		cost       Cost
		unit, want time.Duration
	}{
		{weak, time.Millisecond, 3 * time.Millisecond},
		{Standard, time.Millisecond, 8 * 12 * time.Millisecond * 3 / 2},
		{Standard, 3 * time.Millisecond, MaxStep},
	} {
		h, err := NewHasher(1, one.cost)
		if err != nil {
			t.Fatal(err)
		}

		clock, readings := time.Unix(1_000_000, 0), 0
		h.now = func() time.Time {
			readings++
			clock = clock.Add(time.Duration(readings) * one.unit)

			return clock
		}

		if got := h.Measure(); got != one.want || h.step != one.want {
			t.Errorf("%+v: %s, want %s", one.cost, got, one.want)
		}
	}
}

// SEC-S10: the limits that Measure spends are those that Verifiable admits, and nothing beyond them is compared.
func TestLimitsOfEveryScheme(t *testing.T) {
	t.Parallel()

	const salt, key = "MDEyMzQ1Njc4OWFiY2RlZg", "0Pz6RuN9WCY6OfE3FYH5Myx0JqvNjul84VbFyWLBf4g"

	hexKey := strings.Repeat("ab", 32)

	for within, beyond := range map[string]string{
		"$argon2id$v=19$m=131072,t=2,p=1$" + salt + "$" + key: "$argon2id$v=19$m=131073,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=65536,t=4,p=4$" + salt + "$" + key:  "$argon2id$v=19$m=65536,t=5,p=4$" + salt + "$" + key,
		"$2b$12$" + strings.Repeat("a", 53):                   "$2b$13$" + strings.Repeat("a", 53),
		"scrypt:131072:8:1$saltsalt$" + hexKey:                "scrypt:131072:8:2$saltsalt$" + hexKey,
		"$scrypt$ln=17,r=8,p=1$" + salt + "$" + key:           "$scrypt$ln=18,r=8,p=1$" + salt + "$" + key,
		"pbkdf2:sha256:1200000$saltsalt$" + hexKey:            "pbkdf2:sha256:1200001$saltsalt$" + hexKey,
		"pbkdf2:sha512:600000$saltsalt$" + hexKey:             "pbkdf2:sha512:600001$saltsalt$" + hexKey,
	} {
		if err := Verifiable(within); err != nil {
			t.Errorf("%s: %v", within, err)
		}

		if err := Verifiable(beyond); !errors.Is(err, ErrCostly) {
			t.Errorf("%s: %v", beyond, err)
		}
	}
}

// SEC-S10: a stored hash that is costlier than admitted, or is not a hash, matches nothing and costs what any other does:
// an error of the server would reveal the account.
func TestHashBeyondTheLimitsIsNotCompared(t *testing.T) {
	t.Parallel()

	h, err := NewHasher(1, weak)
	if err != nil {
		t.Fatal(err)
	}

	for _, stored := range []string{fmt.Sprintf("$2b$31$%s", strings.Repeat("a", 53)), "password"} {
		if match, stale, err := h.Verify(t.Context(), stored, "password"); match || stale || err != nil {
			t.Errorf("%s: match %t, stale %t, %v", stored, match, stale, err)
		}
	}
}
