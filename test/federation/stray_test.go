package federation_test

import (
	"testing"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// Any site can send a browser to /lark. That does not end the user's journey.
func TestStrayReturnDoesNotEndAJourney(t *testing.T) {
	t.Parallel()

	g, f := world.LarkGateway(t)
	f.BindOwner(t, g, world.LarkPerson("zhang"))

	browser := g.Browser(t)
	query := f.Approve(world.StartLark(t, browser, world.LarkLogin), world.LarkPerson("zhang"))

	if to := world.ReturnFromLark(t, browser, map[string][]string{"state": {"planted"}, "code": {"planted"}}); to != world.LarkFailed("", "STATE_INVALID") {
		t.Errorf("a stray return went to %s", to)
	}

	if to := world.ReturnFromLark(t, browser, query); to != world.LarkConsoleURL+"/zh-Hans/" {
		t.Errorf("the journey went to %s", to)
	}

	world.ExpectSignedIn(t, "after it", browser, true)
}
