package race_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// R-F4, R-F6, R-F9, T-37: clients as they are (contract, "Facts about the clients"): two refreshers that share a store
// and do not know of each other, a timer every ten minutes, access tokens treated as expired five minutes early,
// responses that are lost. No client is signed out.
func TestRealClientsStaySignedIn(t *testing.T) {
	t.Parallel()
	replayClients(t, 12, 24*time.Hour)
}

const (
	timerEvery   = 10 * time.Minute
	expiredEarly = 5 * time.Minute
	loseOneIn    = 8
	sleepOneIn   = 40
)

// simulatedClient is one installation of an app.
type simulatedClient struct {
	name     string
	gateways [2]*apptest.Server

	mu        sync.Mutex // guards what follows, which both refreshers use
	random    *rand.Rand
	tokens    client.Tokens // the store that both refreshers share
	expires   time.Time
	asleep    int // ticks of the timer that it will miss
	refreshed int
	lost      int
}

func replayClients(t *testing.T, number int, span time.Duration) {
	r := newReplicas(t)
	clients := make([]*simulatedClient, number)

	for i := range clients {
		email := fmt.Sprintf("client-%d@konec.com.au", i)
		r.Account(t, email)

		tokens := r.SignIn(t, email)
		clients[i] = &simulatedClient{
			name: email, random: rand.New(rand.NewPCG(1, uint64(i))), gateways: r.servers,
			tokens: tokens, expires: r.Clock.Now().Add(time.Duration(tokens.ExpiresIn) * time.Second),
		}
	}

	for range int(span / timerEvery) {
		r.Clock.Advance(timerEvery)

		// Half of the second refreshers run together with the first ones, the others a few seconds later with a token
		// that they read before.
		var late []func()

		var all sync.WaitGroup

		for _, one := range clients {
			if one.sleeps() || r.Clock.Now().Before(one.expires.Add(-expiredEarly)) {
				continue
			}

			token := one.tokens.RefreshToken
			second := func() { one.refresh(t, r, token) }

			if one.random.IntN(2) == 0 {
				late = append(late, second)
				second = func() {}
			}

			all.Go(func() { one.refreshTogether(t, r, token, second) })
		}

		all.Wait()
		r.Clock.Advance(time.Duration(rand.IntN(9000)) * time.Millisecond)

		for _, second := range late {
			all.Go(second)
		}

		all.Wait()

		if t.Failed() {
			t.FailNow()
		}
	}

	var refreshed, lost, ended int
	for _, one := range clients {
		refreshed += one.refreshed
		lost += one.lost
	}

	if err := r.Pool.QueryRow(t.Context(), "SELECT count(*) FROM session WHERE revoked_at IS NOT NULL").Scan(&ended); err != nil || ended != 0 {
		t.Errorf("%d sessions ended, %v", ended, err)
	}

	if lost == 0 {
		t.Error("no response was lost: the test proves nothing")
	}

	t.Logf("%d clients over %s: %d refreshes, of which %d responses were lost; no client was signed out", number, span, refreshed, lost)
}

// sleeps reports whether the computer is asleep at this tick, for minutes or hours.
func (c *simulatedClient) sleeps() bool {
	if c.asleep == 0 && c.random.IntN(sleepOneIn) == 0 {
		c.asleep = 1 + c.random.IntN(20)
	}

	c.asleep = max(0, c.asleep-1)

	return c.asleep > 0
}

// refreshTogether runs both refreshers at once. The one that responds last writes the store.
func (c *simulatedClient) refreshTogether(t *testing.T, r *replicas, token string, second func()) {
	var both sync.WaitGroup

	both.Go(func() { c.refresh(t, r, token) })
	both.Go(second)
	both.Wait()
}

func (c *simulatedClient) refresh(t *testing.T, r *replicas, token string) {
	c.mu.Lock()
	gateway := c.gateways[c.random.IntN(2)]
	lose := c.random.IntN(loseOneIn) == 0
	c.mu.Unlock()

	result, err := gateway.Client.RefreshWithResponse(t.Context(), client.RefreshRequest{RefreshToken: token})
	if err != nil || result.StatusCode() != http.StatusOK {
		t.Errorf("%s is signed out: %v %+v", c.name, err, result)

		return
	}

	c.mu.Lock()
	defer c.mu.Unlock()

	c.refreshed++

	if lose {
		c.lost++

		return
	}

	c.tokens = *result.JSON200
	c.expires = r.Clock.Now().Add(time.Duration(c.tokens.ExpiresIn) * time.Second)
}
