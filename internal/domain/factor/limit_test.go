package factor_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// R-C7, T-05: an authenticator allows a hundred wrong guesses in a row.
func TestAuthenticatorStops(t *testing.T) {
	t.Parallel()

	// guess fails the given number of times, and returns the last failure.
	guess := func(t *testing.T, env *env, accountID string, app app, times int) (last error) {
		t.Helper()

		for range times {
			if errors.Is(last, factor.ErrStopped) {
				t.Fatal("stopped too early")
			}

			last = env.signIn(t, accountID, app.wrong())
			expectRefused(t, "a guess", last)
		}

		return last
	}

	t.Run("RightCodeAsTheHundredthIsAccepted", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, app := env.bound(t)

		// Then they count from zero.
		for range 2 {
			guess(t, env, accountID, app, factor.MaxFailures-1)
			expectDone(t, "the right code", env.signIn(t, accountID, app.code(0)))
			env.clock.Advance(period)
		}
	})

	t.Run("RightCodeAfterAHundredIsRefused", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, app := env.bound(t)
		other, otherApp := env.bound(t)
		codes := env.newRecoveryCodes(t, accountID)

		last := guess(t, env, accountID, app, factor.MaxFailures)
		if !errors.Is(last, factor.ErrStopped) {
			t.Errorf("its owner is not told: %v", last)
		}

		again := env.signIn(t, accountID, app.code(0))
		expectSameAnswer(t, again, last)

		if errors.Is(again, factor.ErrStopped) {
			t.Error("its owner is notified twice")
		}

		expectDone(t, "another's", env.signIn(t, other, otherApp.code(0)))

		env.clock.Advance(48 * time.Hour)
		expectRefused(t, "after days", env.signIn(t, accountID, app.code(0)))
		// SEC-S4b: a stranger stops it as a way in by itself, never as a second factor, which starts it again.
		expectRefused(t, "alone, after a wrong second factor", env.second(t, accountID, app.wrong()))
		expectRefused(t, "a recovery code alone", env.signIn(t, accountID, codes[0]))
		expectDone(t, "behind a password", env.second(t, accountID, app.code(0)))
		expectDone(t, "a recovery code behind a password", env.second(t, accountID, codes[0]))
		env.clock.Advance(period)
		expectDone(t, "alone, after it", env.signIn(t, accountID, app.code(0)))
	})

	t.Run("BindingAnewStartsIt", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, app := env.bound(t)
		guess(t, env, accountID, app, factor.MaxFailures)

		next := env.pending(t, accountID)
		expectDone(t, "the binding", env.bind(t, accountID, "", next.pair(-1, 0)))
		expectDone(t, "the new one", env.signIn(t, accountID, next.code(1)))
	})

	t.Run("ParallelGuessesAreCounted", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, app := env.bound(t)
		guess(t, env, accountID, app, factor.MaxFailures-3)

		var (
			all      sync.WaitGroup
			mu       sync.Mutex
			compared int
		)

		for range 24 {
			all.Go(func() {
				if _, err := env.Attempt(t.Context(), alone(accountID, app.code(0))); err == nil {
					mu.Lock()
					defer mu.Unlock()

					compared++
				}
			})
		}

		all.Wait()

		if compared != 3 {
			t.Errorf("%d guesses were compared, want 3", compared)
		}
	})
}

// R-C11, T-05: the limit of failed guesses a day, over all accounts. After it no code is compared, and the error does
// not reveal whether there is an authenticator.
func TestDayHasABudget(t *testing.T) {
	t.Parallel()

	const budget = 3

	limited := func(t *testing.T, what string, err error, wait time.Duration) {
		t.Helper()

		p, ok := errors.AsType[*problem.Problem](err)
		if !ok || !errors.Is(err, problem.ErrTooManyRequests) || p.RetryAfter != wait {
			t.Errorf("%s: %v, want TOO_MANY_REQUESTS for %v", what, err, wait)
		}
	}

	t.Run("SpentBudgetRefusesAllAlike", func(t *testing.T) {
		t.Parallel()

		env := setupWith(t, budget)
		accountID, app := env.bound(t)
		victim, victimApp := env.bound(t)
		none := env.account(t)
		codes := env.newRecoveryCodes(t, victim)

		for range budget {
			expectRefused(t, "a guess", env.signIn(t, accountID, app.wrong()))
		}

		env.clock.Advance(time.Hour)

		for range 2 {
			limited(t, "the right code", env.signIn(t, victim, victimApp.code(0)), 23*time.Hour)
			limited(t, "nothing set", env.signIn(t, none, "000000"), 23*time.Hour)
			limited(t, "no account", env.signIn(t, "", "000000"), 23*time.Hour)
		}

		// SEC-S3: as a second factor it spends nothing and is not refused.
		expectDone(t, "a recovery code behind a password", env.second(t, victim, codes[0]))
		expectDone(t, "behind a password", env.second(t, victim, victimApp.code(0)))

		env.clock.Advance(23 * time.Hour)
		expectDone(t, "the next day", env.signIn(t, victim, victimApp.code(0)))
	})

	t.Run("RightCodesTakeNothing", func(t *testing.T) {
		t.Parallel()

		env := setupWith(t, budget)
		accountID, app := env.bound(t)

		for range 3 * budget {
			expectDone(t, "the right code", env.signIn(t, accountID, app.code(0)))
			env.clock.Advance(period)
		}
	})

	t.Run("GuessesAtNothingTakeNothing", func(t *testing.T) {
		t.Parallel()

		env := setupWith(t, budget)
		accountID, app := env.bound(t)
		none := env.account(t)
		env.pending(t, none)

		for range 3 * budget {
			expectRefused(t, "nothing set", env.signIn(t, none, "000000"))
			expectRefused(t, "no account", env.signIn(t, "", "000000"))
			expectRefused(t, "no recovery code", env.signIn(t, accountID, "AAAAA-AAAAA-AAAAA-AAAAA"))
			expectRefused(t, "no code", env.signIn(t, accountID, "a code"))
		}

		expectDone(t, "the right code", env.signIn(t, accountID, app.code(0)))
	})

	t.Run("RefusedGuessIsNoFailure", func(t *testing.T) {
		t.Parallel()

		env := setupWith(t, 0)
		accountID, app := env.bound(t)

		for range 2 * factor.MaxFailures {
			limited(t, "the right code", env.signIn(t, accountID, app.code(0)), 24*time.Hour)
		}

		env.Factors = factor.New(factor.Deps{DB: env.db, Keys: env.keys, Issuer: issuer, Budget: budgetOf(1), Now: env.clock.Now})
		expectDone(t, "with a budget", env.signIn(t, accountID, app.code(0)))
	})
}
