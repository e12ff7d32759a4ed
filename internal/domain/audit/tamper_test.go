package audit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

// sealed returns 9 events in three batches. Number 5 was never used: its transaction was rolled back.
func sealed(t *testing.T) *env {
	t.Helper()

	e := setup(t)

	for batch := range 3 {
		if batch == 1 {
			e.record(t, 1)
			e.exec(t, "SELECT nextval(pg_get_serial_sequence('audit_event', 'id'))")
			e.record(t, 2)
		} else {
			e.record(t, 3)
		}

		e.seal(t)
	}

	return e
}

// expect expects exactly these faults, each in part.
func expect(t *testing.T, verdict audit.Verdict, want ...string) {
	t.Helper()

	if verdict.FaultCount != int64(len(want)) {
		t.Errorf("%d faults, want %d:\n%s", verdict.FaultCount, len(want), strings.Join(verdict.Faults, "\n"))
	}

	for _, part := range want {
		if !strings.Contains(strings.Join(verdict.Faults, "\n"), part) {
			t.Errorf("no %q in\n%s", part, strings.Join(verdict.Faults, "\n"))
		}
	}
}

const insertInTheMiddle = `INSERT INTO audit_event OVERRIDING SYSTEM VALUE SELECT 5, at, action, account_id, session_id, subject, address, user_agent, request_id, method
	FROM audit_event WHERE id = 4`

func TestTamperingShows(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		statements []string
		want       []string
	}{
		"RowWasChanged":       {[]string{"UPDATE audit_event SET subject = 'nobody@konec.test' WHERE id = 3"}, []string{"event 3 was changed"}},
		"LastRowWasChanged":   {[]string{"UPDATE audit_event SET action = 'code.sent' WHERE id = 10"}, []string{"event 10 was changed"}},
		"TwoRowsWereChanged":  {[]string{"UPDATE audit_event SET address = NULL, method = '' WHERE id IN (3, 4)"}, []string{"event 3 was changed", "event 4 was changed"}},
		"ColumnsWereSwapped":  {[]string{"UPDATE audit_event SET subject = method, method = subject WHERE id = 2"}, []string{"event 2 was changed"}},
		"TextHasMoved":        {[]string{"UPDATE audit_event SET subject = subject || 'p', method = substr(method, 2) WHERE id = 2"}, []string{"event 2 was changed"}},
		"NothingBecameNull":   {[]string{"UPDATE audit_event SET account_id = '' WHERE id = 2"}, []string{"event 2 was changed"}},
		"TimeHasNoEnd":        {[]string{"UPDATE audit_event SET at = 'infinity' WHERE id = 2"}, []string{"event 2 was changed"}},
		"AddressIsANetwork":   {[]string{"UPDATE audit_event SET address = '10.0.0.0/8' WHERE id = 2"}, []string{"event 2 was changed"}},
		"DetailIsSpaced":      {[]string{"UPDATE audit_event SET detail = (detail::text || ' ')::json WHERE id = 2"}, []string{"event 2 was changed"}},
		"RowIsGone":           {[]string{"DELETE FROM audit_event WHERE id = 4"}, []string{"event 4 is gone"}},
		"RowWasPutInBetween":  {[]string{insertInTheMiddle}, []string{"event 5 is neither sealed nor queued"}},
		"RowsChangedPlaces":   {[]string{"UPDATE audit_link SET event_id = 99 WHERE event_id = 2", "UPDATE audit_link SET event_id = 2 WHERE event_id = 3", "UPDATE audit_link SET event_id = 3 WHERE event_id = 99"}, []string{"event 3 was changed", "event 2 was changed"}},
		"LinkIsGone":          {[]string{"DELETE FROM audit_link WHERE seq = 2"}, []string{"link 2 is missing", "event 2 is neither sealed nor queued"}},
		"LinksAreGone":        {[]string{"DELETE FROM audit_link WHERE seq IN (4, 5)"}, []string{"links 4 to 5 are missing", "event 4 is", "event 6 is"}},
		"FirstLinkIsGone":     {[]string{"DELETE FROM audit_link WHERE seq = 1"}, []string{"link 1 is missing", "event 1 is"}},
		"LinkWasAltered":      {[]string{"UPDATE audit_link SET hash = sha256('x') WHERE seq = 5"}, []string{"link 5, of event 6, was altered"}},
		"LastLinkWasAltered":  {[]string{"UPDATE audit_link SET hash = sha256('x') WHERE seq = 9"}, []string{"link 9, of event 10, was altered"}},
		"CheckpointWasBent":   {[]string{"UPDATE audit_checkpoint SET mac = sha256('x') WHERE seq = 6"}, []string{"does not fit link 6"}},
		"CheckpointIsGone":    {[]string{"DELETE FROM audit_checkpoint WHERE seq = 9"}, []string{"no checkpoint vouches for links 7 to 9"}},
		"TailIsCut":           {[]string{"DELETE FROM audit_link WHERE seq = 9", "DELETE FROM audit_event WHERE id = 10"}, []string{"link 9 is missing, for which there are checkpoints", "no checkpoint vouches for links 7 to 8"}},
		"QueueWasEmptied":     {[]string{"INSERT INTO audit_event (at, action, subject, user_agent, request_id) VALUES (now(), 'a', '', '', '')"}, []string{"event 11 is neither sealed nor queued"}},
		"RowIsGoneFromQueue":  {[]string{"INSERT INTO audit_unsealed VALUES (11)"}, []string{"event 11 is gone, before it was sealed"}},
		"CheckpointWasForged": {[]string{"INSERT INTO audit_checkpoint (seq, at, key_id, mac) VALUES (5, now(), 1, sha256('x'))"}, []string{"checkpoint 4 does not fit link 5"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			e := sealed(t)
			e.expectSound(t, 9)
			e.tamper(t, c.statements...)
			expect(t, e.verify(t, audit.Head{}), c.want...)
		})
	}
}

// No column, whether it exists now or is added later, can be changed.
func TestEveryColumnIsSealed(t *testing.T) {
	t.Parallel()

	e := sealed(t)

	rows, err := e.pool.Query(t.Context(), "SELECT column_name::text, data_type::text FROM information_schema.columns WHERE table_name = 'audit_event' AND column_name <> 'id'")
	if err != nil {
		t.Fatal(err)
	}

	type column struct{ Name, Type string }

	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	if err != nil {
		t.Fatal(err)
	}

	if len(columns) < 11 {
		t.Fatalf("columns %v", columns)
	}

	other := map[string]string{
		"text": "coalesce(%s, '') || 'x'", "timestamp with time zone": "%s + interval '1 microsecond'",
		"inet": "coalesce(%s, '127.0.0.1') + 1", "json": `'{"from":"None"}'`, // %s is not part of it
	}

	for _, column := range columns {
		changed, known := other[column.Type]
		if !known {
			t.Fatalf("%s is of the type %s, which this test does not know", column.Name, column.Type)
		}

		if strings.Contains(changed, "%s") {
			changed = fmt.Sprintf(changed, column.Name)
		}

		e.exec(t, "CREATE TABLE kept AS SELECT "+column.Name+" AS was FROM audit_event WHERE id = 3")
		e.tamper(t, "UPDATE audit_event SET "+column.Name+" = "+changed+" WHERE id = 3")

		if verdict := e.verify(t, audit.Head{}); verdict.FaultCount != 1 || !strings.HasPrefix(verdict.Faults[0], "event 3 was changed") {
			t.Errorf("%s: %q", column.Name, verdict.Faults)
		}

		e.tamper(t, "UPDATE audit_event SET "+column.Name+" = (SELECT was FROM kept) WHERE id = 3", "DROP TABLE kept")
		e.expectSound(t, 9)
	}
}

// An attacker who owns the database, knows how the chain is made, and lacks only the key.
func TestChainThatWasWrittenAnewShows(t *testing.T) {
	t.Parallel()

	change := "UPDATE audit_event SET account_id = 'another account' WHERE id = 2"
	again := "INSERT INTO audit_unsealed SELECT id FROM audit_event"

	t.Run("WithAKeyOfTheirOwn", func(t *testing.T) {
		t.Parallel()

		e := sealed(t)
		e.tamper(t, change, "TRUNCATE audit_link, audit_checkpoint", again)
		sealWith(t, e.with(t, keyring.Generate()))
		expect(t, e.verify(t, audit.Head{}), "does not fit link 9", "no checkpoint vouches for links 1 to 9")
	})

	t.Run("WithAKeyOfAnotherNumber", func(t *testing.T) {
		t.Parallel()

		e := sealed(t)
		e.tamper(t, change, "TRUNCATE audit_link, audit_checkpoint", again)
		sealWith(t, e.with(t, "9:"+otherKey))
		expect(t, e.verify(t, audit.Head{}), "no checkpoint vouches for links 1 to 9 by a key that is in MASTER_KEY; there are some by 9")
	})

	t.Run("WithTheCheckpointsAsTheyWere", func(t *testing.T) {
		t.Parallel()

		e := sealed(t)
		e.tamper(t, "CREATE TABLE kept AS SELECT seq, at, key_id, mac FROM audit_checkpoint", change, "TRUNCATE audit_link, audit_checkpoint", again)
		sealWith(t, e.with(t, keyring.Generate()))
		e.tamper(t, "TRUNCATE audit_checkpoint", "INSERT INTO audit_checkpoint (seq, at, key_id, mac) SELECT * FROM kept")
		expect(t, e.verify(t, audit.Head{}), "does not fit link 3", "does not fit link 6", "does not fit link 9", "no checkpoint vouches for links 1 to 9")
	})
}

// A chain that is cut back to an older checkpoint is consistent: only a kept head shows that there was more.
func TestKeptHead(t *testing.T) {
	t.Parallel()

	cut := []string{"DELETE FROM audit_link WHERE seq > 6", "DELETE FROM audit_checkpoint WHERE seq > 6", "DELETE FROM audit_event WHERE id > 7"}

	t.Run("ShowsATailThatIsGone", func(t *testing.T) {
		t.Parallel()

		e := sealed(t)
		kept := e.expectSound(t, 9)
		expect(t, e.verify(t, kept))
		e.tamper(t, cut...)
		e.expectSound(t, 6)
		expect(t, e.verify(t, kept), "link 9, which was kept, is missing: the chain ends with 6")
	})

	t.Run("ShowsATailThatWasSealedAgain", func(t *testing.T) {
		t.Parallel()

		e := sealed(t)
		kept := e.expectSound(t, 9)
		e.tamper(t, cut...)
		e.clock.Advance(2 * hour)
		e.record(t, 3)

		// A new server cannot notice it; an old one does, and logs it once.
		sealWith(t, e.with(t, e.masterKey))
		e.seal(t)
		e.record(t, 1)
		e.seal(t)
		e.expectSound(t, 10)
		expect(t, e.verify(t, kept), "link 9 is not the one that was kept")

		if log := e.log.String(); strings.Count(log, `"level":"ERROR"`) != 1 || !strings.Contains(log, kept.String()) {
			t.Errorf("log %s", log)
		}
	})

	t.Run("EventsThatAreSealedAgainLaterShow", func(t *testing.T) {
		t.Parallel()

		e := sealed(t)
		e.tamper(t, append(cut[:2:2], "UPDATE audit_event SET subject = 'x' WHERE id = 9", "INSERT INTO audit_unsealed VALUES (8), (9), (10)")...)
		e.clock.Advance(2 * hour)
		sealWith(t, e.with(t, e.masterKey))

		verdict := e.verify(t, audit.Head{})
		if len(verdict.Notes) != 1 || !strings.HasPrefix(verdict.Notes[0], "3 events were sealed more than an hour after they had happened, first event 8 ") {
			t.Errorf("notes %q", verdict.Notes)
		}
	})

	t.Run("IsReadAsItIsWritten", func(t *testing.T) {
		t.Parallel()

		head := sealed(t).expectSound(t, 9)
		if read, err := audit.ParseHead(head.String()); err != nil || read != head {
			t.Errorf("%v %v, want %v", read, err, head)
		}

		for _, wrong := range []string{"", "9", "9:", "0:" + strings.Repeat("0", 64), "9:" + strings.Repeat("0", 63), "9:" + strings.Repeat("g", 64), "x:" + strings.Repeat("0", 64)} {
			if _, err := audit.ParseHead(wrong); err == nil {
				t.Errorf("%q is read", wrong)
			}
		}
	})
}

// Many faults are counted, and the first ones listed.
func TestFaultsAreBounded(t *testing.T) {
	t.Parallel()

	e := setup(t)
	e.backlog(t, 3000)
	e.seal(t)
	e.tamper(t, "DELETE FROM audit_event WHERE id > 500")

	if verdict := e.verify(t, audit.Head{}); verdict.FaultCount != 2500 || len(verdict.Faults) != 20 || verdict.Sealed != 3000 {
		t.Errorf("%d faults, %d told, %d sealed", verdict.FaultCount, len(verdict.Faults), verdict.Sealed)
	}
}

// A waiting event is not a fault. An event that was deleted before its seal is noted.
func TestQueueIsLookedAt(t *testing.T) {
	t.Parallel()

	e := sealed(t)
	e.record(t, 2)
	e.clock.Advance(2 * hour)

	verdict := e.verify(t, audit.Head{})
	if verdict.FaultCount != 0 || verdict.Waiting != 2 || len(verdict.Notes) != 1 || !strings.HasPrefix(verdict.Notes[0], "2 events have waited for longer than an hour") {
		t.Errorf("%+v", verdict)
	}

	e.tamper(t, "DELETE FROM audit_event WHERE id = 11")
	expect(t, e.verify(t, audit.Head{}), "event 11 is gone, before it was sealed")

	e.seal(t)
	expect(t, e.verify(t, audit.Head{}), "event 11 is gone; it was when link 10 was made")
}

// Text that is moved from one column to the next is detected: the values' limits are hashed too.
func TestColumnsHaveBounds(t *testing.T) {
	t.Parallel()

	e := setup(t)
	e.record(t, 1)
	e.tamper(t, `UPDATE audit_event SET subject = E'a\x01b', method = 'c'`)
	e.seal(t)
	e.expectSound(t, 1)
	e.tamper(t, `UPDATE audit_event SET subject = 'a', method = E'b\x01c'`)
	expect(t, e.verify(t, audit.Head{}), "event 1 was changed")
}
