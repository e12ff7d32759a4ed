package signin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-C10, R-K6, SEC-S8: when half of a day's text messages is sent, and when the last is, on whichever gateway, the log and
// the audit log have one alarm and a metric changes. Refusals cause no further alarm.
func TestSMSLimitRaisesAnAlarm(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, world.BehindProxy, func(c *apptest.Settings) { c.SMSPerDay = 2 })
	second := g.Serve(t)
	networks := 0

	send := func(s *apptest.Server, want string) {
		t.Helper()

		phone := g.NewPhone()
		g.Exec(t, "UPDATE account SET phone = $1 WHERE email = $2", phone, world.Owner)

		got := world.Call{Method: http.MethodGet, Path: "/login/sms", Query: "phone=%2B" + phone[1:]}.With("X-Forwarded-For", fmt.Sprintf("198.51.%d.1", networks)).To(t, s)
		networks++

		if got.Problem.Code != want {
			t.Errorf("send: %s, want %q", got, want)
		}
	}

	countAlarms := func() int {
		return strings.Count(g.Log.String(), `"budget":"send sms/day"`) + strings.Count(second.Log.String(), `"budget":"send sms/day"`)
	}

	for day := range 2 {
		send(g.Server, "")

		if n := countAlarms(); n != 2*day+1 {
			t.Errorf("day %d: %d alarms after half", day, n)
		}

		send(second, "")
		send(g.Server, "TOO_MANY_REQUESTS")
		send(second, "TOO_MANY_REQUESTS")

		if n := countAlarms(); n != 2*(day+1) || !strings.Contains(second.Log.String(), `"level":"ERROR"`) {
			t.Errorf("day %d: %d alarms", day, n)
		}

		world.ExpectLimitEvents(t, g.Env, "send sms/day", day+1)

		if n := world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM audit_event WHERE action = 'budget.alarm'"); n != 2*(day+1) {
			t.Errorf("day %d: %d alarms in the audit log", day, n)
		}

		g.Clock.Advance(25 * time.Hour)
	}

	if text := (&world.MailGateway{Env: &apptest.Env{Server: second}}).Metrics(t); !strings.Contains(text, "\ngateway_budget_alarms_total{budget=\"send sms/day\"} 2\n") {
		t.Errorf("metrics: %s", text)
	}
}

// R-C10, R-B3: codes for unbound numbers, which are never sent, do not use the daily limit, and are refused as well
// once it is reached.
func TestUnboundNumbersDoNotUseTheSMSLimit(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.SMSPerDay = 2 })
	own := g.NewPhone()

	g.Exec(t, "UPDATE account SET phone = $1 WHERE email = $2", own, world.Owner)

	for i, one := range []struct{ phone, want string }{
		{g.NewPhone(), ""}, {g.NewPhone(), ""}, {g.NewPhone(), ""}, {own, ""}, {g.NewPhone(), ""}, // one of the two
		{"/user/phone_code", ""}, {g.NewPhone(), "TOO_MANY_REQUESTS"}, {own, "TOO_MANY_REQUESTS"}, {"/user/phone_code", "TOO_MANY_REQUESTS"},
	} {
		path, phone := "/login/sms", one.phone
		if phone[0] == '/' {
			path, phone = phone, g.NewPhone()
		}

		got := world.Call{Method: http.MethodGet, Path: path, Query: "phone=%2B" + phone[1:]}.FromBrowser(g.OwnerBrowser).To(t, g.Server)
		if got.Problem.Code != one.want {
			t.Errorf("%d, %s of %s: %s, want %q", i, path, phone, got, one.want)
		}
	}
}
