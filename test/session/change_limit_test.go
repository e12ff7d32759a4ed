package session_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// SEC-S11: one account makes as many changes a minute as the setting says, in all its sessions and on all replicas together. What is
// refused leaves no event. Another account is not affected, and reading goes on.
func TestChangesAreLimited(t *testing.T) {
	t.Parallel()

	g := world.NewGateway(t, func(c *apptest.Settings) { c.ChangesPerMinute = 60 })
	g.Clock.Stop()

	second := g.Serve(t)
	servers := []*apptest.Server{g.Server, second}
	rename := func(b *apptest.Browser, n int) world.Reply {
		return world.JSONCall(http.MethodPatch, "/user", map[string]any{"key": "name", "name": fmt.Sprintf("Name %d", n)}).FromBrowser(b).To(t, servers[n%2])
	}

	for n := range 60 {
		if got := rename(g.OwnerBrowser, n); got.Status != http.StatusNoContent {
			t.Fatalf("change %d: %s", n+1, got)
		}
	}

	events := func() int { return world.QueryValue[int](t, g.Pool, "SELECT count(*) FROM audit_event") }
	before := events()

	for n := range 10 {
		if got := rename(g.OwnerBrowser, n); got.Problem.Code != "TOO_MANY_REQUESTS" || world.RetryAfter(t, got) != time.Minute {
			t.Errorf("one more: %s", got)
		}
	}

	if after := events(); after != before {
		t.Errorf("refused changes left %d events", after-before)
	}

	if got := (world.Call{Method: http.MethodGet, Path: "/user"}).FromBrowser(g.OwnerBrowser).To(t, g.Server); got.Status != http.StatusOK {
		t.Errorf("reading: %s", got)
	}

	// A thief who makes all the changes does not keep the owner from going on, or from throwing the thief out.
	for _, c := range []world.Call{
		{Method: http.MethodGet, Path: "/refresh_code"}, {Method: http.MethodDelete, Path: "/user/sessions"},
		world.PostCall("/user/password", map[string]any{"old": apptest.Password, "password": world.NewPassword}),
	} {
		if got := c.FromBrowser(g.OwnerBrowser).To(t, g.Server); got.Status >= 300 {
			t.Errorf("%s %s: %s", c.Method, c.Path, got)
		}
	}

	codes := 0
	for range 100 {
		if got := (world.Call{Method: http.MethodGet, Path: "/refresh_code"}).FromBrowser(g.OwnerBrowser).To(t, g.Server); got.Status == http.StatusOK {
			codes++
		}
	}

	if codes >= 60 {
		t.Errorf("%d refresh codes in a minute", codes)
	}

	g.Account(t, "another@konec.com.au")

	if got := rename(g.SignedIn(t, "another@konec.com.au"), 0); got.Status != http.StatusNoContent {
		t.Errorf("another account: %s", got)
	}

	g.Clock.Advance(time.Minute)

	if got := rename(g.OwnerBrowser, 0); got.Status != http.StatusNoContent {
		t.Errorf("a minute later: %s", got)
	}
}
