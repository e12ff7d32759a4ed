package session_test

import (
	"errors"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/administration"
	"github.com/konec/toolkit-gateway/internal/domain/authority"
	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/testkit/tokentest"
)

// R-F8, T-31: a session expires by itself, and its refresh token gets the same error as an unknown one.
func TestExpiry(t *testing.T) {
	t.Parallel()

	t.Run("IdleSessionEnds", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		tokens := env.open(t)

		env.clock.Advance(idle - time.Minute)
		tokens = env.refresh(t, tokens.Refresh)

		env.clock.Advance(idle + time.Second)
		env.expectRefused(t, tokens.Refresh)
		env.expectSilence(t)
	})

	t.Run("SessionEndsHoweverOftenItIsRefreshed", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		tokens := env.open(t)

		const step = 20 * 24 * time.Hour
		for range int(absolute/step) - 1 {
			env.clock.Advance(step)
			tokens = env.refresh(t, tokens.Refresh)
		}

		env.clock.Advance(step - time.Minute)
		tokens = env.refresh(t, tokens.Refresh)

		if !env.lives(t, tokens) {
			t.Error("an access token is refused before its session's end")
		}

		// The access token ends with the session, although its own lifetime is an hour.
		env.clock.Advance(time.Minute + time.Second)
		env.expectRefused(t, tokens.Refresh)

		if env.lives(t, tokens) {
			t.Error("an access token outlives its session")
		}

		env.expectSilence(t)
	})

	t.Run("RivalDoesNotMoveTheIdleEnd", func(t *testing.T) {
		t.Parallel()

		env := setup(t)
		first := env.open(t)
		env.refresh(t, first.Refresh)

		env.clock.Advance(idle - time.Hour)
		env.refresh(t, first.Refresh)
		env.clock.Advance(2 * time.Hour)
		env.expectRefused(t, first.Refresh)
		env.expectSilence(t)
	})
}

// R-F8: an account has a limit of sessions, and the one idle the longest ends first.
func TestSessionLimit(t *testing.T) {
	t.Parallel()

	env := setup(t)
	opened := make([]session.Tokens, perUser)

	for i := range opened {
		opened[i] = env.open(t)
		env.clock.Advance(time.Minute)
	}

	// The oldest is in use; the second oldest is idle the longest.
	opened[0] = env.refresh(t, opened[0].Refresh)

	env.clock.Advance(time.Minute)

	newest := env.open(t)

	for i, tokens := range opened {
		if env.lives(t, tokens) == (i == 1) {
			t.Errorf("session %d: lives %v", i, i == 1)
		}
	}

	if !env.lives(t, newest) {
		t.Error("the newest session does not live")
	}

	env.expectRefused(t, opened[1].Refresh)
	env.refresh(t, opened[2].Refresh)
	env.expectSilence(t)
}

// R-F10: a disabled account has no session from that moment on, nor after it is enabled again.
func TestDisabledAccount(t *testing.T) {
	t.Parallel()

	env := setup(t)
	tokens := env.open(t)

	for _, status := range []account.Status{account.Disabled, account.Active} {
		_, err := administration.New(env.db, nil, env.clock.Now).SetStatus(origin.With(t.Context(), studio),
			authority.Change{Actor: authority.Operator(), Target: authority.Target{ID: env.account.ID}}, status)
		if err != nil {
			t.Fatal(err)
		}

		if _, err := env.Authenticate(t.Context(), tokens.Access); !errors.Is(err, problem.ErrTokenInvalid) {
			t.Errorf("%s: got %v, want TOKEN_INVALID", status, err)
		}

		env.expectRefused(t, tokens.Refresh)
	}

	env.expectSilence(t)
}

// R-H9: ending a session twice is not an error, and is one event.
func TestEnd(t *testing.T) {
	t.Parallel()

	env := setup(t)
	tokens, other := env.open(t), env.open(t)

	who, err := env.Authenticate(t.Context(), tokens.Access)
	if err != nil {
		t.Fatal(err)
	}

	for range 2 {
		if err := env.End(origin.With(t.Context(), studio), who); err != nil {
			t.Error(err)
		}
	}

	if env.lives(t, tokens) || !env.lives(t, other) {
		t.Error("not exactly the caller's session has ended")
	}

	env.expectRefused(t, tokens.Refresh)
	env.refresh(t, other.Refresh)

	var events int
	if err := env.pool.QueryRow(t.Context(), "SELECT count(*) FROM audit_event WHERE action = 'session.ended'").Scan(&events); err != nil || events != 1 {
		t.Errorf("%d events, %v, want one", events, err)
	}
}

// A session that ended by itself is kept for a week. It is not ended once more, and has no event.
func TestEndOthersLeavesExpiredSessionsAlone(t *testing.T) {
	t.Parallel()

	env := setup(t)
	env.open(t)
	env.clock.Advance(idle + time.Second)

	tokens, living := env.open(t), env.open(t)

	who, err := env.Authenticate(t.Context(), tokens.Access)
	if err != nil {
		t.Fatal(err)
	}

	if err := env.EndOthers(origin.With(t.Context(), studio), who); err != nil {
		t.Fatal(err)
	}

	if !env.lives(t, tokens) || env.lives(t, living) {
		t.Error("not exactly the other living session has ended")
	}

	var revoked, events int

	err = env.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM session WHERE revoked_at IS NOT NULL),
		(SELECT count(*) FROM audit_event WHERE action = 'session.ended')`).Scan(&revoked, &events)
	if err != nil || revoked != 1 || events != 1 {
		t.Errorf("%d sessions, %d events, %v, want one of each", revoked, events, err)
	}
}

// V-13, R-F2: a token that we did not derive never reaches the database.
func TestForgedRefreshTokens(t *testing.T) {
	t.Parallel()

	env := setup(t)
	tokens, stranger := env.open(t), setup(t)

	forged := tokentest.Altered(tokens.Refresh)
	for _, padding := range []string{" ", "=", "==", "A", "\n", "\x00"} {
		forged = append(forged,
			tokentest.Forgery{Name: "padded", Token: tokens.Refresh + padding},
			tokentest.Forgery{Name: "padded in front", Token: padding + tokens.Refresh})
	}

	forged = append(forged,
		tokentest.Forgery{Name: "of another master key", Token: stranger.open(t).Refresh},
		tokentest.Forgery{Name: "an access token", Token: tokens.Access},
	)

	env.statements.Take()

	for _, one := range forged {
		env.expectRefused(t, one.Token)

		if t.Failed() {
			t.Fatalf("%s: %q", one.Name, one.Token)
		}
	}

	if got := env.statements.Take(); len(got) != 0 {
		t.Errorf("%d statements for %d forgeries, want none", len(got), len(forged))
	}

	env.refresh(t, tokens.Refresh) // none of them has affected it
	t.Logf("%d forgeries refused without a statement", len(forged))
}

// expectSilence expects that no user was notified of a theft.
func (e *env) expectSilence(t *testing.T) {
	t.Helper()

	if count := e.notices(t); count != 0 {
		t.Errorf("%d mails about an ended session, want none", count)
	}
}
