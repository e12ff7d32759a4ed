package resilience_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// The browser's operations among the interruptions. Each signs in once before.

var oneRenewal = map[string]int{
	"SELECT count(*) FROM session_cookie":                       2,
	"SELECT count(*) FROM code WHERE purpose NOT LIKE '%-link'": 0,
	"SELECT count(*) FROM session":                              1,
	"SELECT count(*) FROM session WHERE revoked_at IS NOT NULL": 0,
}

var oneMoreSignIn = map[string]int{
	"SELECT count(*) FROM session":                                        2,
	"SELECT count(*) FROM session WHERE revoked_at IS NOT NULL":           1,
	"SELECT count(*) FROM session_cookie":                                 2,
	"SELECT sign_in_count FROM account":                                   2,
	"SELECT count(*) FROM audit_event WHERE action = 'sign_in.succeeded'": 2,
	"SELECT count(*) FROM audit_event WHERE action = 'session.ended'":     1,
	"SELECT count(*) FROM audit_event WHERE action = 'sign_in.failed'":    0,
	"SELECT count(*) FROM failure":                                        0,
	"SELECT coalesce(sum(count), 0) FROM throttle":                        0,
}

// verified returns 204 only if the browser's new cookie works.
func verified(ctx context.Context, b *apptest.Browser, status int) int {
	if status != http.StatusNoContent {
		return status
	}

	result, err := b.Client.VerifyWithResponse(ctx)
	if err != nil {
		return 0
	}

	return result.StatusCode()
}

func prepareBrowserSignIn(t *testing.T, env *apptest.Env) runOperation {
	t.Helper()
	env.Account(t, world.PersonEmail)

	browser := env.SignedIn(t, world.PersonEmail)

	return func(ctx context.Context) (int, string, error) {
		result, err := browser.Client.SignInWithResponse(ctx, client.SignInRequest{Email: world.PersonEmail, Password: apptest.Password})
		if err != nil {
			return 0, "", err
		}

		return verified(ctx, browser, result.StatusCode()), "", nil
	}
}

func prepareRenewal(t *testing.T, env *apptest.Env) runOperation {
	t.Helper()
	env.Account(t, world.PersonEmail)

	browser := env.SignedIn(t, world.PersonEmail)
	plain := world.RefreshCode(t, browser)

	return func(ctx context.Context) (int, string, error) {
		result, err := browser.Client.RenewSessionWithResponse(ctx, client.RenewRequest{Code: plain})
		if err != nil {
			return 0, "", err
		}

		return verified(ctx, browser, result.StatusCode()), "", nil
	}
}

func prepareSignOut(t *testing.T, env *apptest.Env) runOperation {
	t.Helper()
	env.Account(t, world.PersonEmail)

	browser := env.SignedIn(t, world.PersonEmail)

	return func(ctx context.Context) (int, string, error) {
		result, err := browser.Client.SignOutWithResponse(ctx)
		if err != nil {
			return 0, "", err
		}

		return result.StatusCode(), "", nil
	}
}
