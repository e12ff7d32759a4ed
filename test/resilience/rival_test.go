package resilience_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/pgproxy"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
)

// REL-D1: two refreshers, as Toolkit Studio has. One refreshes and keeps the answer; the other sends the same token within
// ten seconds, waits for the database for longer than that, and gets through. It gets the same token: the request is judged
// by when it arrived. Neither signs the user out.
func TestRefreshIsJudgedByItsArrival(t *testing.T) {
	t.Parallel()

	proxy := pgproxy.New(t, postgrestest.New(t))
	env := apptest.On(t, proxy.URL)
	env.Clock.Stop()

	env.Account(t, "refreshers@konec.test")

	tokens := env.SignIn(t, "refreshers@konec.test")

	_, first := env.Refresh(t, tokens.RefreshToken)
	if first == nil {
		t.Fatal("no refresh")
	}

	env.Clock.Advance(session.Grace / 2)

	// The second refresh is held at its statement while the clock goes on.
	fault := proxy.Inject(pgproxy.AtStatement("SessionRotate"), pgproxy.HoldBefore)

	var (
		waited   sync.WaitGroup
		late     string
		lateCode int
	)

	waited.Go(func() {
		status, got := env.Refresh(t, tokens.RefreshToken)
		lateCode = status

		if got != nil {
			late = got.RefreshToken
		}
	})

	<-fault.Reached
	env.Clock.Advance(30 * time.Second)
	close(fault.Release)
	waited.Wait()

	if lateCode != http.StatusOK || late != first.RefreshToken {
		t.Errorf("the refresh that waited: %d, the same token: %t", lateCode, late == first.RefreshToken)
	}

	if status, _ := env.Refresh(t, first.RefreshToken); status != http.StatusOK {
		t.Errorf("the refresher that did not wait: %d", status)
	}
}

// Contract, "an outage": at most four refreshes of a session wait for the database; the next one gets 503 at once, with
// Retry-After. When the database is back, those who waited are served.
func TestRefreshesThatWaitAreBounded(t *testing.T) {
	t.Parallel()

	cluster, url := postgrestest.NewCluster(t, true)
	env := apptest.On(t, url)
	env.Account(t, "waiting@konec.test")

	tokens := env.SignIn(t, "waiting@konec.test")

	if err := cluster.Kill(); err != nil {
		t.Fatal(err)
	}

	statuses := make(chan int, 5)

	for range 5 {
		go func() {
			status, _ := env.Refresh(t, tokens.RefreshToken)
			statuses <- status
		}()
	}

	if status := <-statuses; status != http.StatusServiceUnavailable {
		t.Errorf("the one too many: %d", status)
	}

	if err := cluster.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}

	for range 4 {
		if status := <-statuses; status != http.StatusOK {
			t.Errorf("one that waited: %d", status)
		}
	}
}
