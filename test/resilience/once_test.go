package resilience_test

import (
	"maps"
	"regexp"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/pgproxy"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// effects are what the operations leave, as counts by name. Guesses at codes are left out: one that is counted twice after
// a lost COMMIT is on the safe side, and so are changes of a minute and failures of a network.
const effects = `
	SELECT 'event ' || action, count(*) FROM audit_event GROUP BY action
	UNION ALL SELECT 'versions of accounts', sum(version) FROM account
	UNION ALL SELECT 'accounts', count(*) FROM account
	UNION ALL SELECT 'versions of groups', sum(version) FROM member_group
	UNION ALL SELECT 'versions of webhooks', sum(version) FROM webhook WHERE deleted_at IS NULL
	UNION ALL SELECT 'sessions', count(*) FROM session
	UNION ALL SELECT 'ended sessions', count(*) FROM session WHERE revoked_at IS NOT NULL
	UNION ALL SELECT 'messages', count(*) FROM delivery
	UNION ALL SELECT 'codes', count(*) FROM code
	UNION ALL SELECT 'counted ' || split_part(key, ' ', 1), sum(count) FROM throttle WHERE key NOT LIKE '%guess%' AND key NOT LIKE 'changes %' AND key NOT LIKE 'failures %' GROUP BY 1
	UNION ALL SELECT 'failures', sum(count) FROM failure`

// R-M3, T-36: whatever operation a COMMIT belongs to, if its answer is lost, the operation has one effect, and the caller
// gets the response as if nothing had happened. One gateway runs without faults; the others lose the first, the second and
// the third COMMIT of each operation.
func TestLostCommitHasOneEffect(t *testing.T) {
	t.Parallel()

	want := runAll(t, -1)

	for n := range 3 {
		t.Run([]string{"First", "Second", "Third"}[n], func(t *testing.T) {
			t.Parallel()

			lost := 0

			for id, got := range runAll(t, n) {
				if got.lost {
					lost++
				}

				if got.status != want[id].status {
					t.Errorf("%s: status %d, want %d", id, got.status, want[id].status)
				}

				if !maps.Equal(got.effects, want[id].effects) {
					t.Errorf("%s: %v, want %v", id, got.effects, want[id].effects)
				}
			}

			if lost == 0 {
				t.Error("no COMMIT was lost: the test sees nothing")
			}

			t.Logf("%d operations lost a COMMIT", lost)
		})
	}
}

// outcome is what an operation left.
type outcome struct {
	status  int
	effects map[string]int // what has changed
	lost    bool           // the answer to a COMMIT
}

// runAll runs every operation once, and loses the answer to the nth COMMIT of each; none if n is negative.
func runAll(t *testing.T, n int) map[string]outcome {
	t.Helper()

	proxy := pgproxy.New(t, postgrestest.New(t))
	g := world.GatewayOn(t, apptest.On(t, proxy.URL, world.WithoutWaits))
	g.Clock.Stop() // no window of a limit ends meanwhile

	names := world.RequestQueries(t)
	outcomes := map[string]outcome{}

	for _, o := range world.Operations() {
		g.KeepSignedIn(t)

		before := countEffects(t, g)

		var (
			armed   atomic.Bool
			commits atomic.Int32
		)

		armed.Store(true)

		fault := proxy.Inject(func(statement string, transaction []string) bool {
			return armed.Load() && commitsOfRequest(statement, transaction, names) && int(commits.Add(1))-1 == n
		}, pgproxy.CutAfter)

		got := g.Call(o).To(t, g.Server)
		armed.Store(false)

		one := outcome{status: got.Status, effects: map[string]int{}}

		for name, count := range countEffects(t, g) {
			if changed := count - before[name]; changed != 0 {
				one.effects[name] = changed
			}
		}

		select {
		case <-fault.Reached:
			one.lost = true
		default:
		}

		// These count an attempt against the networks alone: twice after a lost COMMIT is on the safe side.
		if o.OperationID == "register" || o.OperationID == "resetPassword" {
			delete(one.effects, "counted failures")
		}

		outcomes[o.OperationID] = one
	}

	return outcomes
}

func countEffects(t *testing.T, g *world.Gateway) map[string]int {
	t.Helper()

	rows, err := g.Pool.Query(t.Context(), effects)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()

	counts := map[string]int{}

	for rows.Next() {
		var (
			name  string
			count *int
		)

		if err := rows.Scan(&name, &count); err != nil {
			t.Fatal(err)
		}

		if count != nil {
			counts[name] = *count
		}
	}

	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}

	return counts
}

// commitsOfRequest reports whether a statement commits what a request has done: a COMMIT, or a statement outside a
// transaction that writes.
func commitsOfRequest(statement string, transaction []string, names map[string]bool) bool {
	named := func(s string) bool {
		match := queryName.FindStringSubmatch(s)

		return match != nil && names[match[1]]
	}

	if statement == "commit" {
		return slices.ContainsFunc(transaction, named)
	}

	open := len(transaction) > 0 && transaction[0] == "begin" &&
		!slices.Contains(transaction, "commit") && !slices.Contains(transaction, "rollback")

	return !open && named(statement) && writes.MatchString(statement)
}

var (
	queryName = regexp.MustCompile(`^-- name: (\w+) :`)
	writes    = regexp.MustCompile(`(?m)^\s*(INSERT INTO|UPDATE|DELETE FROM) `)
)
