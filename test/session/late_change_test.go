package app_test

import (
	"net/http"
	"testing"
)

// R-F10, V-11: what was on its way when all sessions were ended comes too late, however long it takes: a
// thief cannot keep a change waiting.
func TestChangeUnderWayEndsWithItsSession(t *testing.T) {
	t.Parallel()

	d, f := larkDesk(t)
	person := somebody("thief")
	query := f.agree(depart(t, d.browser, bind), person)

	f.answers(func(http.ResponseWriter, *http.Request) bool {
		d.Exec(t, "UPDATE session SET revoked_at = now(), revoked_reason = 'test' WHERE revoked_at IS NULL")

		return false
	})

	if to := arrive(t, d.browser, query); to != failed("zh-Hans", "STATE_INVALID") {
		t.Errorf("went to %s", to)
	}

	if bound := d.larkOf(t, owner); bound != "" {
		t.Errorf("%s is bound", bound)
	}
}
