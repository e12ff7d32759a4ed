package admin_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

func (g *adminGateway) limits(t *testing.T, by client.RequestEditorFn) client.LimitList {
	t.Helper()

	got, err := g.Client.ListLimitsWithResponse(t.Context(), by)
	if err != nil || got.JSON200 == nil {
		t.Fatalf("limits: %v %s", err, got.Body)
	}

	return *got.JSON200
}

func (g *adminGateway) lift(t *testing.T, by client.RequestEditorFn, limit, subject string) *client.LiftLimitResult {
	t.Helper()

	body := client.LiftRequest{Limit: limit}
	if subject != "" {
		body.Subject = &subject
	}

	got, err := g.Client.LiftLimitWithResponse(t.Context(), body, by)
	if err != nil {
		t.Fatal(err)
	}

	return got
}

// hold makes a user, a stranger's address, two networks and a destination wait, and spends a budget.
func (g *adminGateway) hold(t *testing.T, id string) {
	t.Helper()
	g.Exec(t, `INSERT INTO failure (key, person, count, blocked_until, ends_at) VALUES
		('password strangers ' || $1::text, $1, 7, now() + interval '1 hour', now() + interval '1 day'),
		('password network 203.0.113.0/24 ' || $1::text, $1, 9, now() + interval '2 hours', now() + interval '1 day'),
		('totp strangers ' || $1::text, $1, 6, now() + interval '1 minute', now() + interval '1 day'),
		('phone strangers over', 'over', 6, now() - interval '1 minute', now() + interval '1 day'),
		('password strangers made.up@konec.com.au', 'made.up@konec.com.au', 6, now() + interval '30 minutes', now() + interval '1 day')`, id)
	g.Exec(t, `INSERT INTO throttle (key, count, ends_at) VALUES
		('failures 203.0.113.7', 101, now() + interval '1 hour'), ('failures 198.51.100.7', 99, now() + interval '1 hour'),
		('failures 203.0.113.0/24', 101, now() + interval '1 hour'), ('send network/hour 2001:db8::/48', 960, now() + interval '1 hour'),
		('send reset/hour user@konec.com.au', 5, now() + interval '1 hour'), ('send reset/cooldown user@konec.com.au', 1, now() + interval '1 minute'),
		('new phones/day ' || $1::text, 3, now() + interval '1 day'), ('send reset/day old@konec.com.au', 99, now() - interval '1 day'),
		('failed-codes/reset ', 3333, now() + interval '1 day'), ('failed-codes/reset/network 203.0.113.0/24', 50, now() + interval '1 day'),
		('failed-totp ', 12, now() + interval '1 day')`, id)
}

// SEC-S3, SEC-S12: an administrator sees every limit that holds, and lifts each with one call, which is an event.
func TestLimitsAreListedAndLifted(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)

	id := g.account(t, world.Owner).ID
	g.hold(t, id)

	var held []string

	list := g.limits(t, g.admin)
	for _, wait := range list.Waits {
		held = append(held, string(wait.Kind)+" "+wait.Limit+": "+wait.Subject)

		if known := wait.AccountID != ""; known != (wait.Email == world.Owner) || !wait.Until.After(g.Clock.Now().Add(-time.Hour)) {
			t.Errorf("%+v", wait)
		}
	}

	want := []string{
		"destination send reset/hour: user@konec.com.au", "network failures: 203.0.113.7", "network send network/hour: 2001:db8::/48",
		"user failures in a row: password " + id, "user failures in a row: password made.up@konec.com.au", "user failures in a row: totp " + id,
		"user new phones/day: " + id,
	}

	if slices.Sort(held); !slices.Equal(held, want) || !list.Complete {
		t.Errorf("held: %q", held)
	}

	if first := list.Waits[0]; first.Used != 9 || first.Max != 0 || !slices.Equal(first.Places, []string{"network", "strangers"}) {
		t.Errorf("the longest wait: %+v", first)
	}

	budgets := map[string]int32{}
	for _, budget := range list.Budgets {
		budgets[budget.Name] = budget.Used
	}

	if budgets["failed-codes/reset"] != 3333 || budgets["failed-totp"] != 12 || len(budgets) != 6 {
		t.Errorf("budgets: %v", budgets)
	}

	for _, wait := range list.Waits {
		for range 2 { // the second finds nothing, which is fine
			if got := g.lift(t, g.admin, wait.Limit, wait.Subject); got.StatusCode() != http.StatusNoContent {
				t.Errorf("lift %s of %s: %s", wait.Limit, wait.Subject, got.Body)
			}
		}
	}

	for _, name := range []string{"failed-codes/reset", "failed-totp"} {
		if got := g.lift(t, g.admin, name, ""); got.StatusCode() != http.StatusNoContent {
			t.Errorf("lift %s: %s", name, got.Body)
		}
	}

	after := g.limits(t, g.admin)
	if len(after.Waits) != 0 {
		t.Errorf("left: %+v", after.Waits)
	}

	for _, budget := range after.Budgets {
		if budget.Used != 0 && (budget.Name == "failed-codes/reset" || budget.Name == "failed-totp") {
			t.Errorf("left: %+v", budget)
		}
	}

	// What does not hold yet stays, and the network's share of a lifted budget goes.
	if left := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM throttle WHERE key IN ('failures 198.51.100.7', 'failures 203.0.113.0/24')"); left != 2 {
		t.Errorf("%d of 2 limits that did not hold are left", left)
	}

	if left := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM throttle WHERE key LIKE 'failed-codes/reset%'"); left != 0 {
		t.Errorf("%d rows of a lifted budget are left", left)
	}

	events := world.QueryValue[int](t, g.Pool, `SELECT count(*) FROM audit_event WHERE action = 'sign_in.wait_lifted' AND actor_id = $1
		AND (account_id IS NULL OR account_id = $2)`, g.account(t, world.Administrator).ID, id)
	if want := 2*len(list.Waits) + 2; events != want {
		t.Errorf("%d events, want %d", events, want)
	}
}

// SEC-S14: addresses and networks are for those who may read the audit log, in the list and in what they lift. No one
// lifts a wait of a user who has more rights.
func TestLimitsNeedTheRightForTheirSubjects(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.rights(t, "Tester", client.RightAccountsRead, client.RightAccountsWrite)
	g.rights(t, "Member", client.RightAccountsRead, client.RightAuditRead)
	g.Account(t, world.Owner)

	assistant, reader := g.member(t, "helper@konec.com.au", "Tester"), g.member(t, "reader@konec.com.au", "Member")
	id, administrator := g.account(t, world.Owner).ID, g.account(t, world.Administrator).ID
	g.hold(t, id)

	list := g.limits(t, assistant)
	if len(list.Waits) != 3 || list.Complete || len(list.Budgets) != 6 {
		t.Errorf("without the right: %+v", list)
	}

	for _, wait := range list.Waits {
		if wait.AccountID != id {
			t.Errorf("without the right: %+v", wait)
		}
	}

	if seen := g.limits(t, reader); len(seen.Waits) != 7 {
		t.Errorf("a reader sees %+v", seen.Waits)
	}

	for name, one := range map[string]struct {
		by             client.RequestEditorFn
		limit, subject string
		want           int
		code           string
	}{
		"a wait of an account":           {assistant, "failures in a row", "password " + id, http.StatusNoContent, ""},
		"a budget":                       {assistant, "failed-codes/reset", "", http.StatusNoContent, ""},
		"a network":                      {assistant, "failures", "203.0.113.7", http.StatusForbidden, "RIGHT_MISSING"},
		"an address":                     {assistant, "failures in a row", "password made.up@konec.com.au", http.StatusForbidden, "RIGHT_MISSING"},
		"a destination":                  {assistant, "send reset/hour", "user@konec.com.au", http.StatusForbidden, "RIGHT_MISSING"},
		"of a user with more rights":     {assistant, "failures in a row", "password " + administrator, http.StatusForbidden, "RIGHT_MISSING"},
		"by one who may only read":       {reader, "failed-codes/reset", "", http.StatusForbidden, "RIGHT_MISSING"},
		"no such budget":                 {g.admin, "failed-codes/registration", "", http.StatusNotFound, "LIMIT_NOT_FOUND"},
		"no such limit":                  {g.admin, "told failures", "x", http.StatusNotFound, "LIMIT_NOT_FOUND"},
		"no such account":                {g.admin, "failures in a row", "password 68ca4a3d0000000000000009", http.StatusNotFound, "LIMIT_NOT_FOUND"},
		"a subject without its factor":   {g.admin, "failures in a row", "password", http.StatusNotFound, "LIMIT_NOT_FOUND"},
		"the key of another kind of row": {g.admin, "changes", id, http.StatusNotFound, "LIMIT_NOT_FOUND"},
	} {
		if got := g.lift(t, one.by, one.limit, one.subject); got.StatusCode() != one.want || one.code != "" && codeOfError(got.Body) != one.code {
			t.Errorf("%s: %d %s", name, got.StatusCode(), got.Body)
		}
	}

	if left := g.limits(t, g.admin); len(left.Waits) != 6 {
		t.Errorf("%d waits are left, want 6", len(left.Waits))
	}
}

// A user who is locked out signs in as soon as the wait is lifted.
func TestLiftedWaitLetsTheUserIn(t *testing.T) {
	t.Parallel()

	g := newAdminGateway(t)
	g.Account(t, world.Owner)

	login := func(password string) int { return world.LoginCall(world.Owner, password).To(t, g.Server).Status }

	for range 6 {
		login("wrong")
	}

	if got := login(apptest.Password); got != http.StatusTooManyRequests {
		t.Fatalf("the right password during a wait: %d", got)
	}

	waits := g.limits(t, g.admin).Waits
	if len(waits) != 1 || waits[0].Factor != "password" || waits[0].Email != world.Owner {
		t.Fatalf("waits: %+v", waits)
	}

	if waits[0].Until.Before(g.Clock.Now()) {
		t.Errorf("until %s", waits[0].Until)
	}

	if got := g.lift(t, g.admin, waits[0].Limit, waits[0].Subject); got.StatusCode() != http.StatusNoContent {
		t.Fatalf("lift: %s", got.Body)
	}

	if got := login(apptest.Password); got != http.StatusOK {
		t.Errorf("afterwards: %d", got)
	}
}
