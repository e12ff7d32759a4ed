package app_test

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
	"github.com/konec/toolkit-gateway/internal/platform/config"
)

var updateAuthorization = flag.Bool("authorization.update", false, "TestAuthorizationMatrix writes its table anew")

const (
	authorizationTable = "testdata/authorization.txt"
	authorizationHead  = `# Who may do what: every operation of the document, with every credential that a caller could bring.
# The calls are good in everything else. "own" is the owner of what the call is about.
# Written by: go test ./internal/app -run TestAuthorizationMatrix -authorization.update
# Read every line that changes: an answer below 400 lets somebody in.
`
)

// matrix is a gateway that makes nobody wait, with all its settings, and a clerk.
type matrix struct {
	*clerk

	lark *fakeLark

	mu      sync.Mutex
	lines   []string
	refused []string // the accounts of calls that must have changed nothing
}

// cell is one line of the table.
type cell struct {
	operation
	aim
	state

	own, other, named *member
}

// T-28, R-J10, R-H8, R-F11, R-H3, R-H4: every operation answers every credential as the table says that is
// checked in, and as follows from the operation's security in the document. Who is refused leaves no trace.
func TestAuthorizationMatrix(t *testing.T) {
	t.Parallel()

	m := newMatrix(t)
	byID := map[string]operation{}
	aimed := map[string]bool{}

	for _, o := range operations() {
		byID[o.OperationID] = o
	}

	var waiting sync.WaitGroup

	turns := make(chan struct{}, 4) // more would wait for a connection until they are told to come again

	for _, a := range slices.Concat(aims, adminAims) {
		aimed[a.operation] = true
		turns <- struct{}{}

		waiting.Go(func() {
			m.row(t, byID[a.operation], a)
			<-turns
		})
	}

	waiting.Wait()

	for id := range byID {
		if !aimed[id] {
			t.Errorf("nobody aims at the operation %s: add it to the list in authorization_call_test.go", id)
		}
	}

	m.expectNoTrace(t)
	slices.Sort(m.lines)

	if len(m.lines) < 1_000 {
		t.Errorf("%d cells, want 1,000 at the least", len(m.lines))
	}

	m.compare(t)
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()

	lark := newFakeLark(t)
	d := newDesk(t, tolerant, larkAt(lark.URL), func(c *config.Config) {
		c.Origins, c.UploadURL = []string{console}, "https://upload.konec.test"
	})
	d.Clock.Stop() // no code grows old on the way

	return &matrix{clerk: newClerk(t, d.Env), lark: lark}
}

// row makes all the calls of an aim, each for people of its own.
func (m *matrix) row(t *testing.T, o operation, a aim) {
	t.Helper()

	people := map[string][]*member{}
	for _, s := range states {
		group := s.groupOf(o)
		people[group] = append(people[group], nil)
	}

	for group, list := range people {
		people[group] = m.members(t, len(list), group)
	}

	bystanders := m.members(t, 2*len(states), account.GroupNone)

	for i, s := range states {
		if a.costly && !s.first {
			continue
		}

		group := s.groupOf(o)
		own := people[group][0]
		people[group] = people[group][1:]

		m.fill(t, cell{operation: o, aim: a, state: s, own: own, other: bystanders[2*i], named: bystanders[2*i+1]})
	}
}

// fill makes one call, and holds the answer against the rules.
func (m *matrix) fill(t *testing.T, c cell) {
	t.Helper()

	ready := c.ready(t, m, c.operation, c.own, c.other, c.named)
	if c.happened != nil {
		c.happened(t, m.clerk, c.own)
	}

	asked := c.send(m.clerk, ready, c.own, c.other)
	reply := asked.to(t, m.Server)

	// A busy machine says so, and has done nothing.
	for range 5 {
		if reply.status != http.StatusServiceUnavailable {
			break
		}

		reply = asked.to(t, m.Server)
	}

	got := answerOf(reply)
	line := fmt.Sprintf("%-6s %-31s  %-24s  %-36s  %s", c.method, c.path, orDash(c.object), c.name, got)

	if want := c.want(); got != want {
		t.Errorf("%s\nwant %s", line, want)
	}

	m.mu.Lock()
	defer m.mu.Unlock()

	m.lines = append(m.lines, line)

	if c.refused(c.operation) != "" {
		m.refused = append(m.refused, c.own.id, c.other.id, c.named.id)
	}
}

// want is what follows from the document and the contract.
func (c cell) want() string {
	if refused := c.refused(c.operation); refused != "" {
		return refused
	}

	switch {
	case c.stranger != "" && !c.signedIn():
		return c.stranger
	case c.late != "" && c.old:
		return c.late
	case c.another != "" && c.isOther(c.operation):
		return c.another
	}

	return c.aim.want
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}

	return s
}

// expectNoTrace wants the accounts of refused calls to be as they were made.
func (m *matrix) expectNoTrace(t *testing.T) {
	t.Helper()

	var changed, events int

	err := m.Pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM account WHERE id = ANY($1) AND (version > 0 OR sign_in_count > 0)),
			(SELECT count(*) FROM audit_event WHERE account_id = ANY($1))`, m.refused).Scan(&changed, &events)
	if err != nil || changed > 0 || events > 0 {
		t.Errorf("of %d people whose call was refused, %d were changed, and %d events are about them (%v)", len(m.refused), changed, events, err)
	}
}

// compare holds the table against the one that is checked in.
func (m *matrix) compare(t *testing.T) {
	t.Helper()

	if *updateAuthorization && !t.Failed() {
		text := authorizationHead + strings.Join(m.lines, "\n") + "\n"
		if err := os.WriteFile(authorizationTable, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	text, err := os.ReadFile(authorizationTable)
	if err != nil {
		t.Fatal(err)
	}

	listed := strings.Split(strings.TrimSuffix(strings.TrimPrefix(string(text), authorizationHead), "\n"), "\n")

	for _, line := range without(m.lines, listed) {
		t.Errorf("not in %s: %s", authorizationTable, line)
	}

	for _, line := range without(listed, m.lines) {
		t.Errorf("only in %s: %s", authorizationTable, line)
	}

	t.Logf("%d cells", len(m.lines))
}

// without are the lines that the others lack.
func without(lines, others []string) []string {
	there := map[string]bool{}
	for _, line := range others {
		there[line] = true
	}

	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return there[line] })
}

// operationOf is the one of that id.
func operationOf(t *testing.T, id string) operation {
	t.Helper()

	for _, o := range operations() {
		if o.OperationID == id {
			return o
		}
	}

	t.Fatalf("the document has no operation %s", id)

	return operation{}
}

// asked is a call of the operation of that id, with a body, without a credential.
func (m *matrix) asked(t *testing.T, id string, body map[string]any) call {
	t.Helper()

	return operationOf(t, id).asked("", body)
}

// journeyOf is the way back from Lark of who is bound there, to sign in.
func (m *matrix) journeyOf(t *testing.T, h *member) call {
	t.Helper()

	return returning(login)(t, m, operationOf(t, "returnFromLark"), h, nil, h)
}

// by is the call, from the browser in which a person is signed in.
func (m *matrix) by(h *member, c call) call { return browsing(m.clerk, c, h, nil) }

// visit is the call, from that browser before anybody signed in.
func (m *matrix) visit(h *member, c call) call { return visiting(m.clerk, c, h, nil) }

// everything is all that is known of accounts, and of how people come into them.
func (m *matrix) everything(t *testing.T) (text string) {
	t.Helper()

	err := m.Pool.QueryRow(t.Context(), `
		SELECT concat_ws(' ',
			(SELECT md5(string_agg(a::text, '' ORDER BY a.id)) FROM account a),
			(SELECT md5(string_agg(s::text, '' ORDER BY s.id)) FROM session s),
			(SELECT md5(string_agg(c::text, '' ORDER BY c.digest)) FROM session_cookie c),
			(SELECT md5(string_agg(concat(t.account_id, t.id), '' ORDER BY t.id)) FROM totp t),
			(SELECT md5(string_agg(r::text, '' ORDER BY r.digest)) FROM recovery_code r),
			(SELECT md5(string_agg(i::text, '' ORDER BY i.subject)) FROM identity i))`).Scan(&text)
	if err != nil {
		t.Fatal(err)
	}

	return text
}
