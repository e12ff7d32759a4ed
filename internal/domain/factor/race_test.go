package factor_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

const (
	contenders = 8
	// raceRounds is the number for every test run; the battery runs a thousand.
	raceRounds = 20
)

// R-C3, R-D3, R-D4, V-03, T-04: what works once has one winner, on any replica.
func TestRace(t *testing.T) {
	t.Parallel()

	t.Run("OneCodeOpensOneSession", func(t *testing.T) {
		t.Parallel()
		raceForStep(t, raceRounds)
	})

	t.Run("OneRecoveryCodeOpensOneSession", func(t *testing.T) {
		t.Parallel()
		raceForRecoveryCode(t, raceRounds)
	})

	t.Run("OneSecretIsBoundOnce", func(t *testing.T) {
		t.Parallel()
		raceForBinding(t, raceRounds)
	})

	t.Run("TwoSetsOfRecoveryCodesLeaveOne", func(t *testing.T) {
		t.Parallel()
		raceForNewRecoveryCodes(t, raceRounds)
	})
}

func raceForStep(t *testing.T, rounds int) {
	env := setup(t)
	accountID, app := env.bound(t)

	for round := range rounds {
		code := app.code(0)

		env.expectOneWinner(t, round, func(replica *factor.Factors) (func(tx postgres.Tx) error, error) {
			proof, err := replica.Attempt(t.Context(), alone(accountID, code))

			return func(tx postgres.Tx) error { return replica.Redeem(t.Context(), tx, proof) }, err
		})
		env.clock.Advance(period)
	}
}

func raceForRecoveryCode(t *testing.T, rounds int) {
	env := setup(t)
	accountID, _ := env.bound(t)

	var codes []string

	for round := range rounds {
		if len(codes) == 0 {
			codes = env.newRecoveryCodes(t, accountID)
		}

		code := codes[0]
		codes = codes[1:]

		env.expectOneWinner(t, round, func(replica *factor.Factors) (func(tx postgres.Tx) error, error) {
			proof, err := replica.Attempt(t.Context(), behindPassword(accountID, code))

			return func(tx postgres.Tx) error { return replica.Redeem(t.Context(), tx, proof) }, err
		})
	}
}

func raceForBinding(t *testing.T, rounds int) {
	env := setup(t)
	accountID := env.account(t)

	for round := range rounds {
		app := env.pending(t, accountID)

		// The maximum number of guesses.
		var places atomic.Int32

		env.expectOneWinner(t, round, func(replica *factor.Factors) (func(tx postgres.Tx) error, error) {
			if places.Add(1) > factor.MaxAttempts {
				return nil, factor.ErrCodeInvalid
			}

			binding, err := replica.AttemptBinding(t.Context(), accountID, app.key.URL(), app.pair(0, 1))

			return func(tx postgres.Tx) error { return replica.Bind(t.Context(), tx, binding) }, err
		})
	}
}

func raceForNewRecoveryCodes(t *testing.T, rounds int) {
	env := setup(t)
	accountID, _ := env.bound(t)

	for round := range rounds {
		var all sync.WaitGroup

		for range contenders {
			all.Go(func() {
				if _, err := env.recoveryCodes(t, accountID); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}

		all.Wait()
		env.expectLeft(t, accountID, factor.RecoveryCodeCount)
	}
}

// expectOneWinner lets all contenders compare first, and then redeem at the same moment.
func (e *env) expectOneWinner(t *testing.T, round int, attempt func(*factor.Factors) (func(tx postgres.Tx) error, error)) {
	t.Helper()

	var (
		all, compared sync.WaitGroup
		barrier       = make(chan struct{})
		won           atomic.Int32
	)

	compared.Add(contenders)

	for i := range contenders {
		all.Go(func() {
			redeem, err := attempt([]*factor.Factors{e.Factors, e.other}[i%2])

			compared.Done()
			<-barrier

			if err == nil {
				err = e.inTx(t, redeem)
			}

			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, factor.ErrCodeInvalid):
				t.Errorf("round %d: a loser got %v", round, err)
			}
		})
	}

	compared.Wait()
	close(barrier)
	all.Wait()

	if won.Load() != 1 {
		t.Fatalf("round %d: %d winners, want 1", round, won.Load())
	}
}
