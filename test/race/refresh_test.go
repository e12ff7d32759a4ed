package race_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-C3, R-F3, R-F4, R-F5, V-01, V-02, T-04: what may happen once happens once.
func TestRace(t *testing.T) {
	t.Parallel()

	t.Run("OneOfManyRegistersWithOneCode", func(t *testing.T) {
		t.Parallel()
		raceForCode(t, world.RegisterRounds)
	})

	t.Run("ManyRefreshersOpenOneGeneration", func(t *testing.T) {
		t.Parallel()
		raceForRefresh(t, world.RaceRounds)
	})

	t.Run("NothingOutlivesTheDisablingItRacedWith", func(t *testing.T) {
		t.Parallel()
		raceWithDisabling(t, world.RegisterRounds/3)
	})
}

// replicas are two gateways on one database.
type replicas struct {
	*apptest.Env

	servers [2]*apptest.Server
}

func newReplicas(t *testing.T) *replicas {
	t.Helper()

	// Every contender may hash a password at once, and none is delayed: the contenders compete for the row, not for a
	// slot.
	env := apptest.New(t, func(c *apptest.Settings) {
		c.HashConcurrency, c.FailuresFree, c.NetworkFailures = world.Contenders, 100, 1_000_000
	})

	return &replicas{Env: env, servers: [2]*apptest.Server{env.Server, env.Serve(t)}}
}

// contend releases the contenders at one barrier and waits for all of them. An earlier round has opened their
// connections.
func (r *replicas) contend(run func(i int, gateway *client.ClientWithResponses)) {
	var (
		all     sync.WaitGroup
		ready   sync.WaitGroup
		barrier = make(chan struct{})
	)

	ready.Add(world.Contenders)

	for i := range world.Contenders {
		all.Go(func() {
			ready.Done()
			<-barrier
			run(i, r.servers[i%len(r.servers)].Client)
		})
	}

	ready.Wait()
	close(barrier)
	all.Wait()
}

func raceForCode(t *testing.T, rounds int) {
	r := newReplicas(t)

	keys, err := keyring.Parse(r.Config.MasterKey)
	if err != nil {
		t.Fatal(err)
	}

	codes := code.New(nil, keys, code.Budget{}, r.Clock.Now) // only Issue is called
	winners, busy := 0, 0

	for round := range rounds {
		email := fmt.Sprintf("racer-%d@konec.com.au", round)

		plain, _, err := codes.Issue(t.Context(), r.Pool, code.Registration, email)
		if err != nil {
			t.Fatal(err)
		}

		results := [world.Contenders]*client.RegisterResult{}

		r.contend(func(i int, gateway *client.ClientWithResponses) {
			result, err := gateway.RegisterWithResponse(t.Context(), client.RegisterRequest{
				Username: "Racer", Email: email, Password: apptest.Password, VerificationCode: plain,
			})
			if err != nil {
				t.Error(err)

				return
			}

			results[i] = result
		})

		won := 0

		for _, result := range results {
			switch {
			case result == nil:
			case result.StatusCode() == http.StatusCreated:
				won++
			case result.StatusCode() == http.StatusServiceUnavailable:
				busy++ // an overloaded gateway refuses a contender, who must not win
			case result.JSON400 == nil || result.JSON400.Code != "CODE_INVALID":
				t.Errorf("round %d: a loser got %s: %s", round, result.Status(), result.Body)
			}
		}

		if rows := r.registrations(t, email); won != 1 || rows != 1 {
			t.Fatalf("round %d: %d winners and %d audit events, want one of each", round, won, rows)
		}

		winners += won

		// The losers' guesses would use up the day's budget, which another test is about.
		if _, err := r.Pool.Exec(t.Context(), "TRUNCATE throttle, failure"); err != nil {
			t.Fatal(err)
		}
	}

	t.Logf("registration code: %d rounds of %d contenders on 2 gateways, %d winners, %d asked to retry", rounds, world.Contenders, winners, busy)
}

// registrations counts the audit events of the registration of an address.
func (r *replicas) registrations(t *testing.T, email string) (rows int) {
	t.Helper()

	err := r.Pool.QueryRow(t.Context(),
		"SELECT count(*) FROM audit_event e JOIN account a ON a.id = e.account_id WHERE a.email = $1 AND e.action = $2",
		email, audit.AccountRegistered).Scan(&rows)
	if err != nil {
		t.Fatal(err)
	}

	return rows
}

func raceForRefresh(t *testing.T, rounds int) {
	r := newReplicas(t)
	r.Account(t, "racer@konec.com.au")

	current := r.SignIn(t, "racer@konec.com.au").RefreshToken

	for round := range rounds {
		before := r.generation(t)
		successors := r.raceToken(t, current)

		if len(successors) != 1 {
			t.Fatalf("round %d: %d successors, want one", round, len(successors))
		}

		if after := r.generation(t); after != before+1 {
			t.Fatalf("round %d: generation %d became %d, want one more", round, before, after)
		}

		status, next := r.servers[round%2].Refresh(t, successors[0])
		if next == nil {
			t.Fatalf("round %d: the successor got %d", round, status)
		}

		r.Clock.Advance(session.LostAfter + time.Second)

		if status, _ := r.Refresh(t, current); status != http.StatusUnauthorized {
			t.Fatalf("round %d: a replay got %d, want 401", round, status)
		}

		if status, _ := r.Refresh(t, next.RefreshToken); status != http.StatusUnauthorized {
			t.Fatalf("round %d: the newest token got %d after a replay, want 401", round, status)
		}

		r.revive(t)
		current = next.RefreshToken
	}

	t.Logf("refresh token: %d rounds of %d contenders on 2 gateways, one generation each", rounds, world.Contenders)
}

// raceToken returns the different refresh tokens that the contenders received.
func (r *replicas) raceToken(t *testing.T, token string) (successors []string) {
	t.Helper()

	var (
		mu  sync.Mutex
		got = map[string]bool{}
	)

	r.contend(func(i int, gateway *client.ClientWithResponses) {
		result, err := gateway.RefreshWithResponse(t.Context(), client.RefreshRequest{RefreshToken: token})
		if err != nil || result.JSON200 == nil {
			t.Errorf("contender %d: %v %+v", i, err, result)

			return
		}

		mu.Lock()
		defer mu.Unlock()

		got[result.JSON200.RefreshToken] = true
	})

	for token := range got {
		successors = append(successors, token)
	}

	return successors
}

// generation returns the generation of the only session.
func (r *replicas) generation(t *testing.T) (generation int64) {
	t.Helper()

	if err := r.Pool.QueryRow(t.Context(), "SELECT generation FROM session").Scan(&generation); err != nil {
		t.Fatal(err)
	}

	return generation
}

// revive restores an ended session, because a new one would cost a password hash each round.
func (r *replicas) revive(t *testing.T) {
	t.Helper()

	if _, err := r.Pool.Exec(t.Context(), "UPDATE session SET revoked_at = NULL, revoked_reason = NULL"); err != nil {
		t.Fatal(err)
	}
}
