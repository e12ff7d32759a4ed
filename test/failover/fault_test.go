//go:build battery && linux

package failover_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// A fault is something that breaks, and what ends it.
type fault struct {
	name   string
	node   string   // what is repaired at the end, if anything
	breaks []string // the command of deploy/cluster
	then   func()   // what makes it felt, if the command is not enough
	// Another leader is expected within this time.
	within time.Duration
	// The calls are watched for so long. Then the operator acts, if there is a command.
	watched  time.Duration
	operator []string
}

func (f fault) changesLeader() bool { return f.within > 0 }

// outcome is what users noticed of a fault.
type outcome struct {
	fault            string
	silence          time.Duration // the longest time without a write that succeeded
	leaderAfter      time.Duration // from the fault to another leader
	firstAfterLeader time.Duration
	waited, served   int            // refreshes that began while no write succeeded, and those of them that succeeded
	failed           map[string]int // calls, by operation and result
	calls            int
	slowest          time.Duration // of the calls
	signedOut        int
	lost             int // acknowledged refreshes and registrations that the database does not have
}

// inject breaks something, watches the calls, repairs it, and waits until the cluster is whole. It holds the calls to what is
// promised.
func (l *load) inject(t *testing.T, f fault) outcome {
	t.Helper()

	c := l.cluster
	c.run(t, "wait")
	l.await(t, "calls succeed before the fault", func() bool { return l.successes(time.Now().Add(-2*time.Second)) > 10 })

	leader, signedOut := c.run(t, "leader"), l.snapshot().signedOut
	broken := time.Now()
	command := f.breaks

	if f.watched > 0 || f.then != nil {
		c.run(t, f.breaks...)

		command = f.operator
	}

	if f.then != nil {
		f.then()
	}

	<-time.After(f.watched)

	o := outcome{fault: f.name}
	if f.changesLeader() {
		o.leaderAfter = l.changeLeader(t, f, leader, command).Sub(broken)
	}

	after := time.Now()
	l.await(t, "calls succeed after the fault", func() bool { return l.successes(after) > 10 })
	l.await(t, "refreshes that began before have ended", func() bool { return l.open(after) == 0 })

	if f.node != "" {
		c.run(t, "repair", f.node)
	}

	c.run(t, "wait")
	l.judge(&o, broken)

	o.signedOut = l.snapshot().signedOut - signedOut
	o.lost = l.lost(t)
	t.Log(o)

	if o.signedOut > 0 || o.lost > 0 {
		t.Errorf("%d users were signed out, %d writes lost", o.signedOut, o.lost)
	}

	if f.changesLeader() && 100*o.served < 99*o.waited {
		t.Errorf("%d of %d refreshes succeeded that began while there was no leader", o.served, o.waited)
	}

	return o
}

// changeLeader runs the command, if there is one, and returns when there is another leader.
func (l *load) changeLeader(t *testing.T, f fault, leader string, command []string) time.Time {
	t.Helper()

	done := make(chan error, 1)

	go func() {
		var err error
		if command != nil {
			_, err = l.cluster.try("", command...)
		}

		done <- err
	}()

	next, at := l.cluster.awaitLeader(t, leader, f.within)
	if next == "" {
		t.Errorf("%s: no other leader within %s", f.name, f.within)
		l.cluster.run(t, "repair", f.node)

		at = time.Now()
	}

	if err := <-done; err != nil {
		t.Error(err)
	}

	return at
}

// judge finds what the calls since the fault show.
func (l *load) judge(o *outcome, broken time.Time) {
	calls := l.snapshot().calls

	var (
		ends     []time.Time // of the writes that succeeded
		from, to time.Time
	)

	for _, one := range calls {
		if one.operation != "me" && one.result == ok {
			ends = append(ends, one.ended)
		}
	}

	slices.SortFunc(ends, time.Time.Compare)

	for i := 1; i < len(ends); i++ {
		if ends[i].After(broken) && ends[i].Sub(ends[i-1]) > o.silence {
			from, to = ends[i-1], ends[i]
			o.silence = to.Sub(from)
		}
	}

	if o.leaderAfter > 0 && to.After(broken.Add(o.leaderAfter)) {
		o.firstAfterLeader = to.Sub(broken.Add(o.leaderAfter))
	}

	o.failed = map[string]int{}

	for _, one := range calls {
		if one.operation == "refresh" && one.began.After(from) && one.began.Before(to) {
			o.waited++

			if one.result == ok {
				o.served++
			}
		}

		if one.ended.After(broken) {
			o.calls++
			o.slowest = max(o.slowest, one.ended.Sub(one.began))

			if one.result != ok {
				o.failed[one.operation+": "+one.result]++
			}
		}
	}
}

// lost returns the number of acknowledged refreshes and registrations that are not in the database.
func (l *load) lost(t *testing.T) int {
	t.Helper()

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()

	before := l.snapshot()

	var accounts, reopened int

	err := l.cluster.db.QueryRow(ctx, `SELECT (SELECT count(*) FROM account WHERE email = ANY($1)), (SELECT count(*) FROM test_reopened)`,
		before.registered).Scan(&accounts, &reopened)
	if err != nil {
		t.Fatal(err)
	}

	behind := 0

	for session, generation := range before.acknowledged {
		var stored int64
		if err := l.cluster.db.QueryRow(ctx, `SELECT greatest(generation, rival) FROM session WHERE id = $1`, session).Scan(&stored); err != nil {
			t.Errorf("session %s: %v", session, err)
		}

		if stored < generation {
			behind++
		}
	}

	if lost := len(before.registered) - accounts + reopened + behind; lost > 0 {
		t.Errorf("of %d registrations %d are there; %d refreshes came with a token that the database did not know, %d sessions are behind",
			len(before.registered), accounts, reopened, behind)

		return lost
	}

	return 0
}

// A client that presents a token which the database does not know brings the session forward. Nothing would show that a
// refresh was lost, so the database of this test records it.
const recordReopened = `
CREATE TABLE test_reopened (session text, was bigint, became bigint);
CREATE FUNCTION test_record_reopened() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
	INSERT INTO public.test_reopened VALUES (NEW.id, OLD.generation, NEW.generation);
	RETURN NULL;
END $$;
CREATE TRIGGER test_reopened AFTER UPDATE ON session FOR EACH ROW
	WHEN (NEW.generation > greatest(OLD.generation, OLD.rival) + 1) EXECUTE FUNCTION test_record_reopened();`

type state struct {
	calls        []call
	acknowledged map[string]int64
	registered   []string
	signedOut    int
}

func (l *load) snapshot() state {
	l.mu.Lock()
	defer l.mu.Unlock()

	s := state{acknowledged: maps.Clone(l.acknowledged), registered: slices.Clone(l.registered), signedOut: l.signedOut}
	for _, one := range l.calls {
		s.calls = append(s.calls, *one)
	}

	return s
}

// failures counts the calls since a time that failed.
func (l *load) failures(since time.Time) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()

	for _, one := range l.calls {
		if one.began.After(since) && !one.ended.IsZero() && one.result != ok {
			n++
		}
	}

	return n
}

// successes counts the writes since a time that succeeded.
func (l *load) successes(since time.Time) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()

	for _, one := range l.calls {
		if one.operation != "me" && one.began.After(since) && one.result == ok {
			n++
		}
	}

	return n
}

// open counts the calls from before a time that have not ended.
func (l *load) open(before time.Time) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()

	for _, one := range l.calls {
		if one.ended.IsZero() && one.began.Before(before) {
			n++
		}
	}

	return n
}

func (l *load) await(t *testing.T, what string, holds func() bool) {
	t.Helper()

	for end := time.Now().Add(2 * time.Minute); !holds(); <-time.After(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func (o outcome) String() string {
	var failed []string
	for _, kind := range slices.Sorted(maps.Keys(o.failed)) {
		failed = append(failed, fmt.Sprintf("%s × %d", kind, o.failed[kind]))
	}

	if failed == nil {
		failed = []string{"none"}
	}

	return fmt.Sprintf("%-23s %9s %11s %11s %12s %9s %6d %4d %10d   %s", o.fault, seconds(o.silence), seconds(o.leaderAfter), seconds(o.firstAfterLeader),
		fmt.Sprintf("%d of %d", o.served, o.waited), seconds(o.slowest), o.calls, o.lost, o.signedOut, strings.Join(failed, ", "))
}

const header = "fault                     silence  new leader  first then   refreshes*   slowest  calls lost signed out   calls that failed"

func seconds(d time.Duration) string {
	if d == 0 {
		return "-"
	}

	return fmt.Sprintf("%.2f s", d.Seconds())
}
