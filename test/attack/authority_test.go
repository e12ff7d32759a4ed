//go:build battery

package attack_test

import (
	"fmt"
	"net/http"
	"testing"
)

// losses are how an actor loses authority, at the other replica, while the body is on the way.
var losses = []struct {
	name string
	want int
	take func(t *testing.T, s *scene)
}{
	{"Disabled", http.StatusUnauthorized, func(t *testing.T, s *scene) {
		t.Helper()
		s.boss.call(t, http.MethodPut, "/api/admin/accounts/"+s.id+"/status", map[string]any{"status": "disabled"},
			fmt.Sprintf(`If-Match: "%d"`, s.g.version(t, s.id))).must(t, "disable the actor")
	}},
	{"Demoted", http.StatusForbidden, func(t *testing.T, s *scene) {
		t.Helper()
		s.boss.call(t, http.MethodPut, "/api/admin/accounts/"+s.id+"/group", map[string]any{"memberGroup": "None"},
			fmt.Sprintf(`If-Match: "%d"`, s.g.version(t, s.id))).must(t, "demote the actor")
	}},
	{"SignedOut", http.StatusUnauthorized, func(t *testing.T, s *scene) {
		t.Helper()
		s.boss.call(t, http.MethodDelete, "/api/admin/accounts/"+s.id+"/sessions", nil).must(t, "end the sessions of the actor")
	}},
}

// SEC-S1, R-F10, V-09: an actor whose authority ends while the body is on the way changes nothing. All operations that change
// something are let through, wait for their last byte, and get it after another replica has taken the authority away. Those
// without a body are held before the end of their headers.
func TestSECS1AuthorityEndsWhileTheBodyIsOnTheWay(t *testing.T) {
	t.Parallel()

	g := start(t, "CHANGES_PER_MINUTE=100000", "ADMIN_SENDS=100000", "NETWORK_SENDS=100000", "SMS_PER_DAY=100000")
	boss := g.withBoss(t)
	boss.pinned = g.replicas[1]

	for _, o := range changes(t, g) {
		t.Run(o.OperationID, func(t *testing.T) {
			if o.RequestBody != nil {
				s := newScene(t, g, boss, o)
				body := s.body(t, o)
				path, headers := s.filled(t, o)

				if r := s.actor.hold(t, g.replicas[0], o.method, path, body, headers...).finish(t, s.actor); !r.ok() {
					t.Fatalf("the call is not valid, so it shows nothing: %s %s", r, r.body)
				}
			}

			for _, loss := range losses {
				if loss.want != http.StatusForbidden || o.isAdmin() {
					s := newScene(t, g, boss, o)
					loseAuthority(t, s, o, loss.name, loss.want, loss.take)
				}
			}
		})
	}
}

// loseAuthority holds a call of the operation, takes the actor's authority, and finishes the call.
func loseAuthority(t *testing.T, s *scene, o change, name string, want int, take func(*testing.T, *scene)) {
	t.Helper()

	body := s.body(t, o)
	path, headers := s.filled(t, o)

	request := s.actor.hold(t, s.g.replicas[0], o.method, path, body, headers...)
	if request.early != nil {
		t.Fatalf("it did not wait for the body: %s", request.early.Status)
	}

	take(t, s)

	before := s.g.state(t)
	r := request.finish(t, s.actor)
	tables := changed(before, s.g.state(t))
	t.Logf("%s %s, %s meanwhile: %s, changed %v", o.method, o.path, name, r, tables)

	if r.status != want || len(tables) > 0 {
		t.Errorf("%s: %s, changed %v; want %d and no change", name, r, tables, want)
	}
}

// SEC-S1, R-F10: an administrator who is disabled does not come back by a request that was sent before. Its If-Match names the
// version that the disabling makes.
func TestSECS1DisabledAdministratorDoesNotComeBack(t *testing.T) {
	t.Parallel()

	g := start(t)
	boss := g.withBoss(t)
	evilID := g.account(t, "evil@konec.test", "Admin")
	evil := g.app(t, "evil@konec.test", "203.0.113.20")
	version := g.version(t, evilID)

	request := evil.hold(t, g.replicas[0], http.MethodPut, "/api/admin/accounts/"+evilID+"/status", map[string]any{"status": "active"},
		fmt.Sprintf(`If-Match: "%d"`, version+1))

	boss.pinned = g.replicas[1]
	boss.call(t, http.MethodPut, "/api/admin/accounts/"+evilID+"/status", map[string]any{"status": "disabled"},
		fmt.Sprintf(`If-Match: "%d"`, version)).must(t, "disable")

	r := request.finish(t, evil)
	again := g.client("203.0.113.20").login(t, "evil@konec.test", secret)
	t.Logf("held PUT status active: %s; sign-in after it: %s", r, again)

	if r.status != http.StatusUnauthorized || again.ok() {
		t.Error("the disabled administrator is back")
	}
}
