package throttle_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/throttle"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/postgres"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// refused returns the subjects and limits of the refusals in the audit log, oldest first.
func (p *patient) refused(t *testing.T) []string {
	t.Helper()

	var lines []string

	err := p.db.Do(t.Context(), func(ctx context.Context, conn *pgxpool.Conn) error {
		rows, err := conn.Query(ctx, `
			SELECT concat_ws(' ', coalesce(account_id, subject), method, detail->>'limit', detail->>'until')
			FROM audit_event JOIN audit_unsealed ON event_id = id
			WHERE action = 'limit.reached' AND host(address) LIKE '203.0.113.%'
			ORDER BY id`)
		if err != nil {
			return err
		}

		lines, err = pgx.CollectRows(rows, pgx.RowTo[string])

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return lines
}

// in returns the time so far from now, as the log has it: to the second, rounded up.
func (p *patient) in(d time.Duration) string {
	return p.clock.Now().Add(d + time.Second - 1).UTC().Format(time.RFC3339)
}

// R-K6: a user's wait is recorded once, for any number of requests from anywhere, and the next wait again.
func TestWaitIsToldOnce(t *testing.T) {
	t.Parallel()

	p := newPatient(t, usual)

	for range 5 {
		p.expect(t, "a free one", home, "password", "a@konec.com.au", 0)
	}

	if got := p.refused(t); len(got) != 0 {
		t.Errorf("refused before any refusal: %q", got)
	}

	want := []string{"a@konec.com.au password failures in a row " + p.in(30*time.Second)}

	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := p.Begin(origin.With(t.Context(), from(home)), "password", throttle.Person{Name: "a@konec.com.au"})
			if !errors.Is(err, problem.ErrTooManyRequests) {
				t.Errorf("at once: %v", err)
			}
		})
	}

	all.Wait()
	p.expect(t, "from elsewhere", "203.0.113.99", "password", "a@konec.com.au", 30*time.Second)

	if got := p.refused(t); !slices.Equal(got, want) {
		t.Errorf("the first wait: %q, want %q", got, want)
	}

	p.clock.Advance(30 * time.Second)
	p.expect(t, "after the wait", home, "password", "a@konec.com.au", 0)
	p.expect(t, "the next wait", home, "password", "a@konec.com.au", time.Minute)

	want = append(want, "a@konec.com.au password failures in a row "+p.in(time.Minute))

	p.clock.Advance(time.Minute - 900*time.Millisecond)

	for range 3 { // the shortest Retry-After is a second; the wait is still the same
		p.expect(t, "in the last second", home, "password", "a@konec.com.au", time.Second)
		p.clock.Advance(200 * time.Millisecond)
	}

	if got := p.refused(t); !slices.Equal(got, want) {
		t.Errorf("the second wait: %q, want %q", got, want)
	}
}

// R-K6: a new wait after an unlock is recorded, even if it ends earlier.
func TestWaitAfterALiftedOneIsTold(t *testing.T) {
	t.Parallel()

	p := newPatient(t, throttle.Backoff{Free: 1, First: time.Minute, Longest: time.Hour, Network: 100})

	p.expect(t, "the first failure", home, "password", "a", 0)
	p.expect(t, "its wait", home, "password", "a", time.Minute)

	want := []string{"a password failures in a row " + p.in(time.Minute)}

	p.clock.Advance(time.Minute)
	p.expect(t, "the second failure", home, "password", "a", 0)
	p.expect(t, "its wait", home, "password", "a", 2*time.Minute)

	want = append(want, "a password failures in a row "+p.in(2*time.Minute))

	err := p.db.Do(t.Context(), func(ctx context.Context, conn *pgxpool.Conn) error {
		return throttle.Forget(ctx, conn, "password", "a")
	})
	if err != nil {
		t.Fatal(err)
	}

	p.expect(t, "the first failure after it was lifted", home, "password", "a", 0)
	p.expect(t, "its wait", home, "password", "a", time.Minute)

	want = append(want, "a password failures in a row "+p.in(time.Minute))
	if got := p.refused(t); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// R-K6: a refused network is one event for its window: made-up names do not fill the log.
func TestNetworkIsToldOnce(t *testing.T) {
	t.Parallel()

	p := newPatient(t, few)

	for _, person := range []string{"a", "b", "c"} {
		p.expect(t, "within the limit", home, "password", person, 0)
	}

	want := []string{"d password failures " + p.in(time.Hour)}

	for _, person := range []string{"d", "e", "f", "d"} {
		p.expect(t, "beyond it", home, "password", person, time.Hour)
	}

	if got := p.refused(t); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}

	p.clock.Advance(time.Hour)

	for range 2 {
		for _, person := range []string{"g", "h", "i"} {
			p.try(t, home, "password", person)
		}
	}

	want = append(want, "g password failures "+p.in(time.Hour))
	if got := p.refused(t); !slices.Equal(got, want) {
		t.Errorf("in the next window: %q, want %q", got, want)
	}
}

// A refusal in a transaction that is rolled back is recorded after it; nothing else is.
func TestTell(t *testing.T) {
	t.Parallel()

	p := newPatient(t, usual)
	event := audit.Event{AccountID: "0123456789abcdef01234567", Subject: "a@konec.com.au", Method: "reset"}
	lost := errors.New("the connection is lost")

	use := func() error {
		err := p.db.InTx(t.Context(), func(ctx context.Context, tx postgres.Tx) error {
			return throttle.Consume(ctx, tx, p.clock.Now(), three, "a@konec.com.au")
		})

		return throttle.RecordRefusal(origin.With(t.Context(), from(home)), p.db, p.clock.Now(), err, event)
	}

	for range 3 {
		if err := use(); err != nil {
			t.Fatal(err)
		}
	}

	for range 2 {
		if err := use(); !errors.Is(err, problem.ErrTooManyRequests) {
			t.Errorf("the fourth: %v", err)
		}
	}

	want := []string{event.AccountID + " reset three " + p.in(time.Minute)}
	if got := p.refused(t); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}

	if err := throttle.RecordRefusal(origin.With(t.Context(), from(home)), p.db, p.clock.Now(), lost, event); !errors.Is(err, lost) {
		t.Errorf("an error that is not a refusal: %v", err)
	}

	if got := p.refused(t); !slices.Equal(got, want) {
		t.Errorf("an error that is not a refusal was recorded: %q", got)
	}
}

// An outage after a refusal is reported as an outage, and no limit is recorded.
func TestOutageIsNoRefusal(t *testing.T) {
	t.Parallel()

	p := newPatient(t, usual)
	outage := problem.ErrUnavailable.WithCause(throttle.Refuse(p.clock.Now(), p.clock.Now().Add(time.Minute), "three", "a"))

	err := throttle.RecordRefusal(origin.With(t.Context(), from(home)), p.db, p.clock.Now(), outage, audit.Event{Subject: "a"})
	if !errors.Is(err, problem.ErrUnavailable) {
		t.Errorf("%v", err)
	}

	if got := p.refused(t); len(got) != 0 {
		t.Errorf("refused %q", got)
	}
}

// R-E6: a refusal that cannot be recorded is an outage.
func TestTellWithoutADatabase(t *testing.T) {
	t.Parallel()

	p := newPatient(t, usual)
	refused := throttle.Refuse(p.clock.Now(), p.clock.Now().Add(time.Minute), "three", "a")

	p.db.Close()

	err := throttle.RecordRefusal(origin.With(t.Context(), from(home)), p.db, p.clock.Now(), refused, audit.Event{})
	if err == nil || errors.Is(err, problem.ErrTooManyRequests) {
		t.Errorf("%v", err)
	}
}
