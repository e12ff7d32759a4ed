package regression_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/domain/device"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// wrongFor returns a code that differs from the right one.
func wrongFor(right string) string {
	if right == "000000" {
		return "111111"
	}

	return "000000"
}

// W-4, R-C6, R-A10: a reset code allows five guesses, and the sixth fails though it is right. A bad new password is
// refused and costs no guess. A reset ends every session of the account and opens none.
func TestResetCodeAllowsFiveGuesses(t *testing.T) {
	t.Parallel()

	m := world.NewMatrix(t)

	for guesses, want := range map[int]string{world.MaxGuesses - 1: "204", world.MaxGuesses: world.CodeInvalid} {
		own := m.Members(t, 1, account.GroupNone)[0]
		right := m.IssueCode(t, code.Reset, own.Email)
		before := m.AllState(t)

		for range 2 * world.MaxGuesses {
			c := m.AsVisitor(own, m.Call(t, "resetPassword", map[string]any{"email": own.Email, "code": right, "password": "password123"}))
			if got := world.StatusAndCode(c.To(t, m.Server)); got != "400 PASSWORD_REFUSED" {
				t.Fatalf("a bad password: %s", got)
			}
		}

		for range guesses {
			if got := world.StatusAndCode(m.ResetCall(t, own, wrongFor(right)).To(t, m.Server)); got != world.CodeInvalid {
				t.Fatalf("a wrong code: %s", got)
			}
		}

		if m.AllState(t) != before {
			t.Error("guesses changed something")
		}

		got := m.ResetCall(t, own, right).To(t, m.Server)
		if world.StatusAndCode(got) != want || strings.Contains(strings.Join(got.Header.Values("Set-Cookie"), " "), "__Host-TOKEN") {
			t.Errorf("the right code after %d wrong ones: %s %q, want %s", guesses, got, got.Header.Values("Set-Cookie"), want)
		}

		reset := want == "204"
		app := m.Call(t, "getMe", nil).With("Authorization", "Bearer "+own.AccessToken).To(t, m.Server).Status
		browser := m.AsMember(own, m.Call(t, "verify", nil)).To(t, m.Server).Status

		if (app == http.StatusUnauthorized) != reset || (browser == http.StatusUnauthorized) != reset {
			t.Errorf("afterwards: the app gets %d, the browser %d, reset: %t", app, browser, reset)
		}
	}
}

// W-6, R-C3, R-A8: a right code that has been compared is void once another request has used it: that request deletes
// the row, and this one finds none. If a code were read, compared and deleted later, both would succeed.
func TestComparedCodeIsUsedOnce(t *testing.T) {
	t.Parallel()

	m := world.NewMatrix(t)
	own := m.Members(t, 1, account.GroupNone)[0]
	right := m.IssueCode(t, code.Reset, own.Email)

	compared := make([]code.Ticket, 2)

	for i := range compared {
		var err error
		if compared[i], err = m.Codes.Attempt(t.Context(), code.Guess{Purpose: code.Reset, Subject: own.Email, Text: right, Place: device.Strangers}); err != nil {
			t.Fatalf("a right code: %v", err)
		}
	}

	if got := world.StatusAndCode(m.ResetCall(t, own, right).To(t, m.Server)); got != "204" {
		t.Errorf("the first to use it: %s", got)
	}

	for _, late := range compared {
		if err := m.Codes.Redeem(t.Context(), m.Pool, late); !errors.Is(err, code.ErrInvalid) {
			t.Errorf("a request that compared it earlier: %v, want CODE_INVALID", err)
		}
	}

	if got := world.StatusAndCode(m.ResetCall(t, own, right).To(t, m.Server)); got != world.CodeInvalid {
		t.Errorf("the same again: %s, want %s", got, world.CodeInvalid)
	}
}
