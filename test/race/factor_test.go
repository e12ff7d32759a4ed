package race_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/audit"
	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

func raceForAuthenticatorCode(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	user := g.newUser(t)
	secret := g.BindAuthenticator(t, user.browser)

	return func(int) raceRound {
		user.deleteSessions(t, g)
		g.nextTOTPStep()

		plain := g.TOTPCode(t, secret, 0)

		return raceRound{
			code: sameCode(plain), email: user.email, checkWinner: user.expectOneSession(g), audit: []string{auditRecord(audit.SignInSucceeded, "totp")},
			call: func(i int, guess string) world.Call {
				values := map[string]any{"email": spellingOf(user.email, i), "code": guess}
				if usesApp(i) {
					return world.PostCall("/api/auth/login/totp", values)
				}

				return world.PostCall("/login/totp", values).FromBrowser(g.Visitor)
			},
		}
	}
}

// raceOnBothSurfaces checks that a code that one surface has accepted as a second factor is refused by the other (R-D3).
func raceOnBothSurfaces(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	user := g.newUser(t)
	secret := g.BindAuthenticator(t, user.browser)
	g.RequireSecondFactor(t, user.email)

	return func(int) raceRound {
		user.deleteSessions(t, g)
		g.nextTOTPStep()

		plain := g.TOTPCode(t, secret, 0)

		return raceRound{
			code: sameCode(plain), email: user.email, checkWinner: user.expectOneSession(g),
			audit: []string{auditRecord(audit.SignInSucceeded, "password+totp")},
			call: func(i int, guess string) world.Call {
				if i/2%2 == 0 {
					return world.PostCall("/login", map[string]any{"email": spellingOf(user.email, i), "password": apptest.Password, "totp": guess}).FromBrowser(g.Visitor)
				}

				form := url.Values{"email": {user.email}, "password": {apptest.Password}, "totp": {guess}}
				c := world.Call{Method: http.MethodPost, Path: "/api/auth/login", Body: form.Encode()}

				return c.With("Content-Type", "application/x-www-form-urlencoded")
			},
		}
	}
}

func raceForOneRecoveryCode(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	user := g.newUser(t)
	g.BindAuthenticator(t, user.browser)

	var left []string // a recovery code works behind a password only

	return func(int) raceRound {
		if len(left) == 0 {
			g.ChooseSecondFactor(t, user.email, false)
			user.browser = g.SignedIn(t, user.email)

			made, err := user.browser.Client.CreateRecoveryCodesWithResponse(t.Context())
			if err != nil || made.JSON200 == nil {
				t.Fatalf("recovery codes: %v %s", err, made.Body)
			}

			left = made.JSON200.Codes

			g.ChooseSecondFactor(t, user.email, true)
		}

		user.deleteSessions(t, g)

		plain := left[0]
		left = left[1:]

		return raceRound{
			code: sameCode(plain), email: user.email, audit: []string{auditRecord(audit.SignInSucceeded, "password+totp")},
			call: func(i int, guess string) world.Call {
				return world.PostCall("/login", map[string]any{"email": spellingOf(user.email, i), "password": apptest.Password, "totp": guess}).FromBrowser(g.Visitor)
			},
			checkWinner: func(t *testing.T, i int, got world.Reply) {
				t.Helper()
				user.expectOneSession(g)(t, i, got)

				if n := queryValue[int](t, g, "SELECT count(*) FROM recovery_code WHERE account_id = $1", user.id); n != len(left) {
					t.Errorf("%d recovery codes are left, want %d", n, len(left))
				}
			},
		}
	}
}

func raceToBind(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	user := g.newUser(t)

	return func(round int) raceRound {
		user.signInAgain(t, g, round)

		// The codes of the current step and the next one: if the next step begins now, both are still valid.
		address, secret, codes := g.PendingAuthenticator(t, user.browser)
		codes = []string{codes[1], g.TOTPCode(t, secret, 1)}

		return raceRound{
			code: sameCode(codes[1]), email: user.email, audit: []string{auditRecord(audit.TOTPChanged, "bound")},
			call: func(i int, guess string) world.Call {
				if usesApp(i) {
					return user.fromApp("/api/users/me/totp", map[string]any{"codes": []string{codes[0], guess}})
				}

				return world.PostCall("/user/totp", map[string]any{"totp": address, "tss": []string{codes[0], guess}}).FromBrowser(user.browser)
			},
			checkWinner: func(t *testing.T, _ int, _ world.Reply) {
				t.Helper()

				if n := queryValue[int](t, g, "SELECT count(*) FROM totp_pending WHERE account_id = $1", user.id); n != 0 {
					t.Error("the secret is still pending")
				}

				// The codes that bound it do not sign in; the next code does (R-D3).
				signIn := func(plain string) world.Reply {
					return retryUnavailable(t, world.PostCall("/login/totp", map[string]any{"email": user.email, "code": plain}).FromBrowser(g.Visitor), g.Server)
				}

				if got := signIn(codes[1]); got.Problem.Code != "CODE_INVALID" {
					t.Errorf("the code that bound it gets %s", got)
				}

				if round%100 == 0 {
					g.nextTOTPStep()

					if got := signIn(g.TOTPCode(t, secret, 1)); got.Status != http.StatusNoContent {
						t.Errorf("the next code gets %s", got)
					}
				}
			},
		}
	}
}

// raceForAddress lets half of the contenders register an address while the others move to it, each with a code of its
// own.
func raceForAddress(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	user := g.newUser(t)

	return func(round int) raceRound {
		user.signInAgain(t, g, round)

		email := fmt.Sprintf("wanted.%d@konec.com.au", round)
		codes := [2]string{g.issue(t, code.Email, user.id+" "+email), g.issue(t, code.Registration, email)}

		return raceRound{
			code: func(i int) string { return codes[i/2%2] }, lateCode: "EMAIL_TAKEN",
			audit: []string{auditRecord(audit.AccountRegistered, ""), auditRecord(audit.EmailChanged, "")},
			call: func(i int, guess string) world.Call {
				if i/2%2 == 0 {
					return user.changeEmailCall(email, guess)
				}

				return world.PostCall("/api/users/register", map[string]any{
					"username": "Racer", "email": email, "password": apptest.Password, "verificationCode": guess,
				})
			},
			checkWinner: func(t *testing.T, i int, got world.Reply) {
				t.Helper()

				moved := queryValue[bool](t, g, "SELECT id = $2 FROM account WHERE email = $1", email, user.id)
				if moved != (i/2%2 == 0) {
					t.Errorf("contender %d won with %s, and moved: %t", i, got, moved)
				}
			},
		}
	}
}

// raceForPhone lets two accounts prove control of one phone. It is bound to one of them, and the other gets an error.
func raceForPhone(t *testing.T, g *raceGateway) func(round int) raceRound {
	t.Helper()

	users := [2]*raceUser{g.newUser(t), g.newUser(t)}

	return func(round int) raceRound {
		number := g.NewPhone()

		var codes [2]string

		for i, user := range users {
			user.signInAgain(t, g, round)

			codes[i] = g.issue(t, code.Phone, user.id+" "+number)
		}

		return raceRound{
			code: func(i int) string { return codes[i/2%2] }, lateCode: "PHONE_TAKEN", audit: []string{auditRecord(audit.PhoneChanged, "bound")},
			call: func(i int, guess string) world.Call {
				return world.PostCall("/user/phone", map[string]any{"phone": number, "code": guess}).FromBrowser(users[i/2%2].browser)
			},
			checkWinner: func(t *testing.T, i int, _ world.Reply) {
				t.Helper()

				if holder := queryValue[string](t, g, "SELECT id FROM account WHERE phone = $1", number); holder != users[i/2%2].id {
					t.Errorf("contender %d won, and it is bound to the other", i)
				}

				other := users[(i/2+1)%2]

				got := world.PostCall("/user/phone", map[string]any{"phone": number, "code": g.issue(t, code.Phone, other.id+" "+number)}).FromBrowser(other.browser).To(t, g.Server)
				if got.Problem.Code != "PHONE_TAKEN" {
					t.Errorf("the other contender got %s for a right code", got)
				}
			},
		}
	}
}
