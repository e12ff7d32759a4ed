package authorization_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// rightsTable names the rights that each operation of administrators requires. It is read instead of the document: an
// operation whose right is weakened in the document must not weaken what is expected.
const rightsTable = "testdata/rights.txt"

// requiredRights returns the table.
func requiredRights() (map[string]authority.Rights, error) {
	text, err := os.ReadFile(rightsTable)
	if err != nil {
		return nil, err
	}

	table := map[string]authority.Rights{}

	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}

		var rights authority.Rights
		for _, right := range strings.Fields(line)[1:] {
			rights = append(rights, authority.Right(right))
		}

		table[strings.Fields(line)[0]] = rights
	}

	return table, nil
}

// CON-D1: every operation of administrators requires exactly the rights of the checked-in table.
func TestRightsAreThoseOfTheTable(t *testing.T) {
	t.Parallel()

	table, err := requiredRights()
	if err != nil {
		t.Fatal(err)
	}

	for _, o := range world.Operations() {
		var documented authority.Rights

		switch value := o.Extensions["x-required-right"].(type) {
		case string:
			documented = authority.Rights{authority.Right(value)}
		case []any:
			for _, right := range value {
				documented = append(documented, authority.Right(right.(string)))
			}
		}

		if !slices.Equal(documented, table[o.OperationID]) {
			t.Errorf("%s requires %q in the document and %q in %s", o.OperationID, documented, table[o.OperationID], rightsTable)
		}

		delete(table, o.OperationID)
	}

	for id := range table {
		t.Errorf("%s is in %s, and not in the document", id, rightsTable)
	}
}

// rightsOfTheTable is the name of the group that has the rights of an operation and no others.
func rightsOfTheTable(o world.Operation) string { return "Rights of " + o.OperationID }

// rightStates are the states of callers who have one right alone, and of those who have just the rights that the operation
// requires. Only operations of administrators are called in them.
func rightStates(table map[string]authority.Rights) []state {
	list := []state{
		{name: "bearer, the table's rights alone", byRight: true, send: bearer(ownToken), bearer: valid, rightsOf: table},
		{name: "cookie, the table's rights alone", byRight: true, send: world.WithSession, cookie: valid, xsrf: true, rightsOf: table},
	}

	for _, right := range authority.All {
		list = append(list, state{
			name: "bearer, " + string(right) + " alone", byRight: true, group: "Only " + string(right), right: right,
			send: bearer(ownToken), bearer: valid, rightsOf: table,
		})
	}

	return list
}

// mayAdminister reports whether a member of the group may call the operation.
func (s state) mayAdminister(o world.Operation, group string) bool {
	required := s.rightsOf[o.OperationID]

	switch {
	case group == world.GroupAdmin || group == rightsOfTheTable(o):
		return true
	case s.right != "" && group != account.GroupNone:
		return authority.Rights{s.right}.Include(required)
	}

	return false
}

// seedGroups makes the groups of rightStates.
func seedGroups(t *testing.T, m *world.Matrix, table map[string]authority.Rights) {
	t.Helper()

	seed := func(name string, rights authority.Rights) {
		m.Update(t, "INSERT INTO member_group (name, rights, created_at, updated_at) VALUES ($1, $2, now(), now())", name, rights.Texts())
	}

	for _, right := range authority.All {
		seed("Only "+string(right), authority.Rights{right})
	}

	for id, rights := range table {
		if slices.Contains(rights, authority.Any) {
			rights = authority.Rights{authority.AuditRead}
		}

		seed("Rights of "+id, rights)
	}
}
