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

// raceUser is a user with an account, and a browser and an app that have just signed in.
type raceUser struct {
	id, email string
	browser   *apptest.Browser
	token     string // the app's access token
}

func (g *raceGateway) newUser(t *testing.T) *raceUser {
	t.Helper()

	email, browser := g.NewUser(t)

	return &raceUser{
		id: queryValue[string](t, g, "SELECT id FROM account WHERE email = $1", email), email: email, browser: browser,
		token: g.SignIn(t, email).AccessToken,
	}
}

// usesApp reports whether a contender uses the operation for apps, where there is one for browsers, too. Each gateway gets both.
func usesApp(i int) bool { return i/2%2 == 1 }

// fromApp returns a call with a JSON body and the access token of the user's app.
func (user *raceUser) fromApp(path string, values map[string]any) world.Call {
	return world.PostCall(path, values).With("Authorization", "Bearer "+user.token)
}

// signInAgain signs in again before the sign-in is too old for a sensitive change.
func (user *raceUser) signInAgain(t *testing.T, g *raceGateway, round int) {
	t.Helper()

	if round%100 == 99 {
		user.email = queryValue[string](t, g, "SELECT email FROM account WHERE id = $1", user.id)
		user.browser = g.SignedIn(t, user.email)
		user.token = g.SignIn(t, user.email).AccessToken
	}
}

// expectOneSession returns a check that the winner is signed in and that its session is the only one.
func (user *raceUser) expectOneSession(g *raceGateway) func(t *testing.T, i int, got world.Reply) {
	return func(t *testing.T, _ int, got world.Reply) {
		t.Helper()

		if n := queryValue[int](t, g, "SELECT count(*) FROM session WHERE account_id = $1", user.id); n != 1 {
			t.Errorf("%d sessions were opened, want one", n)
		}

		for _, cookie := range (&http.Response{Header: got.Header}).Cookies() {
			if cookie.Name != "__Host-TOKEN" {
				continue
			}

			browser := g.Browser(t)
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

// deleteSessions deletes the sessions of the account.
func (user *raceUser) deleteSessions(t *testing.T, g *raceGateway) {
	t.Helper()
	g.Exec(t, "DELETE FROM session WHERE account_id = $1", user.id)
}

// raceToRegister lets each contender register with another spelling, name and password. The account is the winner's.
func raceToRegister(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	return func(round int) raceRound {
		email := fmt.Sprintf("racer.%d@konec.com.au", round)
		plain := g.issue(t, code.Registration, email)
		secret := func(i int) string { return fmt.Sprintf("%s, %d and %d", apptest.Password, round, i) }

		return raceRound{
			code: sameCode(plain), email: email, audit: []string{auditRecord(audit.AccountRegistered, "")},
			call: func(i int, guess string) world.Call {
				return world.PostCall("/api/users/register", map[string]any{
					"username": fmt.Sprintf("Racer %d", i), "email": spellingOf(email, i), "password": secret(i), "verificationCode": guess,
				})
			},
			checkWinner: func(t *testing.T, i int, _ world.Reply) {
				t.Helper()

				if name := queryValue[string](t, g, "SELECT name FROM account WHERE email = $1", email); name != fmt.Sprintf("Racer %d", i) {
					t.Errorf("contender %d registered, and the account is %s's", i, name)
				}

				g.expectPassword(t, email, secret(i))
			},
		}
	}
}

func (g *raceGateway) expectPassword(t *testing.T, email, password string) {
	t.Helper()

	c := world.Call{Method: http.MethodPost, Path: "/api/auth/login", Body: url.Values{"email": {email}, "password": {password}}.Encode()}
	if got := retryUnavailable(t, c.With("Content-Type", "application/x-www-form-urlencoded"), g.Server); got.Status != http.StatusOK {
		t.Errorf("the winner's password got %s", got)
	}
}

func raceForSMSCode(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	user, number := g.newUser(t), g.NewPhone()
	g.Exec(t, "UPDATE account SET phone = $1 WHERE id = $2", number, user.id)

	return func(int) raceRound {
		user.deleteSessions(t, g)
		plain := g.issue(t, code.SignIn, number)

		return raceRound{
			code: sameCode(plain), email: user.email, checkWinner: user.expectOneSession(g), audit: []string{auditRecord(audit.SignInSucceeded, "sms")},
			call: func(i int, guess string) world.Call {
				values := map[string]any{"phone": number, "code": guess}
				if usesApp(i) {
					return world.PostCall("/api/auth/login/sms", values)
				}

				return world.PostCall("/login/sms", values).FromBrowser(g.Visitor)
			},
		}
	}
}

func raceForMailedCode(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	user := g.newUser(t)

	return func(int) raceRound {
		user.deleteSessions(t, g)
		plain := g.issue(t, code.SignInMail, user.email)

		return raceRound{
			code: sameCode(plain), email: user.email, checkWinner: user.expectOneSession(g), audit: []string{auditRecord(audit.SignInSucceeded, "mail")},
			call: func(i int, guess string) world.Call {
				values := map[string]any{"email": spellingOf(user.email, i), "code": guess}
				if usesApp(i) {
					return world.PostCall("/api/auth/login/email", values)
				}

				return world.PostCall("/login/email", values).FromBrowser(g.Visitor)
			},
		}
	}
}

// raceForResetCode lets each contender set another password. The winner's counts.
func raceForResetCode(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	user := g.newUser(t)

	return func(round int) raceRound {
		plain := g.issue(t, code.Reset, user.email)
		secret := func(i int) string { return fmt.Sprintf("%s, %d and %d", apptest.Password, round, i) }

		return raceRound{
			code: sameCode(plain), email: user.email, audit: []string{auditRecord(audit.PasswordReset, "")},
			call: func(i int, guess string) world.Call {
				values := map[string]any{"email": spellingOf(user.email, i), "code": guess, "password": secret(i)}
				if usesApp(i) {
					return world.PostCall("/api/auth/forgot-password", values)
				}

				return world.PostCall("/forget_reset", values).FromBrowser(g.Visitor)
			},
			checkWinner: func(t *testing.T, i int, _ world.Reply) {
				t.Helper()
				g.expectPassword(t, user.email, secret(i))

				if version := queryValue[int](t, g, "SELECT version FROM account WHERE id = $1", user.id); version != round+1 {
					t.Errorf("the account is at version %d", version)
				}
			},
		}
	}
}

func raceForPhoneCode(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	return raceToBindPhone(t, g, func(user *raceUser, values map[string]any) world.Call {
		return world.PostCall("/user/phone", values).FromBrowser(user.browser)
	})
}

func raceForPhoneCodeOfAnApp(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	return raceToBindPhone(t, g, func(user *raceUser, values map[string]any) world.Call {
		return user.fromApp("/api/users/me/phone", values)
	})
}

// raceToBindPhone lets the contenders send from one session, which is one place: what it guesses counts together.
func raceToBindPhone(t *testing.T, g *raceGateway, call func(user *raceUser, values map[string]any) world.Call) func(round int) raceRound {
	t.Helper()

	user := g.newUser(t)

	return func(round int) raceRound {
		user.signInAgain(t, g, round)

		number := g.NewPhone()
		plain := g.issue(t, code.Phone, user.id+" "+number)

		return raceRound{
			code: sameCode(plain), email: user.email, audit: []string{auditRecord(audit.PhoneChanged, "bound")},
			call: func(_ int, guess string) world.Call {
				return call(user, map[string]any{"phone": number, "code": guess})
			},
			checkWinner: func(t *testing.T, _ int, _ world.Reply) {
				t.Helper()

				if n := queryValue[int](t, g, "SELECT count(*) FROM account WHERE id = $1 AND phone = $2 AND version = $3", user.id, number, round+1); n != 1 {
					t.Error("the phone is not bound, or more than once")
				}
			},
		}
	}
}

func raceForEmailCode(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	return raceToMove(t, g, (*raceUser).changeEmailCall)
}

func raceForEmailCodeOfAnApp(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	return raceToMove(t, g, func(user *raceUser, email, plain string) world.Call {
		return user.fromApp("/api/users/me/email", map[string]any{"email": email, "code": plain})
	})
}

func raceToMove(t *testing.T, g *raceGateway, call func(user *raceUser, email, plain string) world.Call) func(round int) raceRound {
	t.Helper()

	user := g.newUser(t)

	return func(round int) raceRound {
		user.signInAgain(t, g, round)

		email := fmt.Sprintf("moved.%d.%s@konec.com.au", round, user.id)
		plain := g.issue(t, code.Email, user.id+" "+email)

		return raceRound{
			code: sameCode(plain), email: user.email, audit: []string{auditRecord(audit.EmailChanged, "")},
			call: func(_ int, guess string) world.Call { return call(user, email, guess) },
			checkWinner: func(t *testing.T, _ int, _ world.Reply) {
				t.Helper()

				if n := queryValue[int](t, g, "SELECT count(*) FROM account WHERE id = $1 AND email = $2 AND version = $3", user.id, email, round+1); n != 1 {
					t.Error("the address has not changed, or more than once")
				}
			},
		}
	}
}

func (user *raceUser) changeEmailCall(email, plain string) world.Call {
	c := world.PostCall("/user", map[string]any{"key": "email", "email": email, "code": plain}).FromBrowser(user.browser)
	c.Method = http.MethodPatch

	return c
}

// nextTOTPStep moves the clock to the next code of an authenticator.
func (g *raceGateway) nextTOTPStep() { g.Clock.Advance(30 * time.Second) }
