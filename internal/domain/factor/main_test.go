package factor_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

const (
	period = 30 * time.Second
	issuer = "Konec 工具箱 & Co: Toolkit"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

// env is two replicas on one database, with a clock that is stopped at the beginning of a step.
type env struct {
	*factor.Factors

	other      *factor.Factors
	db         *postgres.DB
	pool       *pgxpool.Pool // the same database, where the statements are not counted
	keys       *keyring.Keyring
	clock      *apptest.Clock
	statements *apptest.Statements
	accounts   atomic.Int64
}

func setup(t *testing.T) *env {
	t.Helper()

	return setupWith(t, 10_000)
}

func setupWith(t *testing.T, budget int32) *env {
	t.Helper()

	e := &env{clock: &apptest.Clock{}, statements: &apptest.Statements{}}
	e.clock.Stop()
	e.set(e.clock.Now().Truncate(period))

	url := postgrestest.New(t)

	must := func(err error) {
		t.Helper()

		if err != nil {
			t.Fatal(err)
		}
	}

	var err error

	e.pool, err = pgxpool.New(t.Context(), url)
	must(err)
	t.Cleanup(e.pool.Close)

	e.keys, err = keyring.Parse(keyring.Generate())
	must(err)

	replica := func() (*postgres.DB, *factor.Factors) {
		database, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 8, Tracer: e.statements})
		must(err)
		t.Cleanup(database.Close)

		return database, factor.New(factor.Deps{DB: database, Keys: e.keys, Issuer: issuer, Budget: budgetOf(budget), Now: e.clock.Now})
	}

	_, e.other = replica()
	e.db, e.Factors = replica()

	return e
}

func (e *env) set(at time.Time) { e.clock.Advance(at.Sub(e.clock.Now())) }

// account returns an account without a factor.
func (e *env) account(t *testing.T) string {
	t.Helper()

	created, err := account.New(e.db, e.clock.Now).Create(origin.With(t.Context(), origin.Origin{}), account.Creation{
		Email: fmt.Sprintf("holder-%d@konec.com.au", e.accounts.Add(1)), Name: "Holder", PasswordHash: "none", MemberGroup: account.GroupNone,
	})
	if err != nil {
		t.Fatal(err)
	}

	return created.ID
}

// budgetOf returns a budget of which one network may spend all.
func budgetOf(most int32) throttle.Budget {
	return throttle.Budget{Name: factor.BudgetName, Max: most, Share: 1}
}

// app is an authenticator app: an independent implementation that reads the URL.
type app struct {
	key *otp.Key
	env *env
}

// pending gives the account a secret.
func (e *env) pending(t *testing.T, accountID string) app {
	t.Helper()

	url, err := e.Pending(t.Context(), e.pool, accountID, "holder@konec.com.au")
	if err != nil {
		t.Fatal(err)
	}

	key, err := otp.NewKeyFromURL(url)
	if err != nil {
		t.Fatal(err)
	}

	return app{key: key, env: e}
}

// bound returns an account with an authenticator; the codes of its binding are no longer in the window.
func (e *env) bound(t *testing.T) (accountID string, a app) {
	t.Helper()

	accountID = e.account(t)
	a = e.pending(t, accountID)

	if err := e.bind(t, accountID, a.key.URL(), a.pair(0, 1)); err != nil {
		t.Fatal(err)
	}

	e.clock.Advance(3 * period)

	return accountID, a
}

// code returns what the app shows the given number of steps from now.
func (a app) code(steps int) string {
	return a.at(a.env.clock.Now().Add(time.Duration(steps) * period))
}

// at returns what the app shows at a time.
func (a app) at(t time.Time) string { return codeOf(a.key.Secret(), t) }

func (a app) pair(first, second int) [2]string { return [2]string{a.code(first), a.code(second)} }

func codeOf(secret string, at time.Time) string {
	code, err := hotp.GenerateCode(secret, uint64(at.Unix()/30))
	if err != nil {
		panic(err)
	}

	return code
}

// wrong returns a code of none of the nearby steps.
func (a app) wrong() string {
	near := map[string]bool{}
	for steps := -3; steps <= 3; steps++ {
		near[a.code(steps)] = true
	}

	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !near[code] {
			return code
		}
	}
}

// bind makes the request that binds.
func (e *env) bind(t *testing.T, accountID, url string, codes [2]string) error {
	t.Helper()

	binding, err := e.AttemptBinding(t.Context(), accountID, url, codes)
	if err != nil {
		return err
	}

	return e.inTx(t, func(tx postgres.Tx) error { return e.Bind(t.Context(), tx, binding) })
}

// alone is a guess at an authenticator that signs in by itself, from an unknown place.
func alone(accountID, code string) factor.Guess {
	return factor.Guess{AccountID: accountID, Role: factor.Alone, Text: code, Place: device.Strangers}
}

// behindPassword is a guess behind a right password.
func behindPassword(accountID, code string) factor.Guess {
	return factor.Guess{AccountID: accountID, Role: factor.BehindPassword, Text: code}
}

// signIn makes the factor's part of a sign-in by itself.
func (e *env) signIn(t *testing.T, accountID, code string) error {
	t.Helper()

	return e.use(t, alone(accountID, code))
}

// second makes the factor's part of a sign-in behind a password.
func (e *env) second(t *testing.T, accountID, code string) error {
	t.Helper()

	return e.use(t, behindPassword(accountID, code))
}

func (e *env) use(t *testing.T, guess factor.Guess) error {
	t.Helper()

	proof, err := e.Attempt(t.Context(), guess)
	if err != nil {
		return err
	}

	if err := e.redeem(t, proof); err != nil {
		return err
	}

	return e.Refund(t.Context(), proof)
}

func (e *env) redeem(t *testing.T, proof factor.Proof) error {
	t.Helper()

	return e.inTx(t, func(tx postgres.Tx) error { return e.Redeem(t.Context(), tx, proof) })
}

func (e *env) remove(t *testing.T, accountID string) (removed bool) {
	t.Helper()

	err := e.inTx(t, func(tx postgres.Tx) error {
		var err error
		removed, err = factor.Remove(t.Context(), tx, accountID)

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return removed
}

func (e *env) recoveryCodes(t *testing.T, accountID string) (codes []string, err error) {
	t.Helper()

	err = e.inTx(t, func(tx postgres.Tx) error {
		var err error
		codes, err = e.RecoveryCodes(t.Context(), tx, accountID, e.clock.Now())

		return err
	})

	return codes, err
}

func (e *env) inTx(t *testing.T, run func(tx postgres.Tx) error) error {
	t.Helper()

	tx, err := e.pool.Begin(t.Context())
	if err != nil {
		return err
	}
	defer tx.Rollback(t.Context())

	if err := run(postgres.Tx{Tx: tx}); err != nil {
		return err
	}

	return tx.Commit(t.Context())
}

func (e *env) exec(t *testing.T, statement string, args ...any) {
	t.Helper()

	tag, err := e.pool.Exec(t.Context(), statement, args...)
	if err != nil || tag.RowsAffected() == 0 {
		t.Fatalf("%s: %d rows, %v", statement, tag.RowsAffected(), err)
	}
}

func expectDone(t *testing.T, what string, err error) {
	t.Helper()

	if err != nil {
		t.Errorf("%s: %v, want it accepted", what, err)
	}
}

func expectRefused(t *testing.T, what string, err error) {
	t.Helper()

	if !errors.Is(err, factor.ErrCodeInvalid) {
		t.Errorf("%s: %v, want CODE_INVALID", what, err)
	}
}

func postgresTx(tx pgx.Tx) postgres.Tx { return postgres.Tx{Tx: tx} }

// active reports whether the account has an authenticator.
func (e *env) active(t *testing.T, accountID string) (active bool) {
	t.Helper()

	err := e.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM totp WHERE account_id = $1)`, accountID).Scan(&active)
	if err != nil {
		t.Fatal(err)
	}

	return active
}
