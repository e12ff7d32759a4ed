package passwordreset_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/domain/passwordreset"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

const (
	email = "user@konec.test"
	fresh = "another horse, another staple"
)

// env is an account that has forgotten its password and has two sessions.
type env struct {
	*passwordreset.Resets

	db       *postgres.DB
	codes    *code.Codes
	sessions *session.Sessions
	hasher   *password.Hasher
	clock    *apptest.Clock
	account  account.Account
}

func setup(t *testing.T) *env {
	t.Helper()

	must := func(err error) {
		t.Helper()

		if err != nil {
			t.Fatal(err)
		}
	}

	e := &env{clock: &apptest.Clock{}}

	keys, err := keyring.Parse(keyring.Generate())
	must(err)

	e.db, err = postgres.Open(t.Context(), postgres.Options{URL: postgrestest.New(t), MaxConns: 4})
	must(err)
	t.Cleanup(e.db.Close)

	e.hasher, err = password.NewHasher(1, password.Cost{Memory: 64, Passes: 1, Threads: 1})
	must(err)

	queue, err := delivery.NewQueue(e.db, keys, e.clock.Now)
	must(err)

	e.codes = code.New(e.db, keys, code.Budget{Max: 10_000, Share: throttle.NetworkShare}, e.clock.Now)
	limits := session.Limits{Idle: time.Hour, Absolute: time.Hour, PerUser: 20}
	e.sessions = session.New(session.Deps{DB: e.db, Codes: e.codes, Queue: queue, Limits: limits, Browsers: limits, Now: e.clock.Now})
	devices := device.New(e.db, e.clock.Now)
	challenges := challenge.New(challenge.Deps{
		DB: e.db, Codes: e.codes, Queue: queue, Devices: devices, Now: e.clock.Now,
		Failures: throttle.NewFailures(e.db, throttle.Backoff{Free: 100, First: time.Minute, Longest: time.Hour, Network: 1000}, e.clock.Now),
		Limits:   challenge.Limits{Cooldown: time.Minute, PerHour: 5, PerDay: 10, Network: 100, Share: throttle.NetworkShare, MailDay: 10_000, SMSDay: 10_000},
	})
	e.Resets = passwordreset.New(passwordreset.Deps{
		DB: e.db, Challenges: challenges, Devices: devices, Sessions: e.sessions, Queue: queue, Hasher: e.hasher, Policy: password.Policy{MinLength: 8}, Now: e.clock.Now,
	})

	e.account, err = account.New(e.db, e.clock.Now).Create(t.Context(), account.Creation{Email: email, Name: "User", MemberGroup: account.GroupNone})
	must(err)

	for range 2 {
		must(e.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error {
			return e.sessions.Open(ctx, tx, e.account.ID, session.NewID(), nil)
		}))
	}

	return e
}

func (e *env) code(t *testing.T) string {
	t.Helper()

	plain, _, err := e.codes.Issue(t.Context(), e.db.Pool(), code.Reset, email)
	if err != nil {
		t.Fatal(err)
	}

	return plain
}

func (e *env) scan(t *testing.T, statement string, into any) {
	t.Helper()

	if err := e.db.Pool().QueryRow(t.Context(), statement).Scan(into); err != nil {
		t.Fatal(err)
	}
}

// R-D3: a right code sets the password, ends every session and is used up.
func TestResetSetsThePasswordAndEndsSessions(t *testing.T) {
	t.Parallel()

	e := setup(t)
	plain := e.code(t)

	if _, err := e.Reset(t.Context(), email, plain, fresh); err != nil {
		t.Fatal(err)
	}

	var (
		hash    string
		living  int
		notices int
	)

	e.scan(t, "SELECT password_hash FROM account", &hash)
	e.scan(t, "SELECT count(*) FROM session WHERE revoked_at IS NULL", &living)
	e.scan(t, "SELECT count(*) FROM delivery WHERE kind = 'password_changed'", &notices)

	if match, _, err := e.hasher.Verify(t.Context(), hash, fresh); !match || err != nil {
		t.Errorf("the new password does not match: %v", err)
	}

	if living != 0 || notices != 1 {
		t.Errorf("%d living sessions, %d notices", living, notices)
	}

	if _, err := e.Reset(t.Context(), email, plain, fresh); !errors.Is(err, code.ErrInvalid) {
		t.Errorf("a used code: %v", err)
	}
}

// A password that is refused costs no guess; a wrong code changes nothing.
func TestRefusedResetChangesNothing(t *testing.T) {
	t.Parallel()

	e := setup(t)
	plain := e.code(t)

	for range 10 {
		if _, err := e.Reset(t.Context(), email, plain, "short"); err == nil || errors.Is(err, code.ErrInvalid) {
			t.Fatalf("a short password: %v", err)
		}
	}

	wrong := "000000"
	if plain == wrong {
		wrong = "111111"
	}

	for name, address := range map[string]string{"wrong code": email, "unknown address": "unknown@konec.test"} {
		if _, err := e.Reset(t.Context(), address, wrong, fresh); !errors.Is(err, code.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}

	var living int

	e.scan(t, "SELECT count(*) FROM session WHERE revoked_at IS NULL", &living)

	if living != 2 {
		t.Errorf("%d living sessions, want 2", living)
	}

	if _, err := e.Reset(t.Context(), email, plain, fresh); err != nil {
		t.Errorf("the code after refusals: %v", err)
	}
}

// SEC-S2, SEC-S25: a link is looked at before there is a slot for a hash: while the server is full of hashes, one that is not
// valid is refused at once, and one that is valid stays so.
func TestLinkIsJudgedBeforeTheHash(t *testing.T) {
	t.Parallel()

	e := setup(t)

	token, err := e.codes.IssueMailLink(t.Context(), e.db.Pool(), code.Reset, email)
	if err != nil {
		t.Fatal(err)
	}

	var slots []*password.Slot

	for range password.Slots(1) {
		slot, err := e.hasher.Slot(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		slots = append(slots, slot)
	}

	began := time.Now()

	if _, err := e.ResetWithLink(t.Context(), "made up", fresh); !errors.Is(err, code.ErrInvalid) || time.Since(began) > time.Second {
		t.Errorf("a made-up link: %v after %s", err, time.Since(began))
	}

	if _, err := e.ResetWithLink(t.Context(), token, "short"); err == nil || errors.Is(err, problem.ErrUnavailable) || time.Since(began) > time.Second {
		t.Errorf("a short password: %v after %s", err, time.Since(began))
	}

	if _, err := e.ResetWithLink(t.Context(), token, fresh); !errors.Is(err, problem.ErrUnavailable) {
		t.Errorf("a right link while the server is full: %v", err)
	}

	for _, slot := range slots {
		slot.Release()
	}

	var failures int
	if e.scan(t, "SELECT coalesce(sum(count), 0) FROM throttle WHERE key LIKE 'failures %'", &failures); failures != 1 {
		t.Errorf("%d failures of the network, want that of the made-up link alone", failures)
	}

	if got, err := e.LinkedEmail(t.Context(), token); got != email || err != nil {
		t.Errorf("the link leads to %q: %v", got, err)
	}

	if _, err := e.ResetWithLink(t.Context(), token, fresh); err != nil {
		t.Errorf("the right link: %v", err)
	}

	if _, err := e.LinkedEmail(t.Context(), token); !errors.Is(err, code.ErrInvalid) {
		t.Errorf("the used link: %v", err)
	}
}
