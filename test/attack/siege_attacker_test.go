//go:build battery

package attack_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// attacker sends from all addresses of a network in turn, and stops where the limits refuse.
type attacker struct {
	g       *gateway
	name    string
	address func(n int) string // the n-th address
	own     string             // the address that the attacker shares with a user

	cookies map[string]string
	turn    atomic.Int64
	sent    atomic.Int64
	refused atomic.Int64
}

// attackers are a network of IPv4, and the 65,536 /64s of a /48. The step is odd, so that all /64s have their turn, and those
// that follow each other are far apart.
func attackers(g *gateway) []*attacker {
	return []*attacker{
		{g: g, name: "one IPv4 network (/24)", own: "203.0.113.66", address: func(n int) string { return fmt.Sprintf("203.0.113.%d", n%256) }},
		{g: g, name: "65,536 /64s of one /48", own: "2001:db8:77:9::1", address: func(n int) string { return fmt.Sprintf("2001:db8:77:%x::1", n*40503%65536) }},
	}
}

// at returns a client of the attacker at an address. All share one browser's cookies against XSRF.
func (a *attacker) at(t *testing.T, address string) *client {
	t.Helper()

	c := a.g.client(address)
	c.cookies = maps.Clone(a.cookies)

	return c
}

// send sends a request from the next address, and reports whether a limit refused it.
func (a *attacker) send(t *testing.T, call func(c *client) reply) bool {
	t.Helper()

	r := call(a.at(t, a.address(int(a.turn.Add(1)))))
	a.sent.Add(1)

	if r.code != "TOO_MANY_REQUESTS" {
		return false
	}

	a.refused.Add(1)

	return true
}

// until sends up to n requests at once, and stops after fifty refusals in a row.
func (a *attacker) until(t *testing.T, n int, call func(c *client, i int) reply) {
	t.Helper()

	var row atomic.Int64

	flood(n, func(i int) {
		switch {
		case row.Load() >= 50:
		case a.send(t, func(c *client) reply { return call(c, i) }):
			row.Add(1)
		default:
			row.Store(0)
		}
	})
}

// guess makes one wrong guess at each way in of the victims.
func (a *attacker) guess(t *testing.T, victims []*victim) {
	t.Helper()
	flood(len(victims)*len(ways), func(i int) {
		a.send(t, func(c *client) reply { return victims[i/len(ways)].guess(t, c, ways[i%len(ways)]) })
	})
}

// kill makes six wrong guesses at the code of a reset, and of each registration, which is one more than a code allows.
func (a *attacker) kill(t *testing.T, reset string, registrations ...string) {
	t.Helper()

	emails := registrations
	if reset != "" {
		emails = append([]string{reset}, registrations...)
	}

	flood(6*len(emails), func(i int) {
		email := emails[i%len(emails)]

		a.send(t, func(c *client) reply {
			if email == reset {
				return c.call(t, http.MethodPost, "/forget_reset", map[string]any{"email": email, "code": "000000", "password": "stolen " + secret})
			}

			return c.call(t, http.MethodPost, "/api/users/register",
				map[string]any{"username": "Thief", "email": email, "password": secret, "verificationCode": "000000"})
		})
	})
}

// ask asks for every code that the victims and the newcomers may need.
func (a *attacker) ask(t *testing.T, victims []*victim, newcomers []string) {
	t.Helper()
	flood(2*len(victims)+len(newcomers), func(i int) {
		a.send(t, func(c *client) reply {
			switch {
			case i < len(victims):
				return c.call(t, http.MethodGet, "/forget_code?email="+victims[i].email, nil)
			case i < 2*len(victims):
				return c.call(t, http.MethodGet, "/login/sms?phone=%2B"+victims[i-len(victims)].phone[1:], nil)
			default:
				return c.call(t, http.MethodPost, "/api/users/register/send-code", map[string]any{"email": newcomers[i-2*len(victims)]})
			}
		})
	})
}

// spendBudgets guesses at codes for unbound numbers, and asks for codes, until the limits refuse.
func (a *attacker) spendBudgets(t *testing.T) {
	t.Helper()
	a.until(t, 2010, func(c *client, i int) reply {
		phone := fmt.Sprintf("%%2B86131%08d", i)
		c.call(t, http.MethodGet, "/login/sms?phone="+phone, nil)

		var last reply
		for range 5 {
			last = c.call(t, http.MethodPost, "/login/sms", map[string]any{"phone": strings.Replace(phone, "%2B", "+", 1), "code": "000000"})
			a.sent.Add(1)
		}

		return last
	})
}

// fillNetwork spends what the network, and the address that the attacker shares with a user, may fail and send in an hour.
func (a *attacker) fillNetwork(t *testing.T) {
	t.Helper()

	wrong := func(c *client, i int) reply {
		return c.call(t, http.MethodPost, "/login/sms", map[string]any{"phone": fmt.Sprintf("+86132%08d", i), "code": "000000"})
	}

	own := a.at(t, a.own)
	for i := range 101 {
		a.sent.Add(1)

		if wrong(own, i).code == "TOO_MANY_REQUESTS" {
			a.refused.Add(1)

			break
		}
	}

	a.until(t, 2000, wrong)
	a.until(t, 100, func(c *client, _ int) reply {
		return c.call(t, http.MethodPost, "/api/users/register/send-code", map[string]any{"email": unique("bombed") + "@konec.test"})
	})
}
