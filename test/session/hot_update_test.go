package session_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// Refreshes change no index: at least 95 of 100 updates of a session stay within their page (HOT). Else each one would write
// the row anew and every index with it.
func TestRefreshIsAHOTUpdate(t *testing.T) {
	t.Parallel()

	const sessions, rounds = 20, 60

	g := world.NewGateway(t)

	tokens := [sessions]string{}
	for i := range tokens {
		tokens[i] = g.SignIn(t, world.Owner).RefreshToken
	}

	before := updates(t, g)

	for range rounds {
		g.Clock.Advance(10 * time.Minute)

		for i, token := range tokens {
			status, next := g.Refresh(t, token)
			if status != http.StatusOK {
				t.Fatalf("refresh: %d", status)
			}

			tokens[i] = next.RefreshToken
		}
	}

	var after counts

	// The server processes report their counts within ten seconds.
	apptest.Eventually(t, "the counts of the updates", func() bool {
		after = updates(t, g)

		return after.all-before.all >= sessions*rounds
	})

	if all, hot := after.all-before.all, after.hot-before.hot; float64(hot) < 0.95*float64(all) {
		t.Errorf("%d of %d updates of a session are HOT", hot, all)
	}
}

type counts struct{ all, hot int64 }

func updates(t *testing.T, g *world.Gateway) (c counts) {
	t.Helper()

	err := g.Pool.QueryRow(t.Context(), `SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'session'`).Scan(&c.all, &c.hot)
	if err != nil {
		t.Fatal(err)
	}

	return c
}

// Cleaning deletes a session a week after its end, wherever refreshes have moved that to, and looks at one that lives on
// again only after its end.
func TestCleaningFollowsTheEndOfASession(t *testing.T) {
	t.Parallel()

	const day = 24 * time.Hour

	g := world.NewGateway(t)
	tokens := g.SignIn(t, world.Owner)
	g.SignIn(t, world.Owner) // is never refreshed

	idle := g.Config.SessionIdle

	g.Clock.Advance(idle - day)

	if status, _ := g.Refresh(t, tokens.RefreshToken); status != http.StatusOK {
		t.Fatalf("refresh: %d", status)
	}

	left := func() int { return g.Count(t, `SELECT count(*) FROM session`) }
	clean := func() int64 {
		t.Helper()

		looked, err := session.Clean(t.Context(), g.Pool, g.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}

		return looked
	}

	g.Clock.Advance(8*day + time.Minute)

	before := left()

	if looked := clean(); looked < 2 {
		t.Errorf("looked at %d sessions a week after the first end", looked)
	}

	if deleted := before - left(); deleted != before-1 {
		t.Errorf("deleted %d of %d, all but the one that was refreshed", deleted, before)
	}

	if looked := clean(); looked != 0 {
		t.Errorf("looked at %d sessions that are not due", looked)
	}

	g.Clock.Advance(idle)
	clean()

	if n := left(); n != 0 {
		t.Errorf("%d sessions are left after the last one's end", n)
	}
}
