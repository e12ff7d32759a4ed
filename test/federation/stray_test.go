package app_test

import (
	"testing"
)

// Any site can send a browser to /lark: that does not end a journey on which the person is.
func TestStrayReturnDoesNotEndAJourney(t *testing.T) {
	t.Parallel()

	d, f := larkDesk(t)
	f.bound(t, d, somebody("zhang"))

	browser := d.Browser(t)
	query := f.agree(depart(t, browser, login), somebody("zhang"))

	if to := arrive(t, browser, map[string][]string{"state": {"planted"}, "code": {"planted"}}); to != failed("", "STATE_INVALID") {
		t.Errorf("a stray return went to %s", to)
	}

	if to := arrive(t, browser, query); to != consoleOfLark+"/zh-Hans/" {
		t.Errorf("the journey went to %s", to)
	}

	expectSignedIn(t, "after it", browser, true)
}
