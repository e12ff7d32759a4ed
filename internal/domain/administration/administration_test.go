package administration_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/group"
	"github.com/konec/toolkit-gateway/internal/domain/idempotency"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

// env is a database with an administrator and an account to administer.
type env struct {
	*administration.Administration

	db      *postgres.DB
	pool    *pgxpool.Pool
	clock   *apptest.Clock
	admin   authority.Actor
	account account.Account
}

func setup(t *testing.T) *env {
	t.Helper()

	e := &env{clock: &apptest.Clock{}}
	url := postgrestest.New(t)

	var err error
	if e.db, err = postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 4}); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(e.db.Close)

	if e.pool, err = pgxpool.New(t.Context(), url); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(e.pool.Close)

	e.Administration = administration.New(e.db, nil, e.clock.Now)
	admin := e.create(t, "admin@konec.test", group.Admin)
	e.admin = authority.Actor{AccountID: admin.ID, SessionID: e.session(t, admin.ID, "administrator"), Right: authority.Any}
	e.account = e.create(t, "user@konec.test", group.None)

	return e
}

func (e *env) create(t *testing.T, email, memberGroup string) account.Account {
	t.Helper()

	created, err := account.New(e.db, e.clock.Now).Create(t.Context(), account.Creation{Email: email, Name: "User", MemberGroup: memberGroup})
	if err != nil {
		t.Fatal(err)
	}

	return created
}

// session gives the account a session that lives for an hour.
func (e *env) session(t *testing.T, accountID, id string) string {
	t.Helper()
	e.exec(t, `INSERT INTO session (id, account_id, surface, device, created_at, authenticated_at, seen_at, expires_at, ends_at)
		VALUES ($1, $2, 'public', '', $3, $3, $3, $4, $4)`, id, accountID, e.clock.Now(), e.clock.Now().Add(time.Hour))

	return id
}

func (e *env) exec(t *testing.T, statement string, args ...any) {
	t.Helper()

	if _, err := e.pool.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func query[T any](t *testing.T, e *env, statement string, args ...any) (value T) {
	t.Helper()

	if err := e.pool.QueryRow(t.Context(), statement, args...).Scan(&value); err != nil {
		t.Fatal(err)
	}

	return value
}

// A stored result may hold a code of another version of the server, as after a downgrade.
func TestKeptRefusalOfAnotherVersionIsRead(t *testing.T) {
	t.Parallel()

	e := setup(t)

	key, err := idempotency.NewKey(e.admin.AccountID, "key", "request")
	if err != nil {
		t.Fatal(err)
	}

	assign := func() []administration.Assigned {
		t.Helper()

		// The version is not the account's, so the first result is a refusal.
		version := int32(7)

		results, err := e.SetGroups(t.Context(), authority.Change{Actor: e.admin, Key: key}, []authority.Target{{ID: e.account.ID, Version: &version}}, "Member")
		if err != nil || len(results) != 1 || results[0].Refusal == nil {
			t.Fatalf("%+v, %v", results, err)
		}

		return results
	}

	if got := assign()[0].Refusal.Code; got != "VERSION_CONFLICT" {
		t.Errorf("refused with %s", got)
	}

	e.exec(t, `UPDATE idempotency_key SET answer = replace(answer::text, 'VERSION_CONFLICT', 'CODE_OF_ANOTHER_VERSION')::json`)

	if got := assign()[0].Refusal.Code; got != "INTERNAL" {
		t.Errorf("the kept refusal reads as %s", got)
	}
}

// Failures are counted at several places, and under the address from before the account existed: an unlock lifts all.
func TestUnlockLiftsEveryWait(t *testing.T) {
	t.Parallel()

	e := setup(t)
	failures := throttle.NewFailures(e.db, throttle.Backoff{Free: 1, First: time.Minute, Longest: time.Hour, Network: 1000}, e.clock.Now)

	people := map[string]throttle.Person{
		"password": {AccountID: e.account.ID, Name: e.account.Email, Place: device.Strangers},
		"totp":     {AccountID: e.account.ID, Place: device.InSession("session")},
		"sign-in":  {Name: e.account.Email, Place: device.Strangers},
	}

	for factor, person := range people {
		if _, err := failures.Begin(t.Context(), factor, person); err != nil {
			t.Fatalf("%s: %v", factor, err)
		}
	}

	waits := func() int {
		t.Helper()

		list, err := postgres.Get(t.Context(), e.db, func(ctx context.Context, conn *pgxpool.Conn) ([]throttle.Wait, error) {
			return throttle.Waits(ctx, conn, e.clock.Now(), administration.WaitNames(e.account.ID, e.account.Email)...)
		})
		if err != nil {
			t.Fatal(err)
		}

		for _, wait := range list {
			if _, known := people[wait.Factor]; !known {
				t.Errorf("a wait for %q", wait.Factor)
			}
		}

		return len(list)
	}

	if got := waits(); got != len(people) {
		t.Errorf("%d of %d waits are seen", got, len(people))
	}

	// Codes that were sent to a mailbox count for all its addresses.
	limit := throttle.Limit{Name: "send reset/day", Max: 1, Window: time.Hour}
	if err := throttle.Consume(t.Context(), e.pool, e.clock.Now(), limit, e.account.Email); err != nil {
		t.Fatal(err)
	}

	if err := e.Unlock(t.Context(), authority.Change{Actor: e.admin, Target: authority.Target{ID: e.account.ID}}); err != nil {
		t.Fatal(err)
	}

	if got := waits(); got != 0 {
		t.Errorf("%d waits are left", got)
	}

	if err := throttle.Consume(t.Context(), e.pool, e.clock.Now(), limit, e.account.Email); err != nil {
		t.Errorf("the next code: %v", err)
	}

	for factor, person := range people {
		if _, err := failures.Begin(t.Context(), factor, person); err != nil {
			t.Errorf("%s: %v", factor, err)
		}
	}
}

// Expired sessions are kept for a week. They are not ended once more.
func TestOnlyLivingSessionsAreEnded(t *testing.T) {
	t.Parallel()

	e := setup(t)

	open := func(id string, expires time.Duration) {
		now := e.clock.Now()
		e.exec(t, `INSERT INTO session (id, account_id, surface, device, created_at, authenticated_at, seen_at, expires_at, ends_at)
			VALUES ($1, $2, 'toolkit', '', $3, $3, $3, $4, $4)`, id, e.account.ID, now, now.Add(expires))
	}

	open("living", time.Hour)
	open("expired", -48*time.Hour)

	if err := e.EndSessions(t.Context(), authority.Change{Actor: e.admin, Target: authority.Target{ID: e.account.ID}}); err != nil {
		t.Fatal(err)
	}

	detail := query[string](t, e, "SELECT string_agg(detail::text, ' ') FROM audit_event WHERE action = 'session.ended'")
	if want := `{"sessions":"1"}`; detail != want {
		t.Errorf("recorded %s, want %s", detail, want)
	}

	if n := query[int](t, e, "SELECT count(*) FROM session WHERE id = 'expired' AND revoked_at IS NULL"); n != 1 {
		t.Error("the expired session was ended once more")
	}
}
