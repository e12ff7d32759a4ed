package challenge_test

import (
	"errors"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m, apptest.Migrate) }

const email = "user@konec.test"

type env struct {
	*challenge.Challenges

	db    *postgres.DB
	codes *code.Codes
	clock *apptest.Clock
	spent int // how often the last text message of the day was sent
}

func setup(t *testing.T) *env {
	t.Helper()

	e := &env{clock: &apptest.Clock{}}
	e.clock.Stop()

	keys, err := keyring.Parse(keyring.Generate())
	if err != nil {
		t.Fatal(err)
	}

	if e.db, err = postgres.Open(t.Context(), postgres.Options{URL: postgrestest.New(t), MaxConns: 4}); err != nil {
		t.Fatal(err)
	}

	t.Cleanup(e.db.Close)

	queue, err := delivery.NewQueue(e.db, keys, e.clock.Now)
	if err != nil {
		t.Fatal(err)
	}

	e.codes = code.New(e.db, keys, 100, e.clock.Now)
	e.Challenges = challenge.New(challenge.Deps{
		DB: e.db, Codes: e.codes, Queue: queue, Now: e.clock.Now, SMSSpent: func() { e.spent++ },
		Failures: throttle.NewFailures(e.db, throttle.Backoff{Free: 100, First: time.Minute, Longest: time.Hour, Network: 1000}, e.clock.Now),
		Limits:   challenge.Limits{Cooldown: time.Minute, PerHour: 3, PerDay: 10, Network: 100, SMSDay: 2},
	})

	return e
}

// A destination gets a code a minute and three an hour; another purpose has limits of its own.
func TestSendsAreLimitedByDestinationAndPurpose(t *testing.T) {
	t.Parallel()

	e := setup(t)
	send := func(kind challenge.Kind, want time.Duration) {
		t.Helper()

		err := e.Send(t.Context(), challenge.Request{Kind: kind, To: email})

		var after time.Duration
		if limited, ok := errors.AsType[*problem.Problem](err); ok && errors.Is(err, problem.ErrTooManyRequests) {
			after = limited.RetryAfter
		} else if err != nil {
			t.Fatal(err)
		}

		if after != want {
			t.Errorf("wait for %s, want %s", after, want)
		}
	}

	send(challenge.Registration, 0)
	send(challenge.Registration, time.Minute)
	send(challenge.Reset, 0)

	for range 2 {
		e.clock.Advance(time.Minute)
		send(challenge.Registration, 0)
	}

	e.clock.Advance(time.Minute)
	send(challenge.Registration, 57*time.Minute)
}

// The last text message of a day is reported once, and no more are sent.
func TestTextMessagesHaveADailyCeiling(t *testing.T) {
	t.Parallel()

	e := setup(t)

	for i, phone := range []string{"+8613800138000", "+8613800138001", "+8613800138002"} {
		err := e.Send(t.Context(), challenge.Request{Kind: challenge.Phone, To: phone, Actor: authority.Operator()})
		if limited := errors.Is(err, problem.ErrTooManyRequests); limited != (i == 2) || !limited && err != nil {
			t.Errorf("text %d: %v", i, err)
		}
	}

	if e.spent != 1 {
		t.Errorf("the last one was reported %d times", e.spent)
	}
}

// A right answer is used once, in the transaction of what it pays for; a newer code voids the one before.
func TestAnswerIsUsedOnce(t *testing.T) {
	t.Parallel()

	e := setup(t)
	issue := func() string {
		plain, _, err := e.codes.Issue(t.Context(), e.db.Pool(), code.Registration, email)
		if err != nil {
			t.Fatal(err)
		}

		return plain
	}

	old, plain := issue(), issue()
	if old != plain {
		if _, err := e.Answer(t.Context(), challenge.Registration, "", email, old); !errors.Is(err, code.ErrInvalid) {
			t.Errorf("the code before the newest: %v", err)
		}
	}

	if _, err := e.Answer(t.Context(), challenge.Reset, "", email, plain); !errors.Is(err, code.ErrInvalid) {
		t.Errorf("the code for another purpose: %v", err)
	}

	proof, err := e.Answer(t.Context(), challenge.Registration, "", email, plain)
	if err != nil {
		t.Fatal(err)
	}

	if err := errors.Join(proof.Keep(t.Context(), e.db.Pool()), proof.Use(t.Context(), e.db.Pool())); err != nil {
		t.Errorf("a right answer: %v", err)
	}

	if err := proof.Use(t.Context(), e.db.Pool()); !errors.Is(err, code.ErrInvalid) {
		t.Errorf("a used answer: %v", err)
	}
}
