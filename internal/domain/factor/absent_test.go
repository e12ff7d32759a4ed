package factor_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// R-D5, R-D7, W-1: an account without a working authenticator accepts no code: not one of the empty key, which anyone
// can compute, nor one of a secret that is not bound, or is bound to another account.
func TestAccountWithoutAuthenticatorPassesWithNoCode(t *testing.T) {
	t.Parallel()

	empty := func(at time.Time) string { return codeOf("", at) }
	secret := "UPDATE totp SET secret = $2 WHERE account_id = $1"

	for name, prepare := range map[string]func(t *testing.T, env *env) (accountID string, code func(time.Time) string){
		"NoAccount": func(*testing.T, *env) (string, func(time.Time) string) { return "", empty },
		"UnknownAccount": func(*testing.T, *env) (string, func(time.Time) string) {
			return strings.Repeat("f", 24), empty
		},
		"NothingSet": func(t *testing.T, env *env) (string, func(time.Time) string) { return env.account(t), empty },
		"PendingSecret": func(t *testing.T, env *env) (string, func(time.Time) string) {
			accountID := env.account(t)

			return accountID, env.pending(t, accountID).at
		},
		"PendingSecretAndEmptyKey": func(t *testing.T, env *env) (string, func(time.Time) string) {
			accountID := env.account(t)
			env.pending(t, accountID)

			return accountID, empty
		},
		"RemovedSecret": func(t *testing.T, env *env) (string, func(time.Time) string) {
			accountID, app := env.bound(t)
			env.remove(t, accountID)

			return accountID, app.at
		},
		"EmptyValue": func(t *testing.T, env *env) (string, func(time.Time) string) {
			accountID, _ := env.bound(t)
			env.exec(t, secret, accountID, []byte{})

			return accountID, empty
		},
		"SealedEmptyKey": func(t *testing.T, env *env) (string, func(time.Time) string) {
			accountID, _ := env.bound(t)

			var id string
			if err := env.pool.QueryRow(t.Context(), "SELECT id FROM totp WHERE account_id = $1", accountID).Scan(&id); err != nil {
				t.Fatal(err)
			}

			env.exec(t, secret, accountID, env.keys.Seal(nil, "totp", "secret", accountID, id))

			return accountID, empty
		},
		"UnknownKey": func(t *testing.T, env *env) (string, func(time.Time) string) {
			accountID, app := env.bound(t)
			env.exec(t, "UPDATE totp SET secret = set_byte(secret, 0, 200) WHERE account_id = $1", accountID)

			return accountID, app.at
		},
		"AlteredValueAndEmptyKey": func(t *testing.T, env *env) (string, func(time.Time) string) {
			accountID, _ := env.bound(t)
			env.exec(t, "UPDATE totp SET secret = set_byte(secret, 20, 255 - get_byte(secret, 20)) WHERE account_id = $1", accountID)

			return accountID, empty
		},
		"ValueOfAnotherAccount": func(t *testing.T, env *env) (string, func(time.Time) string) {
			victim, _ := env.bound(t)
			attacker, app := env.bound(t)
			env.exec(t, "UPDATE totp v SET secret = a.secret FROM totp a WHERE v.account_id = $1 AND a.account_id = $2", victim, attacker)

			return victim, app.at
		},
		"RowOfAnotherAccount": func(t *testing.T, env *env) (string, func(time.Time) string) {
			victim, _ := env.bound(t)
			attacker, app := env.bound(t)
			env.exec(t, "UPDATE totp v SET secret = a.secret, id = a.id FROM totp a WHERE v.account_id = $1 AND a.account_id = $2", victim, attacker)

			return victim, app.at
		},
		"ValueOfAnEarlierBinding": func(t *testing.T, env *env) (string, func(time.Time) string) {
			accountID, app := env.bound(t)

			var sealed []byte
			if err := env.pool.QueryRow(t.Context(), "SELECT secret FROM totp WHERE account_id = $1", accountID).Scan(&sealed); err != nil {
				t.Fatal(err)
			}

			next := env.pending(t, accountID)
			expectDone(t, "the new binding", env.bind(t, accountID, next.key.URL(), next.pair(-1, 0)))
			env.clock.Advance(3 * period)
			env.exec(t, secret, accountID, sealed)

			return accountID, app.at
		},
		"PendingValueAsABoundOne": func(t *testing.T, env *env) (string, func(time.Time) string) {
			accountID, _ := env.bound(t)
			app := env.pending(t, accountID)
			env.exec(t, "UPDATE totp b SET secret = p.url, id = p.id FROM totp_pending p WHERE b.account_id = $1 AND p.account_id = $1", accountID)

			return accountID, app.at
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			env := setup(t)
			holder, app := env.bound(t)
			accountID, code := prepare(t, env)

			_, wrong := env.Attempt(t.Context(), alone(holder, app.wrong()))

			for steps := -2; steps <= 2; steps++ {
				_, err := env.Attempt(t.Context(), alone(accountID, code(env.clock.Now().Add(time.Duration(steps)*period))))
				expectSameAnswer(t, err, wrong)
			}
		})
	}
}

// expectSameAnswer compares what the caller receives. The cause is only for the log.
func expectSameAnswer(t *testing.T, got, want error) {
	t.Helper()

	told := func(err error) problem.Problem {
		p, ok := errors.AsType[*problem.Problem](err)
		if !ok {
			t.Fatalf("%v is not a problem", err)
		}

		return problem.Problem{Kind: p.Kind, Code: p.Code, RetryAfter: p.RetryAfter}
	}

	if g, w := told(got), told(want); g.Kind != w.Kind || g.Code != w.Code || g.RetryAfter != w.RetryAfter || !errors.Is(want, factor.ErrCodeInvalid) {
		t.Errorf("told %v, want %v", got, want)
	}
}

// R-B1, R-D5: it takes the same statements to find out, and the same number of writes.
func TestAccountWithoutAuthenticatorCostsTheSame(t *testing.T) {
	t.Parallel()

	env := setup(t)
	holder, app := env.bound(t)
	none, pending := env.account(t), env.account(t)
	env.pending(t, pending)
	env.statements.Take()

	for _, code := range []string{app.wrong(), "AAAAA-BBBBB-CCCCC-DDDDD", "no code"} {
		expectRefused(t, "the holder", env.signIn(t, holder, code))

		want := env.statements.Take()

		for name, accountID := range map[string]string{"none": none, "pending": pending, "no account": ""} {
			expectRefused(t, name, env.signIn(t, accountID, code))

			if got := env.statements.Take(); !slices.Equal(got, want) {
				t.Errorf("%s, %q: %v, want %v", name, code, got, want)
			}
		}
	}
}

func TestActive(t *testing.T) {
	t.Parallel()

	env := setup(t)
	accountID := env.account(t)

	expect := func(what string, want bool) {
		t.Helper()

		if active := env.active(t, accountID); active != want {
			t.Errorf("%s: %v", what, active)
		}
	}

	expect("nothing set", false)

	app := env.pending(t, accountID)
	expect("pending", false)

	if env.remove(t, accountID) {
		t.Error("what was only pending was removed")
	}

	expectRefused(t, "binding what was removed", env.bind(t, accountID, app.key.URL(), app.pair(0, 1)))

	app = env.pending(t, accountID)
	expectDone(t, "binding", env.bind(t, accountID, app.key.URL(), app.pair(0, 1)))
	expect("bound", true)

	if !env.remove(t, accountID) || env.remove(t, accountID) {
		t.Error("removed not once")
	}

	expect("removed", false)

	// Deleting an account deletes its factors.
	app = env.pending(t, accountID)
	expectDone(t, "binding", env.bind(t, accountID, app.key.URL(), app.pair(0, 1)))

	if _, err := env.recoveryCodes(t, accountID); err != nil {
		t.Fatal(err)
	}

	env.exec(t, "DELETE FROM account WHERE id = $1", accountID)
	expect("deleted", false)
}
