//go:build battery

package attack_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// SEC-S8, R-C10, V-08: one network does not get the limit of one address for each of its /64s.
func TestSECS8WideNetworksAreLimited(t *testing.T) {
	t.Parallel()

	t.Run("MailsToOneMailbox", func(t *testing.T) {
		t.Parallel()

		g := start(t)
		send := func(n int, address string) int {
			return g.client(address).call(t, http.MethodPost, "/api/users/register/send-code", map[string]any{"email": fmt.Sprintf("bombed+%d@konec.test", n)}).status
		}

		taken := 0

		for n := range 120 {
			address := "203.0.113.66"
			if n >= 60 {
				address = homeLine(n)
			}

			if send(n, address) == http.StatusOK {
				taken++
			}
		}

		t.Logf("120 requests for +tags of one mailbox, 60 from one IPv4 and 60 from /64s of one /56: %d taken", taken)

		if taken > 5 {
			t.Errorf("%d mails to one mailbox within a minute", taken)
		}
	})

	t.Run("MailsInADay", func(t *testing.T) {
		t.Parallel()

		g := start(t, "MAILS_PER_DAY=1000")
		taken := 0

		for n := range 60 {
			address := fmt.Sprintf("2001:db8:77:%x::1", n*1000) // of one /48
			r := g.client(address).call(t, http.MethodPost, "/api/users/register/send-code", map[string]any{"email": fmt.Sprintf("person%d@konec.test", n)})

			if r.ok() {
				taken++
			}
		}

		other := g.client("192.0.2.80").call(t, http.MethodPost, "/api/users/register/send-code", map[string]any{"email": "other@konec.test"})
		t.Logf("60 mailboxes from 60 /64s of one /48, MAILS_PER_DAY=1000: %d taken; then a user elsewhere: %s", taken, other)

		if taken > 10 || !other.ok() {
			t.Errorf("one /48 asked for %d mails of 1000 a day; a user elsewhere: %s", taken, other)
		}
	})

	t.Run("FailuresOfAHomeLine", func(t *testing.T) {
		t.Parallel()

		g := start(t)

		var compared atomic.Int64

		flood(600, func(i int) {
			c := g.client(homeLine(i))
			c.cookies = map[string]string{}

			r := c.call(t, http.MethodPost, "/api/auth/login", url.Values{"email": {fmt.Sprintf("unknown%d@konec.test", i)}, "password": {"wrong"}})
			if r.status == http.StatusUnauthorized {
				compared.Add(1)
			}
		})

		t.Logf("600 wrong passwords from the /64s of one /56: %d compared", compared.Load())

		if compared.Load() > 400 {
			t.Errorf("a /56 made %d failures in an hour, want at most 400", compared.Load())
		}
	})
}

// SEC-S8: a flood of sign-ins from the /64s of one home line does not keep others from the gate of the hashes for long: each
// /64 had a hundred hashes an hour, and so the home line ten minutes.
func TestSECS8FloodOfHashesKeepsNoOneOut(t *testing.T) {
	g := start(t)
	v := newVictim(t, g, "victim", "None", "203.0.113.10")
	ended := make(chan struct{})

	var floods atomic.Int64

	for i := range 512 {
		go func() {
			c := g.client(homeLine(i))

			for {
				select {
				case <-ended:
					return
				default:
				}

				request := c.request(t, http.MethodPost, "/api/auth/login", url.Values{"email": {unique("unknown") + "@konec.test"}, "password": {"wrong"}})
				if response, err := g.http.Do(request); err == nil {
					response.Body.Close()
					floods.Add(1)
				}
			}
		}()
	}

	// By now a home line that is limited as a whole has spent what it may have compared.
	eventually(t, "the flood goes on for a while", func() bool { return floods.Load() > 2500 })

	in := 0

	for range 5 {
		begun := time.Now()
		r := v.app.login(t, v.email, secret)
		took := time.Since(begun)
		t.Logf("during the flood the owner's sign-in: %s after %.1f s", r, took.Seconds())

		if r.ok() && took < 2*time.Second {
			in++
		}
	}

	close(ended)
	t.Logf("%d requests of the flood", floods.Load())

	if in < 5 {
		t.Errorf("the owner got in within 2 s %d of 5 times", in)
	}
}

// SEC-S9, R-C10: one new account does not send text messages to the world.
func TestSECS9OneAccountPumpsNoTexts(t *testing.T) {
	t.Parallel()

	g := start(t)
	g.account(t, "pumper@konec.test", "None")
	c := g.browser(t, "pumper@konec.test", "203.0.113.66")

	send := func(prefixes ...string) (taken int) {
		for i := range 80 {
			c.address = fmt.Sprintf("203.0.113.%d", 66+i%2)
			r := c.call(t, http.MethodGet, fmt.Sprintf("/user/phone_code?phone=%%2B%s%06d", prefixes[i%len(prefixes)], i), nil)

			if r.ok() {
				taken++
			}
		}

		return taken
	}

	foreign := send("88213", "371200", "245955", "232760", "190712", "960777")
	domestic := send("86139000")
	eventually(t, "the messages are sent", func() bool {
		return one[int](t, g, "SELECT count(*) FROM delivery WHERE state = 'queued'") == 0
	})

	t.Logf("80 foreign numbers: %d taken; 80 domestic ones: %d taken; texts: %d", foreign, domestic, g.texts.count())

	if foreign > 0 || domestic > 3 {
		t.Errorf("one account sent to %d foreign and %d domestic numbers; want 0 and at most 3", foreign, domestic)
	}
}

// SEC-S11: one connection of a signed-in user does not fill the audit log, nor the table of codes.
func TestSECS11OneConnectionFloodsNoAuditLog(t *testing.T) {
	t.Parallel()

	g := start(t)
	g.account(t, "writer@konec.test", "None")
	c := g.browser(t, "writer@konec.test", "203.0.113.66")
	events := func() int { return one[int](t, g, "SELECT count(*) FROM audit_event") }

	before, taken := events(), 0
	begun := time.Now()

	for i := range 200 {
		if c.call(t, http.MethodPatch, "/user", map[string]any{"key": "name", "name": fmt.Sprintf("Name %d", i)}).ok() {
			taken++
		}
	}

	took, added := time.Since(begun), events()-before
	t.Logf("200 changes of the name in %.1f s: %d taken, %d events", took.Seconds(), taken, added)

	if took < time.Minute && added > 65 {
		t.Errorf("%d events from one connection in %.1f s, want at most 60 and those of the refusal", added, took.Seconds())
	}

	codes := 0

	for range 100 {
		if c.call(t, http.MethodGet, "/refresh_code", nil).ok() {
			codes++
		}
	}

	t.Logf("100 × GET /refresh_code: %d taken, %d rows", codes, one[int](t, g, "SELECT count(*) FROM code"))

	if codes > 60 {
		t.Errorf("%d rows of codes from one connection", codes)
	}
}

// SEC-S12, R-J7: a proxy that the settings do not name is reported, and does not lock out whom the gateway knows.
func TestSECS12ForgottenProxy(t *testing.T) {
	t.Parallel()

	g := start(t, "TRUSTED_PROXIES=")
	g.account(t, "owner@konec.test", "None")
	owner := g.app(t, "owner@konec.test", "203.0.113.10")
	evil := g.stranger(t, "203.0.113.66")

	var last reply

	for i := range 101 {
		last = evil.call(t, http.MethodPost, "/login/sms", map[string]any{"phone": fmt.Sprintf("+86133%08d", i), "code": "000000"})
	}

	t.Logf("the last of 101 wrong codes of one client: %s", last)

	t.Run("KnownDeviceGetsIn", func(t *testing.T) {
		r := owner.login(t, "owner@konec.test", secret)
		t.Logf("another client's right password, on a known device: %s", r)

		if !r.ok() {
			t.Errorf("%s", r)
		}
	})

	t.Run("LogNamesTheProxy", func(t *testing.T) {
		found := false

		for line := range strings.Lines(g.replicas[0].said() + g.replicas[1].said()) {
			if strings.Contains(line, "TRUSTED_PROXIES") && strings.Contains(line, "X-Forwarded-For") {
				t.Logf("%s", strings.TrimSpace(line))

				found = true
			}
		}

		if !found {
			t.Error("the log does not name TRUSTED_PROXIES beside X-Forwarded-For")
		}
	})

	t.Run("ReadinessShowsIt", func(t *testing.T) {
		r := g.client("203.0.113.10").call(t, http.MethodGet, "/readyz?verbose", nil)
		t.Logf("/readyz?verbose: %d %s", r.status, strings.TrimSpace(string(r.body)))

		if !strings.Contains(string(r.body), "prox") {
			t.Error("/readyz?verbose does not show it")
		}
	})

	t.Run("ConfigWarns", func(t *testing.T) {
		_, out := g.run(t, "", "config")
		found := false

		for line := range strings.Lines(out) {
			if strings.Contains(line, "TRUSTED_PROXIES") && !strings.HasPrefix(line, "TRUSTED_PROXIES=") {
				t.Logf("%s", strings.TrimSpace(line))

				found = true
			}
		}

		if !found {
			t.Error("config does not warn")
		}
	})
}

// SEC-S12: X-Forwarded-For with ports, as some proxies write it, names the client.
func TestSECS12PortsInForwardedFor(t *testing.T) {
	t.Parallel()

	g := start(t)

	for sent, want := range map[string]string{
		"203.0.113.7:80": "203.0.113.7", "[2001:db8::7]:443": "2001:db8::7", "[2001:db8::7]": "2001:db8::7", "203.0.113.7": "203.0.113.7",
	} {
		r := g.client(sent).call(t, http.MethodGet, "/", nil)
		t.Logf("X-Forwarded-For: %s is %s", sent, r.text("ip"))

		if r.text("ip") != want {
			t.Errorf("%s is taken as %q, want %s", sent, r.text("ip"), want)
		}
	}
}
