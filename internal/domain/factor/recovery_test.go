package factor_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

// V-03: each recovery code signs in once, and only its own account.
func TestRecoveryCodes(t *testing.T) {
	t.Parallel()

	t.Run("EachWorksOnce", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, app := env.bound(t)
		codes := env.newRecoveryCodes(t, accountID)

		for i, code := range codes {
			env.expectLeft(t, accountID, len(codes)-i)
			expectDone(t, "the first use", env.second(t, accountID, code))
			expectRefused(t, "the second", env.second(t, accountID, code))
		}

		env.expectLeft(t, accountID, 0)
		expectDone(t, "the authenticator", env.second(t, accountID, app.code(0)))
	})

	t.Run("IsReadAsPeopleTypeIt", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, _ := env.bound(t)
		codes := env.newRecoveryCodes(t, accountID)

		expectDone(t, "lower case", env.second(t, accountID, strings.ToLower(codes[0])))
		expectDone(t, "no hyphens", env.second(t, accountID, strings.ReplaceAll(codes[1], "-", "")))
		expectRefused(t, "too short", env.second(t, accountID, codes[3][1:]))
		expectRefused(t, "too long", env.second(t, accountID, codes[3]+"A"))
	})

	t.Run("NewOnesVoidTheOld", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, _ := env.bound(t)
		before := env.newRecoveryCodes(t, accountID)
		after := env.newRecoveryCodes(t, accountID)

		env.expectLeft(t, accountID, factor.RecoveryCodeCount)
		expectRefused(t, "an old one", env.second(t, accountID, before[0]))
		expectDone(t, "a new one", env.second(t, accountID, after[0]))
	})

	t.Run("AreOfNoUseToAnother", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		victim, _ := env.bound(t)
		attacker, _ := env.bound(t)
		codes := env.newRecoveryCodes(t, attacker)
		env.newRecoveryCodes(t, victim)

		expectRefused(t, "another's", env.second(t, victim, codes[0]))

		// Not even if the digest is moved.
		env.exec(t, "UPDATE recovery_code SET account_id = $1 WHERE account_id = $2", victim, attacker)
		expectRefused(t, "another's, moved", env.second(t, victim, codes[0]))
	})

	t.Run("GoWithTheAuthenticator", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, _ := env.bound(t)
		codes := env.newRecoveryCodes(t, accountID)

		proof, err := env.Attempt(t.Context(), behindPassword(accountID, codes[1]))
		expectDone(t, "the comparison", err)

		env.remove(t, accountID)
		env.expectLeft(t, accountID, 0)
		expectRefused(t, "one of a removed authenticator", env.second(t, accountID, codes[0]))
		expectRefused(t, "one that was compared before", env.redeem(t, proof))

		if _, err := env.recoveryCodes(t, accountID); !errors.Is(err, factor.ErrNotActive) {
			t.Errorf("made without an authenticator: %v", err)
		}
	})

	t.Run("WorkWhereTheAuthenticatorDoesNot", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		accountID, app := env.bound(t)
		codes := env.newRecoveryCodes(t, accountID)
		env.exec(t, "UPDATE totp SET secret = set_byte(secret, 0, 200)")

		expectRefused(t, "the authenticator", env.second(t, accountID, app.code(0)))
		expectDone(t, "a recovery code", env.second(t, accountID, codes[0]))
	})
}

// R-C1: ten, all different, of 100 random bits, in a form that can be read aloud.
func TestRecoveryCodesHaveTheirForm(t *testing.T) {
	t.Parallel()

	env := setup(t)
	accountID, _ := env.bound(t)
	form := regexp.MustCompile(`^[A-Z2-7]{5}(-[A-Z2-7]{5}){3}$`)
	seen := map[string]bool{}

	for range 3 {
		for _, code := range env.newRecoveryCodes(t, accountID) {
			if !form.MatchString(code) || seen[code] {
				t.Errorf("%q", code)
			}

			seen[code] = true
		}
	}
}

// R-L1, design: what was made under an older master key works while that key is configured, and a use encrypts the
// secret under the new one.
func TestOlderMasterKeyGoesOn(t *testing.T) {
	t.Parallel()

	env := setup(t)
	first, second := keyring.Generate(), keyring.Generate()

	env.restart(t, "1:"+first)

	accountID, app := env.bound(t)
	codes := env.newRecoveryCodes(t, accountID)

	env.restart(t, "2:"+second+",1:"+first)
	expectDone(t, "an old recovery code", env.second(t, accountID, codes[0]))
	expectDone(t, "the authenticator", env.second(t, accountID, app.code(0)))
	env.clock.Advance(period)

	env.restart(t, "2:"+second)
	expectRefused(t, "a recovery code without its key", env.second(t, accountID, codes[1]))
	expectDone(t, "the authenticator, encrypted anew", env.second(t, accountID, app.code(0)))
}

// restart returns a replica with other master keys.
func (e *env) restart(t *testing.T, keys string) {
	t.Helper()

	ring, err := keyring.Parse(keys)
	if err != nil {
		t.Fatal(err)
	}

	e.keys = ring
	e.Factors = factor.New(factor.Deps{DB: e.db, Keys: ring, Issuer: issuer, Budget: budgetOf(100), Now: e.clock.Now})
}

func (e *env) newRecoveryCodes(t *testing.T, accountID string) []string {
	t.Helper()

	codes, err := e.recoveryCodes(t, accountID)
	if err != nil || len(codes) != factor.RecoveryCodeCount {
		t.Fatalf("%d codes, %v", len(codes), err)
	}

	return codes
}

func (e *env) expectLeft(t *testing.T, accountID string, want int) {
	t.Helper()

	var left int

	err := e.pool.QueryRow(t.Context(), "SELECT count(*) FROM recovery_code WHERE account_id = $1", accountID).Scan(&left)
	if left != want || err != nil {
		t.Errorf("%d left, %v, want %d", left, err, want)
	}
}
