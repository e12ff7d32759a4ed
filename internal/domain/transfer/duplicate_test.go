package transfer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/transfer"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// full returns a line with every value that only one account can have.
func full(id int, email, phone, openID string) string {
	return object("id", fmt.Sprintf("%024x", id), "email", email, "name", "N", "phone", phone, "lark", map[string]string{"open_id": openID})
}

// clashing returns a file whose lines conflict with each other and with account 1. filler is the number of valid lines
// in between, so that they are in different batches.
func clashing(filler int) (text string, remarks []string) {
	lines := []string{
		full(1, "one@konec.test", "+8613800000001", "ou_1"), // exists already
		full(1, "other@konec.test", "", "ou_9"),
		full(2, "one@konec.test", "", "ou_9"),
		full(3, "three@konec.test", "+8613800000001", "ou_9"),
		full(4, "four@konec.test", "", "ou_1"),
		full(5, "Five@konec.test", "+8613800000005", "ou_5"), // imported
	}

	for i := range filler {
		lines = append(lines, object("email", fmt.Sprintf("filler%d@konec.test", i), "name", "F"))
	}

	lines = append(lines,
		full(5, "five@KONEC.test", "", "ou_9"), // exists by now
		full(5, "six@konec.test", "", "ou_9"),
		full(7, "five@konec.test", "", "ou_9"),
		full(8, "eight@konec.test", "+8613800000005", "ou_9"),
		full(9, "nine@konec.test", "", "ou_5"),
		full(10, "ten@konec.test", "", "ou_9"), // imported
	)

	id := func(i int) string { return fmt.Sprintf("%024x", i) }

	remarks = []string{
		"line 2: id: there is an account with this id", "line 3: email: the account " + id(1), "line 4: phone: the account " + id(1),
		"line 5: lark: the account " + id(1),
	}
	for i, rest := range []string{"id: there is", "email: the account " + id(5), "phone: the account " + id(5), "lark: the account " + id(5)} {
		remarks = append(remarks, fmt.Sprintf("line %d: %s", 8+filler+i, rest))
	}

	return strings.Join(lines, "\n"), remarks
}

// T-28: an id, an address, a number and an identity at Lark belong to one account, the first; and a dry run reports
// what the import then does.
func TestDuplicates(t *testing.T) {
	t.Parallel()

	for name, filler := range map[string]int{"InOneBatch": 0, "InTwo": 6_000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			e := setup(t)
			e.imports(t, full(1, "one@konec.test", "+8613800000001", "ou_1")).succeeds(t, 1, 0)

			before := e.exports(t, everything)
			text, remarks := clashing(filler)

			dry := e.imports(t, text, func(o *transfer.Options) { o.DryRun = true })
			dry.succeeds(t, int64(2+filler), 2, remarks...)

			if after := e.exports(t, everything); after != before {
				t.Errorf("a dry run left %s", after)
			}

			if left := value[int64](t, e, "SELECT count(*) FROM account_import") + value[int64](t, e, "SELECT count(*) FROM audit_event WHERE action = 'account.imported'"); left != 2 {
				t.Errorf("a dry run left %d rows", left-2)
			}

			real := e.imports(t, text)
			real.succeeds(t, int64(2+filler), 2, remarks...)

			if !slices.Equal(dry.remarks, real.remarks) {
				t.Errorf("a dry run says %v, and the run %v", dry.remarks, real.remarks)
			}

			if n := e.accounts(t); n != int64(3+filler) {
				t.Errorf("%d accounts", n)
			}

			// The second time no account is imported, and the same lines are refused.
			e.imports(t, text).succeeds(t, 0, int64(4+filler), remarks...)
		})
	}
}

// T-04: a user registers with an address of the file at the moment of its batch. The user keeps it, the line is
// reported, and the others are imported.
func TestSomebodyRegistersMeanwhile(t *testing.T) {
	t.Parallel()

	e := setup(t)

	other, err := e.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback(t.Context())

	const add = "INSERT INTO account (id, email, name, member_group, created_at, updated_at) VALUES ($1, $2, 'Other', 'None', now(), now())"
	for i, email := range []string{"person7@konec.test", "person333@konec.test"} {
		if _, err := other.Exec(t.Context(), add, strings.Repeat(fmt.Sprint(i+1), 24), email); err != nil {
			t.Fatal(err)
		}
	}

	done := make(chan outcome, 1)

	go func() { done <- e.imports(t, gatewayLines(1, 501)) }()

	// The import has looked the address up, has not seen it, and waits for the other transaction.
	apptest.Eventually(t, "the import waits", func() bool {
		return value[bool](t, e, "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ILIKE 'copy%')")
	})

	if err := other.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}

	(<-done).succeeds(t, 498, 0, "line 7: email: another account has just taken it", "line 333: email: another account has just taken it")

	if n := e.accounts(t); n != 500 {
		t.Errorf("%d accounts", n)
	}
}

// An account that was deleted here is not restored by a file, and is not reported as existing.
func TestDeletedStaysDeleted(t *testing.T) {
	t.Parallel()

	e := setup(t)
	e.imports(t, gatewayLines(1, 3)).succeeds(t, 2, 0)

	if _, err := e.pool.Exec(t.Context(), "UPDATE account SET status = 'deleted', deleted_at = now() WHERE email = 'person1@konec.test'"); err != nil {
		t.Fatal(err)
	}

	e.imports(t, gatewayLines(1, 3)).succeeds(t, 0, 1, "line 1: _id: the account 000000000000000000000001 was deleted here")
	e.imports(t, object("email", "person1@konec.test", "name", "N")).succeeds(t, 0, 0, "line 1: id: the account 000000000000000000000001 was deleted here")
	e.imports(t, e.exports(t, everything)).succeeds(t, 0, 2)
}
