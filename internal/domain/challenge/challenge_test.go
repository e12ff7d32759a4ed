package challenge_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/challenge"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/delivery"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
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

	e.codes = code.New(e.db, keys, code.Budget{Max: 10_000, Share: throttle.NetworkShare}, e.clock.Now)
	e.Challenges = challenge.New(challenge.Deps{
		DB: e.db, Codes: e.codes, Queue: queue, Devices: device.New(e.db, e.clock.Now), Now: e.clock.Now,
		Alarm:    func(context.Context, throttle.Alarm) { e.spent++ },
		Failures: throttle.NewFailures(e.db, throttle.Backoff{Free: 100, First: time.Minute, Longest: time.Hour, Network: 1000}, e.clock.Now),
		Limits:   challenge.Limits{Cooldown: time.Minute, PerHour: 3, PerDay: 10, Network: 100, NewPhones: 3, Share: throttle.NetworkShare, MailDay: 10_000, SMSDay: 2, Countries: []string{"+86"}},
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

// SEC-S8: half of a day's text messages, and the last, are reported; no more are sent. One network, however many
// addresses it has, may ask for a hundredth of them, and at least one.
func TestTextMessagesHaveADailyCeiling(t *testing.T) {
	t.Parallel()

	e := setup(t)

	for i, c := range []struct {
		from    string
		limited bool
	}{
		{"203.0.113.1", false},
		{"203.0.113.2", true}, // the same /24
		{"2001:db8:1:1::1", false},
		{"2001:db8:1:ffff::1", true}, // the same /48
		{"198.51.100.1", true},       // none is left
	} {
		ctx := origin.With(t.Context(), origin.Origin{Address: netip.MustParseAddr(c.from)})
		actor := authority.Operator()

		err := e.Send(ctx, challenge.Request{Kind: challenge.Phone, To: fmt.Sprintf("+861380013800%d", i), Actor: actor})
		if limited := errors.Is(err, problem.ErrTooManyRequests); limited != c.limited || !limited && err != nil {
			t.Errorf("text %d from %s: %v", i, c.from, err)
		}
	}

	if e.spent != 2 {
		t.Errorf("%d alarms, want two", e.spent)
	}
}

// SEC-S9: an account asks for codes to three new numbers a day, and numbers of other countries get none.
func TestNewPhonesAreLimited(t *testing.T) {
	t.Parallel()

	e := setup(t)
	e.Limits.SMSDay = 10_000

	send := func(to string) error {
		e.clock.Advance(time.Minute)

		return e.Send(t.Context(), challenge.Request{Kind: challenge.Phone, To: to, Actor: authority.Operator()})
	}

	for i := range 3 {
		if err := send(fmt.Sprintf("+861380013800%d", i)); err != nil {
			t.Errorf("new number %d: %v", i+1, err)
		}
	}

	if err := send("+8613800138000"); err != nil {
		t.Errorf("the first number again: %v", err)
	}

	if err := send("+8613800138009"); !errors.Is(err, problem.ErrTooManyRequests) {
		t.Errorf("the fourth number: %v", err)
	}

	if err := send("+19071234567"); !errors.Is(err, challenge.ErrPhoneNotAllowed) {
		t.Errorf("a number of another country: %v", err)
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
		if _, err := e.Answer(t.Context(), challenge.Answer{Kind: challenge.Registration, To: email, Text: old}); !errors.Is(err, code.ErrInvalid) {
			t.Errorf("the code before the newest: %v", err)
		}
	}

	if _, err := e.Answer(t.Context(), challenge.Answer{Kind: challenge.Reset, To: email, Text: plain}); !errors.Is(err, code.ErrInvalid) {
		t.Errorf("the code for another purpose: %v", err)
	}

	proof, err := e.Answer(t.Context(), challenge.Answer{Kind: challenge.Registration, To: email, Text: plain})
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
