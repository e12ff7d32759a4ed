package race_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// rival is somebody with an account, and a browser in which they have just signed in.
type rival struct {
	id, email string
	browser   *apptest.Browser
}

func (a *arena) rival(t *testing.T) *rival {
	t.Helper()

	email, browser := a.Person(t)

	return &rival{id: value[string](t, a, "SELECT id FROM account WHERE email = $1", email), email: email, browser: browser}
}

// again signs in again before the sign-in is too old for a change that asks for a young one.
func (v *rival) again(t *testing.T, a *arena, round int) {
	t.Helper()

	if round%100 == 99 {
		v.email = value[string](t, a, "SELECT email FROM account WHERE id = $1", v.id)
		v.browser = a.SignedIn(t, v.email)
	}
}

// opened checks that the winner is signed in, and that it is the only one since alone was called.
func (v *rival) opened(a *arena) func(t *testing.T, i int, got world.Reply) {
	return func(t *testing.T, _ int, got world.Reply) {
		t.Helper()

		if n := value[int](t, a, "SELECT count(*) FROM session WHERE account_id = $1", v.id); n != 1 {
			t.Errorf("%d sessions were opened, want one", n)
		}

		for _, cookie := range (&http.Response{Header: got.Header}).Cookies() {
			if cookie.Name != "__Host-TOKEN" {
				continue
			}

			browser := a.Browser(t)
			browser.SetCookie(cookie.Name, cookie.Value)

			if status := browser.Verify(t); status != http.StatusNoContent {
				t.Errorf("the winner is not signed in: %d", status)
			}

			return
		}

		if !strings.Contains(string(got.Body), "access_token") {
			t.Errorf("the winner got neither a cookie nor a token: %s", got)
		}
	}
}

// alone leaves the account without a session.
func (v *rival) alone(t *testing.T, a *arena) {
	t.Helper()
	a.Exec(t, "DELETE FROM session WHERE account_id = $1", v.id)
}

// raceToRegister: everybody writes the address in a way of their own, and wants a name and a password of
// their own. The account is the winner's.
func raceToRegister(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	return func(round int) prize {
		email := fmt.Sprintf("racer.%d@konec.com.au", round)
		plain := a.issue(t, code.Registration, email)
		secret := func(i int) string { return fmt.Sprintf("%s, %d and %d", apptest.Password, round, i) }

		return prize{
			code: same(plain), email: email, audit: []string{record(audit.AccountRegistered, "")},
			call: func(i int, guess string) world.Call {
				return world.PostCall("/api/users/register", map[string]any{
					"username": fmt.Sprintf("Racer %d", i), "email": spelled(email, i), "password": secret(i), "verificationCode": guess,
				})
			},
			won: func(t *testing.T, i int, _ world.Reply) {
				t.Helper()

				if name := value[string](t, a, "SELECT name FROM account WHERE email = $1", email); name != fmt.Sprintf("Racer %d", i) {
					t.Errorf("contender %d registered, and the account is %s's", i, name)
				}

				a.expectPassword(t, email, secret(i))
			},
		}
	}
}

func (a *arena) expectPassword(t *testing.T, email, password string) {
	t.Helper()

	c := world.Call{Method: http.MethodPost, Path: "/api/auth/login", Body: url.Values{"email": {email}, "password": {password}}.Encode()}
	if got := served(t, c.With("Content-Type", "application/x-www-form-urlencoded"), a.Server); got.Status != http.StatusOK {
		t.Errorf("the winner's password got %s", got)
	}
}

func raceForSMSCode(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	v, number := a.rival(t), a.NewPhone()
	a.Exec(t, "UPDATE account SET phone = $1 WHERE id = $2", number, v.id)

	return func(int) prize {
		v.alone(t, a)
		plain := a.issue(t, code.SignIn, number)

		return prize{
			code: same(plain), email: v.email, won: v.opened(a), audit: []string{record(audit.SignInSucceeded, "sms")},
			call: func(_ int, guess string) world.Call {
				return world.PostCall("/login/sms", map[string]any{"phone": number, "code": guess}).FromBrowser(a.Visitor)
			},
		}
	}
}

// raceForResetCode: everybody wants a password of their own, and it is the winner's.
func raceForResetCode(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	v := a.rival(t)

	return func(round int) prize {
		plain := a.issue(t, code.Reset, v.email)
		secret := func(i int) string { return fmt.Sprintf("%s, %d and %d", apptest.Password, round, i) }

		return prize{
			code: same(plain), email: v.email, audit: []string{record(audit.PasswordReset, "")},
			call: func(i int, guess string) world.Call {
				return world.PostCall("/forget_reset", map[string]any{"email": spelled(v.email, i), "code": guess, "password": secret(i)}).FromBrowser(a.Visitor)
			},
			won: func(t *testing.T, i int, _ world.Reply) {
				t.Helper()
				a.expectPassword(t, v.email, secret(i))

				if version := value[int](t, a, "SELECT version FROM account WHERE id = $1", v.id); version != round+1 {
					t.Errorf("the account is at version %d", version)
				}
			},
		}
	}
}

func raceForPhoneCode(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	v := a.rival(t)

	return func(round int) prize {
		v.again(t, a, round)

		number := a.NewPhone()
		plain := a.issue(t, code.Phone, v.id+" "+number)

		return prize{
			code: same(plain), email: v.email, audit: []string{record(audit.PhoneChanged, "bound")},
			call: func(_ int, guess string) world.Call {
				return world.PostCall("/user/phone", map[string]any{"phone": number, "code": guess}).FromBrowser(v.browser)
			},
			won: func(t *testing.T, _ int, _ world.Reply) {
				t.Helper()

				if n := value[int](t, a, "SELECT count(*) FROM account WHERE id = $1 AND phone = $2 AND version = $3", v.id, number, round+1); n != 1 {
					t.Error("the phone is not bound, or more than once")
				}
			},
		}
	}
}

func raceForEmailCode(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	v := a.rival(t)

	return func(round int) prize {
		v.again(t, a, round)

		email := fmt.Sprintf("moved.%d@konec.com.au", round)
		plain := a.issue(t, code.Email, v.id+" "+email)

		return prize{
			code: same(plain), email: v.email, audit: []string{record(audit.EmailChanged, "")},
			call: func(_ int, guess string) world.Call { return v.moveTo(email, guess) },
			won: func(t *testing.T, _ int, _ world.Reply) {
				t.Helper()

				if n := value[int](t, a, "SELECT count(*) FROM account WHERE id = $1 AND email = $2 AND version = $3", v.id, email, round+1); n != 1 {
					t.Error("the address has not changed, or more than once")
				}
			},
		}
	}
}

func (v *rival) moveTo(email, plain string) world.Call {
	c := world.PostCall("/user", map[string]any{"key": "email", "email": email, "code": plain}).FromBrowser(v.browser)
	c.Method = http.MethodPatch

	return c
}

// step waits for the next code of an authenticator.
func (a *arena) step() { a.Clock.Advance(30 * time.Second) }
