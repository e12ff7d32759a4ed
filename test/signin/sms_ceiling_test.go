package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// R-C10, R-K6: the daily ceiling of text messages is reached with one line for whoever watches, and a metric, on
// whichever gateway; who is refused afterwards says it no more.
func TestSMSCeilingRaisesAnAlarm(t *testing.T) {
	t.Parallel()

	d := newDesk(t, func(c *config.Config) { c.SMSPerDay = 2 })
	second := d.Serve(t)

	send := func(s *apptest.Server, want string) {
		t.Helper()

		phone := d.phone()
		d.Exec(t, "UPDATE account SET phone = $1 WHERE email = $2", phone, owner)

		got := call{method: http.MethodGet, path: "/login/sms", query: "phone=%2B" + phone[1:]}.to(t, s)
		if got.problem.Code != want {
			t.Errorf("send: %s, want %q", got, want)
		}
	}

	alarms := func() int {
		return strings.Count(d.Log.String(), `"setting":"SMS_PER_DAY"`) + strings.Count(second.Log.String(), `"setting":"SMS_PER_DAY"`)
	}

	for day := range 2 {
		send(d.Server, "")

		if n := alarms(); n != day {
			t.Errorf("day %d: %d alarms too early", day, n)
		}

		send(second, "")
		send(d.Server, "TOO_MANY_REQUESTS")
		send(second, "TOO_MANY_REQUESTS")

		if n := alarms(); n != day+1 || !strings.Contains(second.Log.String(), `"level":"ERROR"`) {
			t.Errorf("day %d: %d alarms", day, n)
		}

		expectTold(t, d.Env, "send sms/day", day+1)

		d.Clock.Advance(25 * time.Hour)
	}

	if text := (&office{Env: &apptest.Env{Server: second}}).metrics(t); !strings.Contains(text, "\ngateway_sms_ceiling_reached_total 2\n") {
		t.Errorf("metrics: %s", text)
	}
}

// R-C10, R-B3: codes for numbers that nobody has, which are never sent, leave the day's ceiling alone, and are
// refused all the same once it is reached.
func TestMadeUpNumbersDoNotUseUpTheCeiling(t *testing.T) {
	t.Parallel()

	d := newDesk(t, func(c *config.Config) { c.SMSPerDay = 2 })
	own := d.phone()

	d.Exec(t, "UPDATE account SET phone = $1 WHERE email = $2", own, owner)

	for i, one := range []struct{ phone, want string }{
		{d.phone(), ""}, {d.phone(), ""}, {d.phone(), ""}, {own, ""}, {d.phone(), ""}, // one of the two
		{"/user/phone_code", ""}, {d.phone(), "TOO_MANY_REQUESTS"}, {own, "TOO_MANY_REQUESTS"}, {"/user/phone_code", "TOO_MANY_REQUESTS"},
	} {
		path, phone := "/login/sms", one.phone
		if phone[0] == '/' {
			path, phone = phone, d.phone()
		}

		got := call{method: http.MethodGet, path: path, query: "phone=%2B" + phone[1:]}.from(d.browser).to(t, d.Server)
		if got.problem.Code != one.want {
			t.Errorf("%d, %s of %s: %s, want %q", i, path, phone, got, one.want)
		}
	}
}
