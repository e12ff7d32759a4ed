package session_test

import (
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/session"
)

// step presents the refresh token of an earlier step ("0" is the sign-in's), the given number of seconds after the
// previous step.
type step struct {
	after   time.Duration
	present int // the number of the step that returned the token
	want    outcome
	same    int // with repeated: the step whose token is returned again
}

type outcome int

const (
	fresh    outcome = iota // a new token
	repeated                // the same token as in an earlier step
	dead                    // 401, and the session has ended
)

const within, beyond = session.LostAfter, session.LostAfter + time.Millisecond

// R-F3, R-F4, R-F5, R-F6, T-04, contract "refresh": each case is one session, from its sign-in on.
func TestRefresh(t *testing.T) {
	t.Parallel()

	for name, steps := range map[string][]step{
		"CurrentTokenRotates": {
			{present: 0, want: fresh}, {present: 1, want: fresh}, {present: 2, want: fresh},
		},
		"CurrentTokenRotatesAfterALongTime": {
			{after: 29 * 24 * time.Hour, present: 0, want: fresh}, {after: 29 * 24 * time.Hour, present: 1, want: fresh},
		},
		"PreviousTokenWithinGraceGetsTheSameAgain": {
			{present: 0, want: fresh},
			{present: 0, want: repeated, same: 1},
			{after: within - time.Second, present: 0, want: repeated, same: 1},
			{present: 1, want: fresh},
		},
		// Step 2 opens a rival of the token of step 1. The first of the two that is presented goes on and ends the other.
		"LostTokenGetsARival": {
			{present: 0, want: fresh},
			{after: beyond, present: 0, want: fresh},
			{present: 2, want: fresh},
			{present: 3, want: fresh},
			{after: beyond, present: 1, want: dead},
		},
		"FirstSuccessorMayHaveArrived": {
			{present: 0, want: fresh},
			{after: beyond, present: 0, want: fresh},
			{present: 1, want: fresh},
			{present: 3, want: fresh},
			{after: beyond, present: 2, want: dead},
		},
		"RivalIsRepeatedByteForByte": {
			{present: 0, want: fresh},
			{after: beyond, present: 0, want: fresh},
			{after: within - time.Second, present: 0, want: repeated, same: 2},
			{present: 0, want: repeated, same: 2},
			{present: 2, want: fresh},
		},
		"NewRivalReplacesTheOneBefore": {
			{present: 0, want: fresh},
			{after: beyond, present: 0, want: fresh},
			{after: time.Hour, present: 0, want: fresh},
			{after: 20 * 24 * time.Hour, present: 0, want: fresh},
			{after: time.Second, present: 0, want: repeated, same: 4},
			{present: 4, want: fresh},
		},
		"RivalThatWasReplacedEndsTheSession": {
			{present: 0, want: fresh},
			{after: beyond, present: 0, want: fresh},
			{after: beyond, present: 0, want: fresh},
			{present: 2, want: dead},
		},
		"FirstSuccessorOutlivesManyRivals": {
			{present: 0, want: fresh},
			{after: beyond, present: 0, want: fresh},
			{after: beyond, present: 0, want: fresh},
			{after: beyond, present: 0, want: fresh},
			{present: 1, want: fresh},
		},
		"SuccessorLeftBehindEndsTheSessionAlsoLater": {
			{present: 0, want: fresh},
			{after: beyond, present: 0, want: fresh},
			{after: time.Hour, present: 2, want: fresh},
			{after: time.Hour, present: 1, want: dead},
		},
		"PreviousTokenAfterItsRivalWasPresentedIsOld": {
			{present: 0, want: fresh},
			{after: beyond, present: 0, want: fresh},
			{after: beyond, present: 2, want: fresh},
			{after: beyond, present: 0, want: dead},
		},
		"OlderTokenGetsTheRivalAsTheNewest": {
			{present: 0, want: fresh},
			{after: beyond, present: 0, want: fresh},
			{present: 2, want: fresh},
			{after: 2 * time.Second, present: 3, want: fresh},
			{after: 2 * time.Second, present: 2, want: repeated, same: 4},
		},
		"OlderTokenWithinItsOwnGraceGetsTheNewest": {
			{present: 0, want: fresh},
			{after: 3 * time.Second, present: 1, want: fresh},
			{after: 3 * time.Second, present: 2, want: fresh},
			{after: 3 * time.Second, present: 0, want: repeated, same: 3},
			{present: 1, want: repeated, same: 3},
			{present: 2, want: repeated, same: 3},
			{present: 3, want: fresh},
		},
		"OlderTokenBeyondItsOwnGraceEndsTheSession": {
			{present: 0, want: fresh},
			{after: 7 * time.Second, present: 1, want: fresh},
			{after: 7 * time.Second, present: 0, want: dead},
		},
		"OlderTokenMuchLaterEndsTheSession": {
			{present: 0, want: fresh},
			{after: time.Hour, present: 1, want: fresh},
			{after: time.Hour, present: 0, want: dead},
		},
		"OlderTokenAtOnceAfterALongRestEndsTheSession": {
			{present: 0, want: fresh},
			{after: time.Hour, present: 1, want: fresh},
			{present: 0, want: dead},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, setup(t), steps)
		})
	}
}

// R-F6, T-24: a failover that lost the last moments, or a restore, sets a session back. A token from ahead of it was
// not stolen.
func TestRefreshOfASessionThatWasSetBack(t *testing.T) {
	t.Parallel()

	env := setup(t)
	first := env.open(t)
	newest := env.refresh(t, env.refresh(t, first.Refresh).Refresh)

	if _, err := env.pool.Exec(t.Context(), "UPDATE session SET generation = 0, rotated_generations = '{}', rotated_times = '{}'"); err != nil {
		t.Fatal(err)
	}

	next := env.refresh(t, newest.Refresh)
	if next.Refresh == newest.Refresh || next.Refresh == first.Refresh {
		t.Error("no new generation")
	}

	if again := env.refresh(t, newest.Refresh); again.Refresh != next.Refresh {
		t.Error("the repeat got another token")
	}

	env.refresh(t, next.Refresh)
	env.expectSilence(t)
}

// Contract, "refresh": one token opens at most 20 rivals. They do not move the idle end of the session, and each is an event
// of the audit log.
func TestRivalsAreBounded(t *testing.T) {
	t.Parallel()

	env := setup(t)
	first := env.open(t)
	env.refresh(t, first.Refresh)

	idleEnd := func() (end time.Time) {
		t.Helper()

		if err := env.pool.QueryRow(t.Context(), "SELECT expires_at FROM session").Scan(&end); err != nil {
			t.Fatal(err)
		}

		return end
	}

	before := idleEnd()

	for range session.MostRivals {
		env.clock.Advance(beyond)
		env.refresh(t, first.Refresh)
	}

	if after := idleEnd(); !after.Equal(before) {
		t.Errorf("the idle end moved from %s to %s", before, after)
	}

	var events int
	if err := env.pool.QueryRow(t.Context(), "SELECT count(*) FROM audit_event WHERE action = 'session.rival_opened'").Scan(&events); err != nil || events != session.MostRivals {
		t.Errorf("%d events, %v", events, err)
	}

	env.clock.Advance(beyond)
	env.expectRefused(t, first.Refresh)
}

func play(t *testing.T, env *env, steps []step) {
	t.Helper()

	got := []session.Tokens{env.open(t)}
	seen := map[string]bool{got[0].Refresh: true}

	for i, step := range steps {
		env.clock.Advance(step.after)

		text := got[step.present].Refresh
		number := i + 1

		if step.want == dead {
			env.expectOver(t, text, got)

			return
		}

		tokens := env.refresh(t, text)

		switch {
		case step.want == fresh && seen[tokens.Refresh]:
			t.Fatalf("step %d: a token that was there before", number)
		case step.want == repeated && tokens.Refresh != got[step.same].Refresh:
			t.Fatalf("step %d: not the token of step %d", number, step.same)
		case tokens.Access == got[step.same].Access:
			t.Fatalf("step %d: the access token is not a fresh one", number)
		}

		seen[tokens.Refresh] = true
		got = append(got, tokens)
	}

	if count := env.notices(t); count != 0 {
		t.Errorf("%d mails about an ended session, want none", count)
	}
}

// expectOver presents a dead token: every token of the session is then invalid, and one mail notifies the user.
func (e *env) expectOver(t *testing.T, text string, got []session.Tokens) {
	t.Helper()

	var live bool
	if err := e.pool.QueryRow(t.Context(), "SELECT revoked_at IS NULL FROM session").Scan(&live); err != nil || !live {
		t.Fatalf("the session was over before: %v", err)
	}

	e.expectRefused(t, text)

	for _, tokens := range got {
		if e.lives(t, tokens) {
			t.Error("an access token outlives its session")
		}

		e.expectRefused(t, tokens.Refresh)
	}

	if count := e.notices(t); count != 1 {
		t.Errorf("%d mails about the ended session, want one", count)
	}
}
