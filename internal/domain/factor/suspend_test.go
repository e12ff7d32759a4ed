package factor_test

import (
	"bytes"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
)

// SEC-S5: a password reset between the comparison of a code and the sign-in wins: the suspended authenticator signs no one
// in by itself, and stands behind the new password only.
func TestSuspendedMeanwhileIsNotRedeemed(t *testing.T) {
	t.Parallel()

	for role, want := range map[factor.Role]bool{factor.Alone: false, factor.Second: false, factor.BehindPassword: true} {
		env := setup(t)
		accountID, app := env.bound(t)
		guess := alone(accountID, app.code(0))
		guess.Role = role

		proof, err := env.Attempt(t.Context(), guess)
		expectDone(t, "the comparison", err)
		expectDone(t, "the suspension", env.inTx(t, func(tx postgres.Tx) error { return factor.Suspend(t.Context(), tx, accountID, env.clock.Now()) }))

		if err := env.redeem(t, proof); (err == nil) != want {
			t.Errorf("role %d: %v", role, err)
		}

		guess.Text = app.code(1)
		if _, err := env.Attempt(t.Context(), guess); (err == nil) != want {
			t.Errorf("role %d, after the suspension: %v", role, err)
		}
	}
}

// Secrets that an import brought work, whatever their length.
func TestImportedSecretWorks(t *testing.T) {
	t.Parallel()

	for _, size := range []int{10, 16, 32, 64} {
		env := setup(t)
		accountID, _ := env.bound(t)
		secret := factor.Secret(bytes.Repeat([]byte{7}, size))

		var id string
		if err := env.pool.QueryRow(t.Context(), "SELECT id FROM totp WHERE account_id = $1", accountID).Scan(&id); err != nil {
			t.Fatal(err)
		}

		env.exec(t, "UPDATE totp SET secret = $2 WHERE account_id = $1", accountID, secret.Seal(env.keys, accountID, id))
		expectDone(t, "a code", env.signIn(t, accountID, codeOf(secret.Text(), env.clock.Now())))
	}
}
