package session_test

import (
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-F10, V-11: a change that is under way when all sessions are ended is refused, however long it takes. Otherwise a
// thief could keep a change waiting.
func TestChangeUnderWayEndsWithItsSession(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	person := world.LarkPerson("thief")
	query := f.Approve(world.StartLark(t, g.OwnerBrowser, world.LarkBind), person)

	f.Override(func(http.ResponseWriter, *http.Request) bool {
		g.Exec(t, "UPDATE session SET revoked_at = now(), revoked_reason = 'test' WHERE revoked_at IS NULL")

		return false
	})

	if to := world.ReturnFromLark(t, g.OwnerBrowser, query); to != world.LarkFailed("zh-Hans", "STATE_INVALID") {
		t.Errorf("went to %s", to)
	}

	if bound := g.LarkSubject(t, world.Owner); bound != "" {
		t.Errorf("%s is bound", bound)
	}
}
