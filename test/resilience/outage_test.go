package resilience_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/postgrestest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-F9, R-M1, R-E6, T-07, T-14, T-24: Postgres is killed and restarted under load. No caller gets a 401 or a 500, and
// refreshes that began in the gap succeed.
func TestPostgresRestartsUnderLoad(t *testing.T) {
	t.Parallel()

	cluster, url := postgrestest.NewCluster(t, true)
	env := apptest.On(t, url)
	load := newLoad(t, env)

	for range 2 {
		load.expectSuccesses(t)

		if err := cluster.Kill(); err != nil {
			t.Fatal(err)
		}

		// The outage lasts until both kinds of callers have noticed it: an operation that does not wait has failed, and
		// every refresher is waiting.
		load.await(t, "an operation returns 503", func() bool { return load.unavailable.Load() > 0 })

		began := load.refreshed.Load()

		if err := cluster.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}

		back := time.Now()
		load.expectSuccesses(t)

		expectWithin(t, 3*time.Second, time.Since(back), "from Postgres accepting connections to all operations working")

		if load.refreshed.Load() == began {
			t.Error("no refresh of the gap has succeeded")
		}

		load.unavailable.Store(0)
	}

	load.stop()
	t.Logf("%d calls of me, %d refreshes and %d sign-ins succeeded, over two crashes of Postgres",
		load.asked.Load(), load.refreshed.Load(), load.signedIn.Load())
}

// R-F9, T-14: Postgres stops responding while its connections stay open. Waiting operations succeed once it resumes.
func TestPostgresFreezes(t *testing.T) {
	t.Parallel()

	cluster, url := postgrestest.NewCluster(t, true)
	env := apptest.On(t, url)
	env.Account(t, world.PersonEmail)

	tokens := env.SignIn(t, world.PersonEmail)

	if err := cluster.Freeze(); err != nil {
		t.Fatal(err)
	}

	frozen := true
	t.Cleanup(func() {
		if frozen {
			_ = cluster.Thaw()
		}
	})

	waiting := make(chan *client.RefreshResult, 1)

	go func() {
		result, err := env.Client.RefreshWithResponse(t.Context(), client.RefreshRequest{RefreshToken: tokens.RefreshToken})
		if err != nil {
			t.Error(err)
		}

		waiting <- result
	}()

	began := time.Now()

	response, err := env.Client.GetMeWithResponse(t.Context(), apptest.Bearer(tokens.AccessToken))
	if err != nil {
		t.Fatal(err)
	}

	expectUnavailable(t, "me", response.HTTPResponse)

	expectWithin(t, 3*time.Second, time.Since(began), "until me gives up, which it does after 2 s,")

	if err := cluster.Thaw(); err != nil {
		t.Fatal(err)
	}

	frozen = false

	result := <-waiting
	if result == nil || result.JSON200 == nil {
		t.Fatalf("the refresh that waited: %+v", result)
	}

	// What the frozen server did after its callers had given up changes nothing.
	if status, _ := env.Refresh(t, result.JSON200.RefreshToken); status != http.StatusOK {
		t.Errorf("the refresh afterwards: %d", status)
	}
}

// judgeTimes makes durations count. A machine that is busy with other tests cannot meet them, so only the battery sets
// it.
var judgeTimes = false

func expectWithin(t *testing.T, bound, took time.Duration, what string) {
	t.Helper()
	t.Logf("%s %s", took, what)

	if judgeTimes && took > bound {
		t.Errorf("%s %s; want at most %s", took, what, bound)
	}
}

// expectUnavailable checks that a failure is the only one allowed in an outage: 503 with Retry-After.
func expectUnavailable(t *testing.T, operation string, response *http.Response) {
	t.Helper()

	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("%s: %s, Retry-After %q; want 503 with Retry-After", operation, response.Status, response.Header.Get("Retry-After"))
	}
}

// load calls three operations, each from a few goroutines, until it is stopped.
type load struct {
	asked, refreshed, signedIn atomic.Int64 // numbers of successful calls
	unavailable                atomic.Int64

	stop func()
}

func newLoad(t *testing.T, env *apptest.Env) *load {
	t.Helper()

	var all sync.WaitGroup

	done := make(chan struct{})
	l := &load{}
	l.stop = sync.OnceFunc(func() {
		close(done)
		all.Wait()
	})

	t.Cleanup(l.stop)
	env.Account(t, world.PersonEmail)

	run := func(call func() *http.Response, name string, successes *atomic.Int64) {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}

				response := call()

				switch {
				case response == nil: // reported already
					return
				case response.StatusCode == http.StatusOK:
					successes.Add(1)
				case name == "refresh":
					t.Errorf("refresh: %s", response.Status)

					return
				default:
					expectUnavailable(t, name, response)
					l.unavailable.Add(1)
				}
			}
		})
	}

	ctx := context.WithoutCancel(t.Context()) // so that the last calls are not canceled

	for range 3 {
		tokens := env.SignIn(t, world.PersonEmail)

		run(func() *http.Response {
			result, err := env.Client.GetMeWithResponse(ctx, apptest.Bearer(tokens.AccessToken))
			if err != nil {
				t.Errorf("me: %v", err)

				return nil
			}

			return result.HTTPResponse
		}, "me", &l.asked)

		run(func() *http.Response {
			result, err := env.Client.RefreshWithResponse(ctx, client.RefreshRequest{RefreshToken: tokens.RefreshToken})
			if err != nil {
				t.Errorf("refresh: %v", err)

				return nil
			}

			if result.JSON200 != nil {
				tokens.RefreshToken = result.JSON200.RefreshToken
			}

			return result.HTTPResponse
		}, "refresh", &l.refreshed)
	}

	env.Account(t, "another@konec.com.au") // its sign-ins end none of the sessions above

	run(func() *http.Response {
		result, err := env.Client.LoginWithFormdataBodyWithResponse(ctx, nil, client.LoginRequest{Email: "another@konec.com.au", Password: apptest.Password})
		if err != nil {
			t.Errorf("login: %v", err)

			return nil
		}

		return result.HTTPResponse
	}, "login", &l.signedIn)

	return l
}

// expectSuccesses waits until each operation has succeeded again.
func (l *load) expectSuccesses(t *testing.T) {
	t.Helper()

	asked, refreshed, signedIn := l.asked.Load(), l.refreshed.Load(), l.signedIn.Load()

	l.await(t, "each operation succeeds", func() bool {
		return l.asked.Load() > asked && l.refreshed.Load() > refreshed && l.signedIn.Load() > signedIn
	})
}

// await waits for a condition. It stops waiting if the load has failed.
func (l *load) await(t *testing.T, what string, holds func() bool) {
	t.Helper()

	apptest.Eventually(t, what, func() bool { return holds() || t.Failed() })

	if t.Failed() {
		t.FailNow()
	}
}
