package resilience_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

func withConnections(most int32) func(*apptest.Settings) {
	return func(c *apptest.Settings) { c.DatabaseMaxConns = most }
}

// R-M6, T-13 (i): no request needs two connections, and no job does.
func TestOneConnectionIsEnough(t *testing.T) {
	t.Parallel()

	env := apptest.New(t, withConnections(1))
	ctx := t.Context()

	sent, err := env.Client.SendRegistrationCodeWithResponse(ctx, client.SendCodeRequest{Email: world.PersonEmail})
	if err != nil || sent.JSON200 == nil {
		t.Fatalf("send code: %v %s", err, sent.Body)
	}

	registered, err := env.Client.RegisterWithResponse(ctx, client.RegisterRequest{
		Username: "Person", Email: world.PersonEmail, Password: apptest.Password, VerificationCode: env.Mail(t, world.PersonEmail, 0).Code,
	})
	if err != nil || registered.JSON201 == nil {
		t.Fatalf("register: %v %s", err, registered.Body)
	}

	tokens := env.SignIn(t, world.PersonEmail)

	if status, _ := env.Me(t, tokens.AccessToken); status != http.StatusOK {
		t.Errorf("me: %d", status)
	}

	// The cases of a refresh: current, repeated, with a rival, the rival presented; then a stolen token.
	_, second := env.Refresh(t, tokens.RefreshToken)
	_, again := env.Refresh(t, tokens.RefreshToken)

	env.Clock.Advance(session.LostAfter + time.Second)

	_, rival := env.Refresh(t, tokens.RefreshToken)
	if second == nil || again == nil || rival == nil {
		t.Fatalf("refreshes: %v %v %v", second, again, rival)
	}

	if status, _ := env.Refresh(t, rival.RefreshToken); status != http.StatusOK {
		t.Errorf("the rival: %d", status)
	}

	if status, _ := env.Refresh(t, second.RefreshToken); status != http.StatusUnauthorized {
		t.Errorf("a stolen token: %d, want 401", status)
	}

	env.Mail(t, world.PersonEmail, 1)

	// Many calls at once share the one connection.
	current := env.SignIn(t, world.PersonEmail)

	var all sync.WaitGroup
	for range world.Contenders {
		all.Go(func() {
			result, err := env.Client.GetMeWithResponse(ctx, apptest.Bearer(current.AccessToken))
			if err != nil || result.JSON200 == nil {
				t.Errorf("me: %v %+v", err, result)
			}
		})
	}

	all.Wait()

	if result, err := env.Client.LogoutWithResponse(ctx, apptest.Bearer(current.AccessToken)); err != nil || result.StatusCode() != http.StatusNoContent {
		t.Errorf("logout: %v %s", err, result.Status())
	}
}

// R-M6, T-13 (ii): if every connection waits for a lock, callers get 503 within about two seconds, operations that need
// no database continue, and everything works again once the lock is released.
func TestPoolIsExhausted(t *testing.T) {
	t.Parallel()

	env := apptest.New(t, withConnections(4))
	env.Account(t, world.PersonEmail)

	tokens := env.SignIn(t, world.PersonEmail)

	lock, err := env.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Rollback(t.Context())

	if _, err := lock.Exec(t.Context(), "LOCK TABLE session IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}

	var all, refresher sync.WaitGroup

	// One refresh waits for as long as the lock is held.
	refresher.Go(func() {
		result, err := env.Client.RefreshWithResponse(t.Context(), client.RefreshRequest{RefreshToken: tokens.RefreshToken})
		if err != nil || result.JSON200 == nil {
			t.Errorf("the refresh that waited: %v %+v", err, result)
		}
	})

	for range 3 * world.Contenders {
		all.Go(func() {
			began := time.Now()

			result, err := env.Client.GetMeWithResponse(t.Context(), apptest.Bearer(tokens.AccessToken))
			if err != nil {
				t.Error(err)

				return
			}

			expectUnavailable(t, "me", result.HTTPResponse)

			expectWithin(t, 3*time.Second, time.Since(began), "until a 503, which comes after 2 s,")
		})
	}

	apptest.Eventually(t, "every connection is in use", func() bool {
		var waiting int

		err := env.Pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted").Scan(&waiting)

		return err == nil && waiting >= 4
	})

	began := time.Now()

	for _, path := range []string{"/healthz", "/.well-known/jwks.json"} {
		response, err := env.HTTP.Client().Get(env.URL + path)
		if err != nil {
			t.Fatal(err)
		}

		response.Body.Close()

		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", path, response.Status)
		}
	}

	expectWithin(t, time.Second, time.Since(began), "for what needs no database")

	all.Wait()

	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}

	healed := time.Now()

	refresher.Wait()

	if status, _ := env.Me(t, tokens.AccessToken); status != http.StatusOK {
		t.Errorf("me after the lock: %d", status)
	}

	expectWithin(t, 2*time.Second, time.Since(healed), "until all was well again")
}

// T-13 (iv): connections that died while they were idle cost no request.
func TestIdleConnectionsAreKilled(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Account(t, world.PersonEmail)

	tokens := env.SignIn(t, world.PersonEmail)

	for range 5 {
		var killed int

		err := env.Pool.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE application_name = 'toolkit-gateway' AND datname = current_database()`).Scan(&killed)
		if err != nil || killed == 0 {
			t.Fatalf("%d connections killed, %v", killed, err)
		}

		if status, _ := env.Me(t, tokens.AccessToken); status != http.StatusOK {
			t.Errorf("me: %d", status)
		}

		status, next := env.Refresh(t, tokens.RefreshToken)
		if next == nil {
			t.Fatalf("refresh: %d", status)
		}

		tokens = *next
	}

	env.SignIn(t, world.PersonEmail)
}
