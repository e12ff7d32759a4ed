package authorization_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/testkit/pgproxy"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// losses are what may happen to the caller after a call was let through, and before it has changed anything.
var losses = []struct {
	name   string
	happen func(t *testing.T, s *world.Seeder, own *world.Member)
	want   func(o world.Operation, c validCall) string // empty if the operation does not ask for what is lost
}{
	{"SessionEnded", world.EndSessions, func(world.Operation, validCall) string { return "401 TOKEN_INVALID" }},
	{"AccountDisabled", world.DisableAccount, func(world.Operation, validCall) string { return "401 TOKEN_INVALID" }},
	{"RightsLost", world.LoseRights, func(o world.Operation, _ validCall) string {
		if o.IsAdmin() {
			return "403 RIGHT_MISSING"
		}

		return ""
	}},
	{"FactorAskedFor", world.ChooseFactors, func(o world.Operation, _ validCall) string {
		if o.IsAdmin() {
			return "403 TWO_FACTORS_REQUIRED"
		}

		return ""
	}},
	{"SignInTooOld", world.AgeSignIn, func(_ world.Operation, c validCall) string { return c.oldSignInWant }},
}

// SEC-S1, R-F10, V-09, V-11: what allows a change is read again where the change is made. Every operation that changes
// something for a signed-in caller is let through and then held at its first statement, while the caller loses what
// allowed it. It changes nothing.
func TestAuthorityIsReadWhereTheChangeIsMade(t *testing.T) {
	t.Parallel()

	for _, loss := range losses {
		t.Run(loss.name, func(t *testing.T) {
			t.Parallel()

			proxy := pgproxy.New(t, postgrestest.New(t))
			m := world.MatrixOn(t, proxy.URL)
			held := 0

			for _, c := range slices.Concat(validCalls, appCalls, adminCalls) {
				o := world.OperationOf(t, c.operation)
				if want := loss.want(o, c); want != "" && changesForCaller(o, c) {
					expectNothingChanged(t, m, proxy, o, c, loss.happen, want)

					held++
				}
			}

			if held == 0 {
				t.Error("no operation was held: the test sees nothing")
			}

			t.Logf("%d calls", held)
		})
	}
}

// changesForCaller reports whether the call succeeds for a signed-in caller, needs the sign-in, and changes something.
// A sign-out does not count: what it does has happened already.
func changesForCaller(o world.Operation, c validCall) bool {
	effects := o.Method != http.MethodGet || o.Extensions["x-side-effects"] == true
	signedIn := o.RequiresScheme("sessionCookie") || o.RequiresScheme("bearer")

	return effects && signedIn && c.want < "300" && o.OperationID != "logout"
}

func expectNothingChanged(
	t *testing.T, m *world.Matrix, proxy *pgproxy.Proxy, o world.Operation, c validCall,
	happen func(*testing.T, *world.Seeder, *world.Member), want string,
) {
	t.Helper()

	group := account.GroupNone
	if o.IsAdmin() {
		group = world.GroupAdmin
	}

	own := m.Members(t, 1, group)[0]
	others := m.Members(t, 2, account.GroupNone)
	call := c.prepare(t, m, o, own, others[0], others[1])

	send := bearer(ownToken)
	if o.IsPublic() {
		send = world.WithSession
	}

	call = send(m.Seeder, call, own, nil)

	var armed atomic.Bool

	armed.Store(true)

	names := world.RequestQueries(t)
	fault := proxy.Inject(func(statement string, _ []string) bool {
		return armed.Load() && names[queryOf(statement)] && !slices.Contains(authentications, queryOf(statement))
	}, pgproxy.HoldBefore)

	reply := make(chan world.Reply)

	go func() { reply <- call.To(t, m.Server) }()

	select {
	case <-fault.Reached:
	case got := <-reply:
		t.Errorf("%s %s: %s, and no statement to hold", o.OperationID, c.object, world.StatusAndCode(got))
		armed.Store(false)

		return
	case <-time.After(time.Minute):
		t.Fatalf("%s %s: neither a reply nor a statement", o.OperationID, c.object)
	}

	happen(t, m.Seeder, own)

	before := everything(t, m)

	close(fault.Release)

	if got := world.StatusAndCode(<-reply); got != want {
		t.Errorf("%s %s: %s, want %s", o.OperationID, c.object, got, want)
	}

	if after := everything(t, m); after != before {
		t.Errorf("%s %s has changed something", o.OperationID, c.object)
	}
}

// authentications are the queries that let a call through.
var authentications = []string{"SessionAuthenticate", "SessionByCookie", "MemberGroupRightsOfSession"}

func queryOf(statement string) string {
	if match := regexp.MustCompile(`^-- name: (\w+) :`).FindStringSubmatch(statement); match != nil {
		return match[1]
	}

	return ""
}

// everything returns a text that changes with whatever a call may change, except for counts of guesses.
func everything(t *testing.T, m *world.Matrix) string {
	t.Helper()

	return strings.Join([]string{m.AllState(t), world.QueryValue[string](t, m.Pool, `
		SELECT concat_ws(' ', (SELECT count(*) FROM delivery), (SELECT count(*) FROM audit_event WHERE action NOT IN ('code.refused')),
			(SELECT count(*) FROM code), (SELECT count(*) FROM idempotency_key),
			(SELECT md5(string_agg(g::text, '' ORDER BY g.name)) FROM member_group g),
			(SELECT md5(string_agg(concat(w.id, w.version, w.secret), '' ORDER BY w.id)) FROM webhook w),
			(SELECT md5(string_agg(d::text, '' ORDER BY d.id)) FROM device d),
			(SELECT md5(string_agg(concat(p.account_id, p.id), '' ORDER BY p.account_id)) FROM totp_pending p))`)}, " ")
}
