//go:build battery && linux

package failover_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
)

// A day of the apps: what happens in it is that of a day, and each client refreshes every few seconds in place of every hour.
const (
	studios      = 150
	outages      = 20
	longest      = 35 * time.Second // of the outages; the shortest takes a second
	gatewayKills = 50
	thieves      = 32
)

// REL-D1, REL-D3, T-37: two refreshers in each of 150 clients, which do not know of each other, on a day with 20 outages of the
// database, 50 killed gateways, and one response in a hundred lost. No user is signed out, and afterwards every copy of an old
// token ends its session, also one that is presented during an outage. GATEWAY=path names another program: one from before
// refreshes waited out an outage must fail.
func TestDayOfOutages(t *testing.T) {
	c := startCluster(t)
	l := newLoad(t, c)

	for i := range studios {
		l.startStudio(address(i % users))
	}

	var faults sync.WaitGroup

	faults.Go(func() { l.killGateways(t) })
	faults.Go(func() {
		for _, i := range rand.Perm(outages) {
			if !l.pause(8*time.Second + rand.N(8*time.Second)) {
				return
			}

			c.outage(t, time.Second+(longest-time.Second)*time.Duration(i)/(outages-1))
		}
	})
	faults.Wait()

	// Every token is presented once more.
	l.pause(time.Minute)
	l.stop()

	day := l.snapshot()
	day.calls = slices.DeleteFunc(day.calls, func(one call) bool { return one.operation != "refresh" })

	t.Logf("%d refreshes: %s; the slowest took %s", len(day.calls), results(day.calls), slowest(day.calls).Round(time.Millisecond))

	if day.signedOut > 0 || len(day.calls) < 5000 {
		t.Errorf("%d times a user was signed out, in %d refreshes", day.signedOut, len(day.calls))
	}

	t.Log(c.run(t, "gateway", "audit", "verify"))

	for _, during := range []time.Duration{0, 15 * time.Second} {
		if caught := catchThieves(t, c, during); caught != thieves/2 {
			t.Errorf("%d of %d thieves were caught (outage of %s)", caught, thieves/2, during)
		}
	}
}

// studio is Toolkit Studio: one store, and two refreshers that both read and write it.
type studio struct {
	load  *load
	email string

	mu    sync.Mutex
	token string
}

func (l *load) startStudio(email string) {
	s := &studio{load: l, email: email}

	l.work.Go(func() {
		s.store(l.signIn(email).RefreshToken)

		for range 2 {
			l.work.Go(func() {
				for l.pause(2*time.Second + rand.N(23*time.Second)) {
					s.refresh()
				}
			})
		}
	})
}

func (s *studio) stored() string {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.token
}

func (s *studio) store(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()

	s.token = token
}

// refresh exchanges the stored token. It repeats what had no response, and of what had one a hundredth is lost.
func (s *studio) refresh() {
	for {
		var next client.Tokens

		status := s.load.post("refresh", "/api/auth/refresh", client.RefreshRequest{RefreshToken: s.stored()}, &next)

		switch {
		case status == http.StatusOK && rand.N(100) > 0:
			s.store(next.RefreshToken)

			return
		case status == http.StatusUnauthorized:
			s.load.countSignedOut()
			s.store(s.load.signIn(s.email).RefreshToken)

			return
		}

		if !s.load.pause(time.Second + rand.N(time.Second)) {
			return
		}
	}
}

// outage cuts HAProxy off from the databases, which then see nothing of the gateways, and change nothing.
func (c *cluster) outage(t *testing.T, d time.Duration) {
	t.Helper()

	routes := func(verb string) {
		c.run(t, "run", "edge", "sh", "-ec", "for n in 11 12 13; do ip route "+verb+" blackhole 10.77.0.$n/32; done")
	}

	routes("add")
	<-time.After(d)
	routes("delete")
}

// killGateways kills one gateway after the other, and starts it again.
func (l *load) killGateways(t *testing.T) {
	t.Helper()

	for i := range gatewayKills {
		if !l.pause(4*time.Second + rand.N(6*time.Second)) {
			return
		}

		gateway := fmt.Sprintf("gateway%d", 1+i%2)
		l.cluster.run(t, "kill", gateway)
		l.pause(time.Second)
		l.cluster.run(t, "repair", gateway)

		// During an outage of the database it is not ready before that ends.
		l.await(t, gateway+" is ready", func() bool {
			_, err := l.cluster.try("", "run", "client", "curl", "-sf", "-m", "2", "-o", "/dev/null", fmt.Sprintf("http://10.77.0.2%d:8080/readyz", 1+i%2))

			return err == nil
		})
	}
}

// catchThieves gives thieves copies of refresh tokens that their owners have used and replaced. They present them during an
// outage of that length. It returns how many were refused, after which the owner was signed out, too.
func catchThieves(t *testing.T, c *cluster, during time.Duration) (caught int) {
	t.Helper()

	l := newLoad(t, c)
	defer l.stop()

	refresh := func(token string) (int, string) {
		var next client.Tokens

		status := l.post("refresh", "/api/auth/refresh", client.RefreshRequest{RefreshToken: token}, &next)

		return status, next.RefreshToken
	}

	var (
		ready, done sync.WaitGroup
		mu          sync.Mutex
		begin       = make(chan struct{})
	)

	for i := range thieves / 2 {
		ready.Add(1)
		done.Go(func() {
			copied := l.signIn(address(i % users)).RefreshToken
			_, second := refresh(copied)
			_, third := refresh(second)

			ready.Done()
			<-begin

			thief, _ := refresh(copied)
			owner, _ := refresh(third)

			mu.Lock()
			defer mu.Unlock()

			if thief == http.StatusUnauthorized && owner == http.StatusUnauthorized {
				caught++
			}
		})
	}

	ready.Wait()
	l.pause(15 * time.Second) // a copy that comes earlier may be a second refresher's

	if during > 0 {
		done.Go(func() { c.outage(t, during) })
		l.pause(time.Second)
	}

	close(begin)
	done.Wait()

	return caught
}

func results(calls []call) string {
	count := map[string]int{}
	for _, one := range calls {
		count[one.result]++
	}

	list := []string{}
	for _, result := range slices.Sorted(maps.Keys(count)) {
		list = append(list, fmt.Sprintf("%d %s", count[result], result))
	}

	return strings.Join(list, ", ")
}

func slowest(calls []call) (longest time.Duration) {
	for _, one := range calls {
		longest = max(longest, one.ended.Sub(one.began))
	}

	return longest
}
