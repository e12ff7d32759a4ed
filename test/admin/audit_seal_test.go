package admin_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// Events of two replicas form one chain, and a manual change of a row is detected.
func TestAuditChain(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	second := env.Serve(t)

	const people, signIns = 4, 5

	var all sync.WaitGroup

	for _, name := range []string{"a", "b", "c", "d"}[:people] {
		env.Account(t, name+"@konec.test")

		all.Go(func() {
			for range signIns {
				env.SignIn(t, name+"@konec.test")
				second.SignIn(t, name+"@konec.test")
			}
		})
	}

	all.Wait()

	events := world.QueryValue[int](t, env.Pool, "SELECT count(*) FROM audit_event")
	if events < 2*people*signIns {
		t.Fatalf("%d events", events)
	}

	apptest.Eventually(t, "all are sealed", func() bool { return world.QueryValue[int](t, env.Pool, "SELECT count(*) FROM audit_link") == events })

	verify := func() (faults []string) {
		verdict, err := env.App.Chain.Verify(t.Context(), audit.Head{}, func(string, int64, int64) {})
		if err != nil || verdict.Sealed != int64(events) || verdict.Head.Seq != int64(events) {
			t.Fatalf("%v %+v", err, verdict)
		}

		return verdict.Faults
	}

	if faults := verify(); len(faults) > 0 {
		t.Errorf("faults %q", faults)
	}

	const tamper = "ALTER TABLE audit_event DISABLE TRIGGER ALL; UPDATE audit_event SET address = '203.0.113.7' WHERE id = 7"
	if _, err := env.Pool.Exec(t.Context(), tamper); err != nil {
		t.Fatal(err)
	}

	if faults := verify(); len(faults) != 1 || !strings.HasPrefix(faults[0], "event 7 was changed") {
		t.Errorf("faults %q", faults)
	}
}
