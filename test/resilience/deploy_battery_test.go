//go:build battery

package resilience_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/platform/config"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// REL-D4, T-09: 20 rolling restarts of two replicas behind a load balancer, with 300 refreshes a second over a network with a
// delay. Each refresh succeeds, and no one is signed out.
func TestTwentyRollingRestartsLoseNothing(t *testing.T) {
	for _, delay := range []time.Duration{2 * time.Millisecond, 10 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			const restarts, sessions, rate = 20, 60, 300

			database := postgrestest.New(t)
			people := apptest.Env{Clock: &apptest.Clock{}, Config: config.Config{DatabaseURL: database}}

			for i := range sessions {
				people.Account(t, fmt.Sprintf("person-%d@konec.test", i))
			}

			p := &pool{delay: delay, database: database, ended: make(chan struct{})}
			for i := range p.slots {
				p.slots[i].Store(p.start(t))
			}

			go p.check()

			for i := range p.slots {
				p.await(t, i)
			}

			var work sync.WaitGroup

			due := make(chan struct{}, rate)

			work.Go(func() { p.pace(due, rate) })

			for i := range sessions {
				tokens := p.signIn(t, fmt.Sprintf("person-%d@konec.test", i))

				work.Go(func() { p.refresh(t, tokens.RefreshToken, due) })
			}

			for i := range restarts {
				slot := &p.slots[i%len(p.slots)]
				old := slot.Load()
				old.terminate()

				if err := <-old.stopped; err != nil {
					t.Errorf("restart %d: it ended with %v", i, err)
				}

				slot.Store(p.start(t))
				p.await(t, i%len(p.slots))
			}

			close(p.ended)
			work.Wait()

			t.Logf("%d refreshes in %d restarts, %d failed", p.served.Load(), restarts, p.failed.Load())

			if p.failed.Load() > 0 || p.served.Load() < restarts*rate {
				t.Error("want thousands of refreshes, and none that fails")
			}
		})
	}
}

// pool is a load balancer before two replicas.
type pool struct {
	delay          time.Duration
	database       string
	slots          [2]atomic.Pointer[member]
	next           atomic.Int64
	served, failed atomic.Int64
	ended          chan struct{}
}

// member is a replica in the pool.
type member struct {
	balancer

	terminate func()
	stopped   <-chan error
	up        atomic.Bool
	failures  int
}

func (p *pool) start(t *testing.T) *member {
	t.Helper()

	address, terminate, stopped := replica(t, p.database)

	return &member{balancer: balancer{url: "http://" + delayed(t, address, p.delay)}, terminate: terminate, stopped: stopped}
}

// check asks each member whether it is ready. One that fails twice gets no requests until it succeeds.
func (p *pool) check() {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()

	for {
		for i := range p.slots {
			one := p.slots[i].Load()

			if one.check() {
				one.failures = 0
				one.up.Store(true)
			} else if one.failures++; one.failures >= 2 {
				one.up.Store(false)
			}
		}

		select {
		case <-p.ended:
			return
		case <-tick.C:
		}
	}
}

func (p *pool) await(t *testing.T, slot int) {
	t.Helper()
	apptest.Eventually(t, "the replica is in the pool", func() bool { return p.slots[slot].Load().up.Load() })
}

// pick returns the URL of the next member that is up.
func (p *pool) pick() string {
	for {
		if one := p.slots[p.next.Add(1)%int64(len(p.slots))].Load(); one.up.Load() {
			return one.url
		}
	}
}

// pace allows rate requests a second.
func (p *pool) pace(due chan<- struct{}, rate int) {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	defer close(due)

	for {
		select {
		case <-p.ended:
			return
		case <-tick.C:
		}

		select {
		case due <- struct{}{}:
		default: // every session is busy
		}
	}
}

func (p *pool) signIn(t *testing.T, email string) client.Tokens {
	t.Helper()

	sdk, err := client.NewClientWithResponses(p.pick())
	if err != nil {
		t.Fatal(err)
	}

	return (&apptest.Server{Client: sdk}).SignIn(t, email)
}

// refresh refreshes one session, over connections that it keeps, for as long as requests are due.
func (p *pool) refresh(t *testing.T, token string, due <-chan struct{}) {
	kept := http.Client{Transport: &http.Transport{}, Timeout: 70 * time.Second}
	defer kept.CloseIdleConnections()

	for range due {
		next, err := exchange(kept, p.pick(), token)
		if err != nil {
			p.failed.Add(1)
			t.Error(err)

			continue
		}

		p.served.Add(1)

		token = next
	}
}

func exchange(kept http.Client, url, token string) (string, error) {
	body, err := json.Marshal(client.RefreshRequest{RefreshToken: token})
	if err != nil {
		return "", err
	}

	response, err := kept.Post(url+"/api/auth/refresh", "application/json", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()

	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("refresh: %s", response.Status)
	}

	var tokens client.Tokens
	if err := json.NewDecoder(response.Body).Decode(&tokens); err != nil {
		return "", err
	}

	return tokens.RefreshToken, nil
}
