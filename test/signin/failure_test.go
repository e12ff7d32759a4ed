package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

const (
	freeFailures = 5 // the contract's own number, and not whatever the code says
	firstWait    = 30 * time.Second
)

// porch is in front of both doors: an app's login, and a browser in which nobody is signed in.
type porch struct {
	*apptest.Env

	visitor *apptest.Browser
}

func newPorch(t *testing.T, change ...func(*config.Config)) *porch {
	t.Helper()

	p := &porch{Env: apptest.New(t, change...)}
	p.visitor = p.Browser(t)
	p.visitor.Load(t)

	return p
}

// door is one of the two ways in.
type door string

const (
	appDoor     door = "/api/auth/login"
	browserDoor door = "/login"
)

// through makes the call that signs somebody in.
func (p *porch) through(d door, email, password string) call {
	if d == appDoor {
		c := call{method: http.MethodPost, path: string(d)}.with("Content-Type", "application/x-www-form-urlencoded")
		c.body = url.Values{"email": {email}, "password": {password}}.Encode()

		return c
	}

	c := call{method: http.MethodPost, path: string(d)}.from(p.visitor).with("Content-Type", "application/json")
	c.body = fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)

	return c
}

// wait is what an answer says; zero where it says nothing.
func wait(t *testing.T, got reply) time.Duration {
	t.Helper()

	text := got.header.Get("Retry-After")
	if text == "" {
		return 0
	}

	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 1 {
		t.Errorf("Retry-After: %q", text)
	}

	return time.Duration(seconds) * time.Second
}

// expectWrong says that the guess was compared.
func (p *porch) expectWrong(t *testing.T, what string, d door, email string) {
	t.Helper()

	got := p.through(d, email, "wrong").to(t, p.Server)
	if got.problem.Code != "INVALID_CREDENTIALS" || wait(t, got) != 0 {
		t.Errorf("%s, %s: %s", what, d, got)
	}
}

// expectEarly says that nothing was compared, even with the right password.
func (p *porch) expectEarly(t *testing.T, what string, d door, email, password string, want time.Duration) {
	t.Helper()

	status := map[door]int{appDoor: http.StatusTooManyRequests, browserDoor: http.StatusBadRequest}[d]

	got := p.through(d, email, password).to(t, p.Server)
	if got.status != status || got.problem.Code != "TOO_MANY_REQUESTS" || wait(t, got) != want || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s, %s: %s, Retry-After %s, want %d and %s", what, d, got, wait(t, got), status, want)
	}
}

func (p *porch) expectIn(t *testing.T, what string, d door, email string) {
	t.Helper()

	if got := p.through(d, email, apptest.Password).to(t, p.Server); got.status >= 300 {
		t.Errorf("%s, %s: %s", what, d, got)
	}
}

// R-E1, R-E3, R-E4, V-08, T-05: both doors and every spelling of an address count together; each wait is
// true to the second, and waiting that long lets the next one through.
func TestFailuresSlowDown(t *testing.T) {
	t.Parallel()

	p := newPorch(t, manyFromOneNetwork)
	p.Clock.Stop()
	p.Account(t, "kim@konec.com.au")

	doors := []door{appDoor, browserDoor}

	var same []string // the spellings that sign this account in

	for _, spelling := range []string{
		"kim@konec.com.au", "KIM@KONEC.COM.AU", "Kim@Konec.com.AU", "\u212aim@konec.com.au", "kim@\uff4b\uff4f\uff4e\uff45\uff43.com.au",
		"kim@konec\u3002com.au", "\uff2bim@konec.com.au", "kim@konec.com.au.",
	} {
		if got := p.through(appDoor, spelling, apptest.Password).to(t, p.Server); got.status == http.StatusOK {
			same = append(same, spelling)
		}
	}

	if len(same) < 3 {
		t.Fatalf("%q: too few spellings to tell", same)
	}

	for i := range freeFailures {
		p.expectWrong(t, fmt.Sprintf("failure %d", i+1), doors[i%2], same[i%len(same)])
	}

	for i, delay := range []time.Duration{firstWait, 2 * firstWait, 4 * firstWait} {
		for j, spelling := range same {
			p.expectEarly(t, "early", doors[j%2], spelling, apptest.Password, delay)
		}

		p.Clock.Advance(delay - 1500*time.Millisecond)
		p.expectEarly(t, "a moment early", doors[i%2], same[0], apptest.Password, 2*time.Second)
		p.Clock.Advance(1500 * time.Millisecond)
		p.expectWrong(t, "in time", doors[i%2], same[i%len(same)])
	}

	// R-E5: the right one, in time, clears all of it.
	p.Clock.Advance(8 * firstWait)
	p.expectIn(t, "the owner", browserDoor, same[0])

	for i := range freeFailures {
		p.expectWrong(t, "free again", doors[i%2], same[0])
	}

	p.expectEarly(t, "spent again", appDoor, same[0], apptest.Password, firstWait)
}

// manyFromOneNetwork leaves the limit of a network to the tests that are about it.
func manyFromOneNetwork(c *config.Config) { c.NetworkFailures = 10_000 }

// R-B1, R-B3, T-23: every class of address is slowed down alike, in every answer of the ladder, through
// either door, and with the same statements.
func TestUnknownAddressesAreSlowedDownToo(t *testing.T) {
	t.Parallel()

	for _, d := range []door{appDoor, browserDoor} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()

			p := newPorch(t, manyFromOneNetwork, func(c *config.Config) { c.FailuresFree = 2 })
			p.Clock.Stop()

			people := []string{"unknown@konec.test", "registered@konec.test", "disabled@konec.test", "passwordless@konec.test"}
			for _, email := range people[1:] {
				p.Account(t, email)
			}

			for _, statement := range []string{
				"UPDATE account SET status = 'disabled' WHERE email = 'disabled@konec.test'",
				"UPDATE account SET password_hash = NULL WHERE email = 'passwordless@konec.test'",
			} {
				if _, err := p.Pool.Exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}

			for attempt := range 6 {
				var control string

				for _, email := range people {
					p.Statements.Take()

					got := p.through(d, email, "wrong").to(t, p.Server)
					seen := fmt.Sprint(got.status, got.problem.Code, got.problem.Message, wait(t, got), len(got.header.Values("Set-Cookie")), withoutChores(p.Statements.Take()))

					if control == "" {
						control = seen
					} else if seen != control {
						t.Errorf("attempt %d for %s: %s, and for an unknown address %s", attempt+1, email, seen, control)
					}
				}

				if attempt == 3 {
					p.Clock.Advance(firstWait)
				}
			}
		})
	}
}

// R-E2, V-06, W-8, T-05: whatever comes at once, through two gateways and both doors, five are compared.
// A stored hash that nobody can read makes each comparison a fault of ours: so many were made.
func TestComparisonsNeverExceedWhatIsFree(t *testing.T) {
	t.Parallel()

	const (
		rounds  = 3
		guesses = 64
	)

	p := newPorch(t, manyFromOneNetwork, func(c *config.Config) { c.HashConcurrency = guesses })
	p.Clock.Stop()

	gateways := [2]*apptest.Server{p.Server, p.Serve(t)}

	for round := range rounds {
		email := fmt.Sprintf("victim.%d@konec.test", round)
		p.Account(t, email)

		if _, err := p.Pool.Exec(t.Context(), "UPDATE account SET password_hash = 'unreadable' WHERE email = $1", email); err != nil {
			t.Fatal(err)
		}

		var (
			all     sync.WaitGroup
			mu      sync.Mutex
			barrier = make(chan struct{})
			codes   = map[string]int{}
		)

		for i := range guesses {
			all.Go(func() {
				<-barrier

				guess := p.through([]door{appDoor, browserDoor}[i/2%2], email, fmt.Sprint("guess ", i))

				got := guess.to(t, gateways[i%2])
				for got.status == http.StatusServiceUnavailable {
					got = guess.to(t, gateways[i%2]) // a gateway that is full says so, and has compared nothing
				}

				mu.Lock()
				defer mu.Unlock()

				codes[got.problem.Code]++
			})
		}

		close(barrier)
		all.Wait()

		if codes["INTERNAL"] != freeFailures || codes["INTERNAL"]+codes["TOO_MANY_REQUESTS"] != guesses {
			t.Errorf("round %d: %v, want %d comparisons", round, codes, freeFailures)
		}
	}
}

// R-E4, R-E5: somebody who signs in many times at once is nobody's attacker.
func TestRightPasswordsAtOnceAllPass(t *testing.T) {
	t.Parallel()

	p := newPorch(t)
	gateways := [2]*apptest.Server{p.Server, p.Serve(t)}

	p.Account(t, owner)

	var all sync.WaitGroup

	for i := range contenders {
		all.Go(func() {
			d := []door{appDoor, browserDoor}[i/2%2]

			for {
				got := p.through(d, owner, apptest.Password).to(t, gateways[i%2])
				if got.status == http.StatusServiceUnavailable {
					continue // a gateway that is full says so; that is no blame
				}

				if got.status >= 300 {
					t.Errorf("contender %d, %s: %s, Retry-After %s", i, d, got, got.header.Get("Retry-After"))
				}

				return
			}
		})
	}

	all.Wait()

	p.expectWrong(t, "nothing was left behind", appDoor, owner)
}

// R-E6, T-36: where failures cannot be counted, nobody is let in and nothing is compared.
func TestNothingIsComparedWithoutCounting(t *testing.T) {
	t.Parallel()

	for table, what := range map[string]string{"failure": "persons", "throttle": "networks"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()

			p := newPorch(t)
			p.Account(t, owner)

			rename := func(from, to string) {
				if _, err := p.Pool.Exec(t.Context(), "ALTER TABLE "+from+" RENAME TO "+to); err != nil {
					t.Fatal(err)
				}
			}

			rename(table, "elsewhere")

			for _, d := range []door{appDoor, browserDoor} {
				for _, password := range []string{apptest.Password, "wrong"} {
					got := p.through(d, owner, password).to(t, p.Server)
					if got.status < 500 || len(got.header.Values("Set-Cookie")) > 0 {
						t.Errorf("%s: %s", d, got)
					}
				}
			}

			var rows int
			if err := p.Pool.QueryRow(t.Context(), "SELECT count(*) FROM audit_event WHERE action LIKE 'sign_in.%'").Scan(&rows); err != nil || rows != 0 {
				t.Errorf("%d were judged, %v", rows, err)
			}

			rename("elsewhere", table)
			p.expectIn(t, "once it is back", appDoor, owner)
		})
	}
}
