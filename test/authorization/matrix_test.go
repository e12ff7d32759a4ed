package authorization_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

var updateAuthorization = flag.Bool("authorization.update", false, "TestAuthorizationMatrix writes its table anew")

const (
	authorizationTable = "testdata/authorization.txt"
	authorizationHead  = `# Who may do what: every operation of the document, with every credential that a caller could send.
# The calls are valid in everything else. "own" is the owner of what the call is about.
# Written by: go test ./test/authorization -run TestAuthorizationMatrix -authorization.update
# Read every line that changes: a response below 400 lets a caller in.
`
)

// matrixCall is one line of the table: a call with a credential.
type matrixCall struct {
	world.Operation
	validCall
	state

	own, other, named *world.Member
}

// T-28, R-J10, R-H8, R-F11, R-H3, R-H4: the response of every operation to every credential is the one in the
// checked-in table, and the one that follows from the operation's security in the document. A refused call leaves no
// trace.
func TestAuthorizationMatrix(t *testing.T) {
	t.Parallel()

	m := world.NewMatrix(t)
	byID := map[string]world.Operation{}
	covered := map[string]bool{}

	for _, o := range world.Operations() {
		byID[o.OperationID] = o
	}

	table, err := requiredRights()
	if err != nil {
		t.Fatal(err)
	}

	seedGroups(t, m, table)
	all := slices.Concat(states, rightStates(table))

	var waiting sync.WaitGroup

	slots := make(chan struct{}, 4) // more would wait for a database connection until they get 503

	for _, c := range slices.Concat(validCalls, appCalls, adminCalls) {
		covered[c.operation] = true
		slots <- struct{}{}

		waiting.Go(func() {
			checkOperation(t, m, byID[c.operation], c, all)
			<-slots
		})
	}

	waiting.Wait()

	for id := range byID {
		if !covered[id] {
			t.Errorf("no valid call of the operation %s: add one to the list in call_test.go", id)
		}
	}

	expectNoTrace(t, m)
	slices.Sort(m.Lines)

	if len(m.Lines) < 1_000 {
		t.Errorf("%d lines, want at least 1,000", len(m.Lines))
	}

	compare(t, m)
}

// checkOperation makes one valid call in every state, each with users of its own.
func checkOperation(t *testing.T, m *world.Matrix, o world.Operation, c validCall, states []state) {
	t.Helper()

	if !o.IsAdmin() {
		states = slices.DeleteFunc(slices.Clone(states), func(s state) bool { return s.byRight })
	}

	people := map[string][]*world.Member{}
	for _, s := range states {
		group := s.groupOf(o)
		people[group] = append(people[group], nil)
	}

	for group, list := range people {
		people[group] = m.Members(t, len(list), group)
	}

	others := m.Members(t, 2*len(states), account.GroupNone)

	for i, s := range states {
		if c.costly && !s.withCostly {
			continue
		}

		group := s.groupOf(o)
		own := people[group][0]
		people[group] = people[group][1:]

		check(t, m, matrixCall{Operation: o, validCall: c, state: s, own: own, other: others[2*i], named: others[2*i+1]})
	}
}

// check makes one call and compares the response with the rules.
func check(t *testing.T, m *world.Matrix, c matrixCall) {
	t.Helper()

	ready := c.prepare(t, m, c.Operation, c.own, c.other, c.named)
	if c.before != nil {
		c.before(t, m.Seeder, c.own)
	}

	asked := c.send(m.Seeder, ready, c.own, c.other)
	reply := asked.To(t, m.Server)

	// An overloaded gateway has done nothing, so the call is repeated.
	for range 5 {
		if reply.Status != http.StatusServiceUnavailable {
			break
		}

		reply = asked.To(t, m.Server)
	}

	got := world.StatusAndCode(reply)
	line := fmt.Sprintf("%-6s %-31s  %-24s  %-36s  %s", c.Method, c.Path, orDash(c.object), c.name, got)

	if want := c.want(); got != want {
		t.Errorf("%s\nwant %s", line, want)
	}

	m.Mu.Lock()
	defer m.Mu.Unlock()

	m.Lines = append(m.Lines, line)

	if c.refused(c.Operation) != "" {
		m.Refused = append(m.Refused, c.own.ID, c.other.ID, c.named.ID)
	}
}

// want returns the response that follows from the document and the contract.
func (c matrixCall) want() string {
	if refused := c.refused(c.Operation); refused != "" {
		return refused
	}

	switch {
	case c.visitorWant != "" && !c.signedIn():
		return c.visitorWant
	case c.oldSignInWant != "" && c.oldSignIn:
		return c.oldSignInWant
	case c.otherWant != "" && c.isOther(c.Operation):
		return c.otherWant
	}

	return c.validCall.want
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}

	return s
}

// expectNoTrace checks that refused calls have not changed their accounts.
func expectNoTrace(t *testing.T, m *world.Matrix) {
	t.Helper()

	var changed, events int

	err := m.Pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM account WHERE id = ANY($1) AND (version > 0 OR sign_in_count > 0)),
			(SELECT count(*) FROM audit_event WHERE account_id = ANY($1))`, m.Refused).Scan(&changed, &events)
	if err != nil || changed > 0 || events > 0 {
		t.Errorf("of %d users whose call was refused, %d were changed, and %d events are about them (%v)", len(m.Refused), changed, events, err)
	}
}

// compare compares the table with the checked-in one.
func compare(t *testing.T, m *world.Matrix) {
	t.Helper()

	if *updateAuthorization && !t.Failed() {
		text := authorizationHead + strings.Join(m.Lines, "\n") + "\n"
		if err := os.WriteFile(authorizationTable, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	text, err := os.ReadFile(authorizationTable)
	if err != nil {
		t.Fatal(err)
	}

	listed := strings.Split(strings.TrimSuffix(strings.TrimPrefix(string(text), authorizationHead), "\n"), "\n")

	for _, line := range without(m.Lines, listed) {
		t.Errorf("not in %s: %s", authorizationTable, line)
	}

	for _, line := range without(listed, m.Lines) {
		t.Errorf("only in %s: %s", authorizationTable, line)
	}

	t.Logf("%d cells", len(m.Lines))
}

// without returns the lines that others lacks.
func without(lines, others []string) []string {
	there := map[string]bool{}
	for _, line := range others {
		there[line] = true
	}

	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return there[line] })
}
