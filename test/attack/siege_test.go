//go:build battery

package attack_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const (
	siegeHours    = 24
	siegeTries    = 3 // of a user in an hour, twenty minutes apart
	registrations = 100
	bystander     = "bystander@konec.test"
)

// siege is a day of an attack, in which the stored clock is moved.
type siege struct {
	*attacker

	clock time.Duration // since the beginning

	known, neighbour, forgetful, admin *victim
	rows                               map[string]*siegeRow
}

// siegeRow is what became of a kind of user.
type siegeRow struct {
	wanted, in, tries, most int
	requests                int64
	longest                 time.Duration // simulated, from the first try to the sign-in
	last                    string        // the last refusal
}

// user wants to get in during this hour.
type user struct {
	kind  string
	try   func(t *testing.T, c *client) reply
	where func(try int) *client
	coded bool // needs a code by mail

	in       bool
	tries    int
	requests int64
}

// TestSiege, SEC-S2, SEC-S3, SEC-S8, R-E4: a day at the limits, first from a network of IPv4, then from the 65,536 /64s of a /48.
// Every user gets in, in every hour. A prelude builds the waits up to their longest, and spends the budgets. Then, in each of 24
// simulated hours, the attacker
//
//   - guesses once at every way in of the four known accounts, when their waits end (16 guesses);
//   - asks five times, a minute apart, for codes for each of them and for each newcomer of the hour, and guesses six times at
//     the last ones, and again at each code that a user asks for, before the user enters it;
//   - fills what its network may fail and send: up to 2,000 wrong codes and 100 mails, until fifty are refused in a row.
//
// A user who is refused tries again twice, twenty minutes apart, and the attacker has its turn before each.
func TestSiege(t *testing.T) {
	for i := range 2 {
		g := start(t)
		a := attackers(g)[i]

		t.Run(a.name, func(t *testing.T) {
			begun := time.Now()

			a.cookies = g.client(a.own).load(t).cookies
			s := &siege{attacker: a, rows: map[string]*siegeRow{}}
			s.known = newVictim(t, g, "known", "None", "192.0.2.10")
			s.neighbour = newVictim(t, g, "neighbour", "None", a.own)
			s.forgetful = newVictim(t, g, "forgetful", "None", "192.0.3.10")
			s.admin = newVictim(t, g, "admin", "Admin", "192.0.4.10")

			g.account(t, bystander, "None")
			s.prelude(t)

			for hour := range siegeHours {
				s.hour(t, hour)
			}

			s.report(t, time.Since(begun))
		})
	}
}

func (s *siege) victims() []*victim { return []*victim{s.known, s.neighbour, s.forgetful, s.admin} }

func (s *siege) passed(t *testing.T, d time.Duration) {
	t.Helper()
	s.g.pass(t, d)
	s.clock += d
}

// prelude makes every wait an hour long, and spends the budgets.
func (s *siege) prelude(t *testing.T) {
	t.Helper()

	for range 12 {
		s.g.unwait(t)
		s.guess(t, s.victims())
	}

	s.spendBudgets(t)
	s.passed(t, time.Hour)
}

func (s *siege) hour(t *testing.T, hour int) {
	t.Helper()

	end := s.clock + time.Hour
	users, newcomers := s.users(t, hour)

	s.guess(t, s.victims())

	for range 5 {
		s.ask(t, s.victims(), newcomers)
		s.passed(t, 61*time.Second)
	}

	s.kill(t, s.forgetful.email, newcomers...) // a new code has ended the ones before it

	first := s.clock

	for try := range siegeTries {
		if try > 0 {
			s.passed(t, 18*time.Minute)
			s.guess(t, s.victims())
			s.ask(t, s.victims(), newcomers)
		}

		s.tried(t, users, true, try, first)
		s.fillNetwork(t)
		s.tried(t, users, false, try, first)

		if out(users) == 0 {
			break
		}
	}

	for _, u := range users {
		row := s.rows[u.kind]
		row.tries += u.tries
		row.most = max(row.most, u.tries)
		row.requests += u.requests
	}

	s.passed(t, end-s.clock)
}

// users returns who wants to get in during the hour, and the addresses of the newcomers.
func (s *siege) users(t *testing.T, hour int) (users []*user, newcomers []string) {
	t.Helper()

	users = []*user{
		{kind: "1 owner, known device", where: func(int) *client { return s.known.app }, try: func(t *testing.T, c *client) reply {
			t.Helper()

			return c.login(t, s.known.email, secret)
		}},
		{kind: "2 owner, known device, attacker's address", where: func(int) *client { return s.neighbour.app }, try: func(t *testing.T, c *client) reply {
			t.Helper()

			return c.login(t, s.neighbour.email, secret)
		}},
		{
			kind: "3 owner, new device, has the mail", coded: true, try: s.reset,
			where: func(try int) *client { return s.g.client(elsewhere(hour*siegeTries + try)) },
		},
		{
			kind: "4 administrator, known network", try: s.administer,
			where: func(int) *client { return s.g.client(fmt.Sprintf("192.0.4.%d", 20+hour)) },
		},
	}

	for i := hour * registrations / siegeHours; i < (hour+1)*registrations/siegeHours; i++ {
		email := fmt.Sprintf("newcomer%d@konec.test", i)
		newcomers = append(newcomers, email)
		users = append(users, &user{
			kind: "5 registrations", coded: true,
			where: func(try int) *client { return s.g.client(elsewhere(1000 + i*siegeTries + try)) },
			try: func(t *testing.T, c *client) reply {
				t.Helper()

				return s.signUp(t, c, email)
			},
		})
	}

	for _, u := range users {
		if s.rows[u.kind] == nil {
			s.rows[u.kind] = &siegeRow{}
		}

		s.rows[u.kind].wanted++
	}

	return users, newcomers
}

// tried lets those try who are not in yet, all at once.
func (s *siege) tried(t *testing.T, users []*user, coded bool, try int, first time.Duration) {
	t.Helper()

	var waiting []*user

	for _, u := range users {
		if !u.in && u.coded == coded {
			waiting = append(waiting, u)
		}
	}

	replies := make([]reply, len(waiting))

	flood(len(waiting), func(i int) {
		c := waiting[i].where(try)
		before := c.sent.Load()
		replies[i] = waiting[i].try(t, c)
		waiting[i].requests += c.sent.Load() - before
	})

	for i, u := range waiting {
		u.tries++
		u.in = replies[i].ok()

		row := s.rows[u.kind]
		if !u.in {
			row.last = replies[i].String()

			continue
		}

		row.in++
		row.longest = max(row.longest, s.clock-first)
	}
}

func out(users []*user) (n int) {
	for _, u := range users {
		if !u.in {
			n++
		}
	}

	return n
}

// reset sets a new password with the code of the newest mail, else with its link, and signs in with it. The attacker guesses
// before the user has entered the code.
func (s *siege) reset(t *testing.T, c *client) reply {
	t.Helper()

	v, before := s.forgetful, s.g.delivered(t, s.forgetful.email)
	asked := c.load(t).call(t, http.MethodGet, "/forget_code?email="+url.QueryEscape(v.email), nil)

	found, there := s.newest(t, v.email, asked, before)
	if !there {
		return asked
	}

	s.kill(t, v.email)

	password := unique("correct horse battery ")
	r := c.call(t, http.MethodPost, "/forget_reset", map[string]any{"email": v.email, "code": found.code, "password": password})

	if !r.ok() && found.link != "" {
		c.follow(t, found.link, password)
	}

	signedIn := c.call(t, http.MethodPost, "/login", map[string]any{"email": v.email, "password": password})
	if !r.ok() && !signedIn.ok() {
		return r
	}

	return signedIn
}

// signUp registers with the code of the newest mail, else with its link.
func (s *siege) signUp(t *testing.T, c *client, email string) reply {
	t.Helper()

	before := s.g.delivered(t, email)
	asked := c.call(t, http.MethodPost, "/api/users/register/send-code", map[string]any{"email": email})

	found, there := s.newest(t, email, asked, before)
	if !there {
		return asked
	}

	s.kill(t, "", email)

	r := c.call(t, http.MethodPost, "/api/users/register",
		map[string]any{"username": "Newcomer", "email": email, "password": secret, "verificationCode": found.code})
	if r.ok() || found.link == "" {
		return r
	}

	c.follow(t, found.link, secret)

	if one[int](t, s.g, "SELECT count(*) FROM account WHERE email = $1", email) == 1 {
		return c.login(t, email, secret)
	}

	return r
}

// newest returns the newest mail with a code. A request that was refused brings none, but the attacker's may have.
func (s *siege) newest(t *testing.T, email string, asked reply, before int) (mail, bool) {
	t.Helper()

	if asked.ok() {
		return s.g.mailAfter(t, email, before), true
	}

	s.g.delivered(t, email)

	all := s.g.mailsTo(t, email)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].code != "" {
			return all[i], true
		}
	}

	return mail{}, false
}

// administer signs the administrator in, in the network that is known, without a token, and lifts the waits of an account
// outside the siege.
func (s *siege) administer(t *testing.T, c *client) reply {
	t.Helper()

	if r := c.login(t, s.admin.email, secret); !r.ok() {
		return r
	}

	return c.call(t, http.MethodPost, "/api/admin/accounts/"+s.g.idOf(t, bystander)+"/unlock", nil)
}

func (s *siege) report(t *testing.T, took time.Duration) {
	t.Helper()

	kinds := []string{
		"1 owner, known device", "2 owner, known device, attacker's address", "3 owner, new device, has the mail", "4 administrator, known network", "5 registrations",
	}

	var table strings.Builder

	fmt.Fprintf(&table, "%s: %d requests of the attacker, %d of them refused by limits; %d simulated hours in %.0f s\n", s.name, s.sent.Load(), s.refused.Load(), siegeHours, took.Seconds())
	fmt.Fprintf(&table, "%-43s %6s %5s %6s %10s %9s %12s  %s\n", "who", "wanted", "got in", "tries", "most tries", "requests", "longest wait", "last refusal")

	for _, kind := range kinds {
		row := s.rows[kind]
		fmt.Fprintf(&table, "%-43s %6d %6d %6d %10d %9d %12s  %s\n", kind, row.wanted, row.in, row.tries, row.most, row.requests, row.longest.Round(time.Minute), row.last)

		if row.in < row.wanted {
			t.Errorf("%s: kept out %d of %d times", kind, row.wanted-row.in, row.wanted)
		}
	}

	t.Logf("\n%s", table.String())
}
