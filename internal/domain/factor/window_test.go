package factor_test

import (
	"testing"
	"time"
)

// R-D2, R-D6, T-15: the window is exact to the second. The app shows the code in the first or last second of its step,
// and the server reads it the given number of seconds later or earlier.
func TestWindowIsExact(t *testing.T) {
	t.Parallel()

	env := setup(t)
	accountID, app := env.bound(t)
	shown := env.clock.Now()

	for _, phase := range []struct {
		name             string
		after            time.Duration
		earliest, latest int // seconds
	}{
		{"FirstSecond", 0, -30, 59},
		{"LastSecond", 29 * time.Second, -59, 30},
	} {
		for _, seconds := range []int{-61, -60, -59, -31, -30, -29, 0, 29, 30, 31, 59, 60, 61} {
			// Far from the previous step, which is used.
			shown = shown.Add(10 * time.Minute)
			at := shown.Add(phase.after)
			env.set(at.Add(time.Duration(seconds) * time.Second))

			err := env.signIn(t, accountID, app.at(at))
			if seconds >= phase.earliest && seconds <= phase.latest {
				expectDone(t, phase.name, err)
			} else {
				expectRefused(t, phase.name, err)
			}

			if t.Failed() {
				t.Fatalf("%s, %d s", phase.name, seconds)
			}
		}
	}
}

// R-D3, F-13, W-3, V-03: a code works once, for any sender.
func TestReplay(t *testing.T) {
	t.Parallel()

	t.Run("UsedCodeIsRefused", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, app := env.bound(t)
		code := app.code(0)

		expectDone(t, "the first use", env.signIn(t, accountID, code))
		expectRefused(t, "the same again", env.signIn(t, accountID, code))

		env.clock.Advance(period)
		expectRefused(t, "the same again, a step later", env.signIn(t, accountID, code))
		expectDone(t, "the next code", env.signIn(t, accountID, app.code(0)))
	})

	t.Run("SecondSessionWithTheSameProofIsRefused", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, app := env.bound(t)

		// Both were compared before either was redeemed, on two replicas.
		one, err := env.Attempt(t.Context(), alone(accountID, app.code(0)))
		expectDone(t, "the first comparison", err)

		two, err := env.other.Attempt(t.Context(), alone(accountID, app.code(0)))
		expectDone(t, "the other comparison", err)

		expectDone(t, "the first session", env.redeem(t, one))
		expectRefused(t, "the second session", env.redeem(t, two))
	})

	t.Run("EarlierStepIsRefusedAfterALaterOne", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, app := env.bound(t)

		expectDone(t, "the step ahead", env.signIn(t, accountID, app.code(1)))
		expectRefused(t, "the current step", env.signIn(t, accountID, app.code(0)))
		expectRefused(t, "the step before", env.signIn(t, accountID, app.code(-1)))
	})

	t.Run("CodesOfTheBindingAreUsed", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID := env.account(t)
		app := env.pending(t, accountID)
		codes := app.pair(-1, 0)

		expectDone(t, "the binding", env.bind(t, accountID, app.key.URL(), codes))
		expectRefused(t, "its first code", env.signIn(t, accountID, codes[0]))
		expectRefused(t, "its second code", env.signIn(t, accountID, codes[1]))
		expectDone(t, "the next code", env.signIn(t, accountID, app.code(1)))
	})

	t.Run("RolledBackSignInLeavesTheCode", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, app := env.bound(t)

		proof, err := env.Attempt(t.Context(), alone(accountID, app.code(0)))
		expectDone(t, "the comparison", err)

		tx, err := env.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		expectDone(t, "the redemption", env.Redeem(t.Context(), postgresTx(tx), proof))

		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}

		expectDone(t, "the same code", env.signIn(t, accountID, app.code(0)))
	})

	t.Run("ProofOfAReplacedAuthenticatorIsRefused", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, app := env.bound(t)

		proof, err := env.Attempt(t.Context(), alone(accountID, app.code(1)))
		expectDone(t, "the comparison", err)

		next := env.pending(t, accountID)
		expectDone(t, "the new binding", env.bind(t, accountID, next.key.URL(), next.pair(-1, 0)))
		expectRefused(t, "a session with the old one", env.redeem(t, proof))
	})
}

// Users copy the two groups that the app shows; everything else is not a code.
func TestFormOfACode(t *testing.T) {
	t.Parallel()

	env := setup(t)
	accountID, app := env.bound(t)
	code := app.code(0)

	for _, text := range []string{
		"", "0", code[:5], code + "0", "-" + code[1:], "+" + code[1:], code + "\x00", "\t" + code, "١٢٣٤٥٦", "12345a", "%s%s%s", code[:3] + " " + code[3:],
	} {
		expectRefused(t, text, env.signIn(t, accountID, text))
	}

	expectDone(t, "the digits", env.signIn(t, accountID, code))
}
