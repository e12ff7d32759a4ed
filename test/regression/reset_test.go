package app_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
)

// wrongFor is a code that the right one is not.
func wrongFor(right string) string {
	if right == "000000" {
		return "111111"
	}

	return "000000"
}

// W-4, R-C6, R-A10: of a reset code there are five guesses, and the sixth fails though it is right. A bad
// password is refused, and costs none. A reset ends every session of the account, and opens none.
func TestResetIsGuessedFiveTimes(t *testing.T) {
	t.Parallel()

	m := newMatrix(t)

	for guesses, want := range map[int]string{maxGuesses - 1: "204", maxGuesses: wrongCode} {
		own := m.members(t, 1, account.GroupNone)[0]
		right := m.code(t, code.Reset, own.email)
		before := m.everything(t)

		for range 2 * maxGuesses {
			c := m.visit(own, m.asked(t, "resetPassword", map[string]any{"email": own.email, "code": right, "password": "password123"}))
			if got := answerOf(c.to(t, m.Server)); got != "400 PASSWORD_REFUSED" {
				t.Fatalf("a bad password: %s", got)
			}
		}

		for range guesses {
			if got := answerOf(m.resetting(t, own, wrongFor(right)).to(t, m.Server)); got != wrongCode {
				t.Fatalf("a wrong code: %s", got)
			}
		}

		if m.everything(t) != before {
			t.Error("guesses changed something")
		}

		got := m.resetting(t, own, right).to(t, m.Server)
		if answerOf(got) != want || len((&http.Response{Header: got.header}).Cookies()) > 0 {
			t.Errorf("the right code after %d wrong ones: %s %q, want %s", guesses, got, got.header.Values("Set-Cookie"), want)
		}

		reset := want == "204"
		app := m.asked(t, "getMe", nil).with("Authorization", "Bearer "+own.access).to(t, m.Server).status
		browser := m.by(own, m.asked(t, "verify", nil)).to(t, m.Server).status

		if (app == http.StatusUnauthorized) != reset || (browser == http.StatusUnauthorized) != reset {
			t.Errorf("after it: the app gets %d, the browser %d, and it was reset: %t", app, browser, reset)
		}
	}
}

// W-6, R-C3, R-A8: a right code that was compared is worth nothing once another request has used it: that one
// takes the row away, and this one finds none. A code that is read, compared, and deleted later would be good
// for both.
func TestComparedCodeIsUsedOnce(t *testing.T) {
	t.Parallel()

	m := newMatrix(t)
	own := m.members(t, 1, account.GroupNone)[0]
	right := m.code(t, code.Reset, own.email)

	compared := make([]code.Ticket, 2)

	for i := range compared {
		var err error
		if compared[i], err = m.codes.Attempt(t.Context(), code.Reset, own.email, right); err != nil {
			t.Fatalf("a right code: %v", err)
		}
	}

	if got := answerOf(m.resetting(t, own, right).to(t, m.Server)); got != "204" {
		t.Errorf("the first to use it: %s", got)
	}

	for _, late := range compared {
		if err := m.codes.Redeem(t.Context(), m.Pool, late); !errors.Is(err, code.ErrInvalid) {
			t.Errorf("who compared it before, and is late: %v, want CODE_INVALID", err)
		}
	}

	if got := answerOf(m.resetting(t, own, right).to(t, m.Server)); got != wrongCode {
		t.Errorf("the same again: %s, want %s", got, wrongCode)
	}
}
