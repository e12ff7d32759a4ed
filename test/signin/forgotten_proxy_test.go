package signin_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// SEC-S12: behind a proxy that TRUSTED_PROXIES does not name, all users share one address. The log says so at the first
// request and again each hour, and readiness shows it; the gateway stays ready.
func TestForgottenProxyIsReported(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)

	const warning = "not in TRUSTED_PROXIES"

	expect := func(when string, warnings int, state string) {
		t.Helper()

		if n := strings.Count(env.Log.String(), warning); n != warnings {
			t.Errorf("%s: %d warnings, want %d", when, n, warnings)
		}

		got := world.Call{Method: http.MethodGet, Path: "/readyz", Query: "verbose"}.To(t, env.Server)

		var ready struct {
			Status string
			Checks map[string]string
		}

		if err := json.Unmarshal(got.Body, &ready); err != nil || ready.Checks["proxies"] != state {
			t.Errorf("%s: %v %s", when, err, got)
		}

		// Neither this nor the clock that was moved makes the replica unready.
		if got.Status != http.StatusOK || ready.Status != "ready" {
			t.Errorf("%s: not ready: %s", when, got)
		}
	}

	ask := func() {
		world.Call{Method: http.MethodGet, Path: "/api/users/me"}.With("X-Forwarded-For", "203.0.113.7").To(t, env.Server)
	}

	expect("before", 0, "ok")
	ask()
	ask()
	expect("after two requests", 1, "warning")

	env.Clock.Advance(59 * time.Minute)
	ask()
	expect("within the hour", 1, "warning")

	env.Clock.Advance(2 * time.Minute)
	ask()
	expect("an hour later", 2, "warning")

	env.Clock.Advance(time.Hour)
	expect("once it is mended", 2, "ok")
}

// SEC-S12: a proxy that is named causes no warning.
func TestNamedProxyIsNotReported(t *testing.T) {
	t.Parallel()

	env := apptest.New(t, world.BehindProxy)
	world.Call{Method: http.MethodGet, Path: "/api/users/me"}.With("X-Forwarded-For", "203.0.113.7").To(t, env.Server)

	if got := (world.Call{Method: http.MethodGet, Path: "/readyz", Query: "verbose"}).To(t, env.Server); !strings.Contains(string(got.Body), `"proxies":"ok"`) {
		t.Errorf("readyz: %s", got)
	}

	if strings.Contains(env.Log.String(), "TRUSTED_PROXIES") {
		t.Error("the log warns")
	}
}
