package factor_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp"

	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// R-D1: authenticator apps can read the URL, and the secret has 160 bits.
func TestURL(t *testing.T) {
	t.Parallel()

	env := setup(t)
	accountID := env.account(t)

	const email = "o'neil+a/b?c=d&e@konec.com.au"

	url, err := env.Pending(t.Context(), env.pool, accountID, email)
	if err != nil {
		t.Fatal(err)
	}

	key, err := otp.NewKeyFromURL(url)
	if err != nil {
		t.Fatal(err)
	}

	if want := strings.ReplaceAll(issuer, ":", " "); key.Issuer() != want || key.AccountName() != email {
		t.Errorf("reads %q and %q", key.Issuer(), key.AccountName())
	}

	if key.Type() != "totp" || key.Period() != 30 || key.Digits() != otp.DigitsSix || key.Algorithm() != otp.AlgorithmSHA1 || len(key.Secret()) != 32 {
		t.Errorf("reads %s", key)
	}

	if strings.ContainsAny(url, "+ ") || !strings.HasPrefix(url, "otpauth://totp/Konec%20") {
		t.Errorf("an app may misread %s", url)
	}

	if again, err := env.other.PendingURL(t.Context(), accountID); again != url || err != nil {
		t.Errorf("the pending one is %s, %v", again, err)
	}

	if next := env.pending(t, accountID); next.key.Secret() == key.Secret() {
		t.Error("two secrets are the same")
	}
}

// R-D4, W-3, T-28: only two consecutive codes, of the secret that this account received, bind it.
func TestBinding(t *testing.T) {
	t.Parallel()

	for name, run := range map[string]func(t *testing.T, env *env, accountID string, app app) error{
		"WrongOrderIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			return env.bind(t, accountID, app.key.URL(), app.pair(1, 0))
		},
		"StepsApartAreRefused": func(t *testing.T, env *env, accountID string, app app) error {
			return env.bind(t, accountID, app.key.URL(), app.pair(-1, 1))
		},
		"SameCodeTwiceIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			return env.bind(t, accountID, app.key.URL(), app.pair(0, 0))
		},
		"StepBeforeTheWindowIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			return env.bind(t, accountID, app.key.URL(), app.pair(-2, -1))
		},
		"StepAfterTheWindowIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			return env.bind(t, accountID, app.key.URL(), app.pair(1, 2))
		},
		"OneCodeIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			return env.bind(t, accountID, app.key.URL(), [2]string{"", app.code(0)})
		},
		"NoCodeIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			return env.bind(t, accountID, app.key.URL(), [2]string{})
		},
		"AnothersURLIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			other := env.pending(t, env.account(t))

			return errors.Join(
				env.bind(t, accountID, other.key.URL(), other.pair(0, 1)),
				env.bind(t, accountID, other.key.URL(), app.pair(0, 1)))
		},
		"AlteredURLIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			return env.bind(t, accountID, strings.Replace(app.key.URL(), "digits=6", "digits=8", 1), app.pair(0, 1))
		},
		"OwnSecretIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			secret := strings.Repeat("A", 32)
			now := env.clock.Now()

			return env.bind(t, accountID, strings.Replace(app.key.URL(), app.key.Secret(), secret, 1),
				[2]string{codeOf(secret, now), codeOf(secret, now.Add(period))})
		},
		"ReplacedURLIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			env.pending(t, accountID)

			return errors.Join(
				env.bind(t, accountID, app.key.URL(), app.pair(0, 1)),
				env.bind(t, accountID, "", app.pair(0, 1)))
		},
		"ExpiredSecretIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			env.clock.Advance(factor.PendingLifetime)

			return env.bind(t, accountID, app.key.URL(), app.pair(0, 1))
		},
		"SecretThatExpiresAfterTheComparisonIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			binding, err := env.AttemptBinding(t.Context(), accountID, "", app.pair(0, 1))
			expectDone(t, "the comparison", err)
			env.clock.Advance(factor.PendingLifetime)

			return env.inTx(t, func(tx postgres.Tx) error { return env.Bind(t.Context(), tx, binding) })
		},
		"SecretOfAnotherAccountIsRefused": func(t *testing.T, env *env, accountID string, _ app) error {
			attacker := env.account(t)
			theirs := env.pending(t, attacker)
			env.exec(t, "UPDATE totp_pending v SET url = a.url, id = a.id FROM totp_pending a WHERE v.account_id = $1 AND a.account_id = $2", accountID, attacker)

			return env.bind(t, accountID, theirs.key.URL(), theirs.pair(0, 1))
		},
		"SixthGuessIsRefused": func(t *testing.T, env *env, accountID string, app app) error {
			for range factor.MaxAttempts {
				expectRefused(t, "a guess", env.bind(t, accountID, app.key.URL(), [2]string{app.wrong(), app.code(1)}))
			}

			return env.bind(t, accountID, app.key.URL(), app.pair(0, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			env := setup(t)
			accountID := env.account(t)
			app := env.pending(t, accountID)

			expectRefused(t, name, run(t, env, accountID, app))

			if env.active(t, accountID) {
				t.Error("the account has an authenticator")
			}
		})
	}

	t.Run("FifthGuessInTheLastSecondIsAccepted", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID := env.account(t)
		app := env.pending(t, accountID)

		for range factor.MaxAttempts - 1 {
			expectRefused(t, "a guess", env.bind(t, accountID, app.key.URL(), [2]string{app.wrong(), app.code(1)}))
		}

		env.clock.Advance(factor.PendingLifetime - time.Second)
		expectDone(t, "the right codes, and no URL", env.bind(t, accountID, "", app.pair(-1, 0)))

		env.clock.Advance(3 * period)
		expectDone(t, "a sign-in", env.signIn(t, accountID, app.code(0)))
	})
}

// A new authenticator replaces the old one only when it is bound.
func TestRebinding(t *testing.T) {
	t.Parallel()

	env := setup(t)
	accountID, before := env.bound(t)

	codes, err := env.recoveryCodes(t, accountID)
	if err != nil {
		t.Fatal(err)
	}

	after := env.pending(t, accountID)

	expectDone(t, "the old one, while the new one waits", env.signIn(t, accountID, before.code(0)))
	expectDone(t, "the binding", env.bind(t, accountID, after.key.URL(), after.pair(0, 1)))

	env.clock.Advance(3 * period)

	expectRefused(t, "the old one", env.signIn(t, accountID, before.code(0)))
	expectRefused(t, "a recovery code of the old one", env.signIn(t, accountID, codes[0]))
	expectDone(t, "the new one", env.signIn(t, accountID, after.code(0)))
	expectRefused(t, "binding it again", env.bind(t, accountID, after.key.URL(), after.pair(0, 1)))
}

func TestNothingPending(t *testing.T) {
	t.Parallel()

	env := setup(t)
	accountID := env.account(t)

	expect := func(what string) {
		t.Helper()

		if url, err := env.PendingURL(t.Context(), accountID); url != "" || !errors.Is(err, factor.ErrNoPending) {
			t.Errorf("%s: %s, %v", what, url, err)
		}
	}

	expect("never asked for")

	env.pending(t, accountID)
	env.clock.Advance(factor.PendingLifetime)
	expect("expired")

	if n, err := factor.Clean(t.Context(), env.pool, env.clock.Now().Add(time.Second)); n != 1 || err != nil {
		t.Errorf("cleaned %d, %v", n, err)
	}

	app := env.pending(t, accountID)
	expectDone(t, "the binding", env.bind(t, accountID, app.key.URL(), app.pair(0, 1)))
	expect("bound")

	env.pending(t, accountID)
	env.exec(t, "UPDATE totp_pending SET url = set_byte(url, 30, 255 - get_byte(url, 30))")
	expect("altered")

	if n, err := factor.Clean(t.Context(), env.pool, env.clock.Now()); n != 0 || err != nil {
		t.Errorf("cleaned %d that wait, %v", n, err)
	}
}

// R-C6, T-05: parallel guesses each count.
func TestParallelGuessesAreCounted(t *testing.T) {
	t.Parallel()

	env := setup(t)
	accountID := env.account(t)
	app := env.pending(t, accountID)

	var (
		all      sync.WaitGroup
		mu       sync.Mutex
		compared int
	)

	for range 32 {
		all.Go(func() {
			if _, err := env.AttemptBinding(t.Context(), accountID, "", app.pair(0, 1)); err == nil {
				mu.Lock()
				defer mu.Unlock()

				compared++
			}
		})
	}

	all.Wait()

	if compared != factor.MaxAttempts {
		t.Errorf("%d guesses were compared, want %d", compared, factor.MaxAttempts)
	}
}

// A transaction that was committed without our knowing runs again, and finds its own result.
func TestRepeatedBindingSucceeds(t *testing.T) {
	t.Parallel()

	env := setup(t)
	accountID := env.account(t)
	app := env.pending(t, accountID)

	binding, err := env.AttemptBinding(t.Context(), accountID, "", app.pair(0, 1))
	expectDone(t, "the comparison", err)

	bind := func(repeated bool) error {
		return env.inTx(t, func(tx postgres.Tx) error {
			tx.Repeated = repeated

			return env.Bind(t.Context(), tx, binding)
		})
	}

	expectDone(t, "the binding", bind(false))
	expectDone(t, "the same, run again", bind(true))
	expectRefused(t, "another", bind(false))

	env.remove(t, accountID)
	expectRefused(t, "what is removed since", bind(true))
}
