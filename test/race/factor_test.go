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

func raceForAuthenticatorCode(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	v := a.rival(t)
	secret := a.BindAuthenticator(t, v.browser)

	return func(int) prize {
		v.alone(t, a)
		a.step()

		plain := a.TOTPCode(t, secret, 0)

		return prize{
			code: same(plain), email: v.email, won: v.opened(a), audit: []string{record(audit.SignInSucceeded, "totp")},
			call: func(i int, guess string) world.Call {
				return world.PostCall("/login/totp", map[string]any{"email": spelled(v.email, i), "code": guess}).FromBrowser(a.Visitor)
			},
		}
	}
}

// raceAtThreeDoors: a code that was accepted by one operation is refused by the others (R-D3).
func raceAtThreeDoors(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	v := a.rival(t)
	secret := a.BindAuthenticator(t, v.browser)
	a.RequireSecondFactor(t, v.email)

	return func(int) prize {
		v.alone(t, a)
		a.step()

		plain := a.TOTPCode(t, secret, 0)

		return prize{
			code: same(plain), email: v.email, won: v.opened(a),
			audit: []string{record(audit.SignInSucceeded, "totp"), record(audit.SignInSucceeded, "password+totp")},
			call: func(i int, guess string) world.Call {
				switch i / 2 % 4 {
				case 0:
					return world.PostCall("/login", map[string]any{"email": v.email, "password": apptest.Password, "totp": guess}).FromBrowser(a.Visitor)
				case 1:
					form := url.Values{"email": {v.email}, "password": {apptest.Password}, "totp": {guess}}
					c := world.Call{Method: http.MethodPost, Path: "/api/auth/login", Body: form.Encode()}

					return c.With("Content-Type", "application/x-www-form-urlencoded")
				default:
					return world.PostCall("/login/totp", map[string]any{"email": spelled(v.email, i), "code": guess}).FromBrowser(a.Visitor)
				}
			},
		}
	}
}

func raceForOneRecoveryCode(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	v := a.rival(t)
	a.BindAuthenticator(t, v.browser)

	var left []string

	return func(int) prize {
		if len(left) == 0 {
			v.browser = a.SignedIn(t, v.email)

			made, err := v.browser.Client.CreateRecoveryCodesWithResponse(t.Context())
			if err != nil || made.JSON200 == nil {
				t.Fatalf("recovery codes: %v %s", err, made.Body)
			}

			left = made.JSON200.Codes
		}

		v.alone(t, a)

		plain := left[0]
		left = left[1:]

		return prize{
			code: same(plain), email: v.email, audit: []string{record(audit.SignInSucceeded, "totp")},
			call: func(i int, guess string) world.Call {
				return world.PostCall("/login/totp", map[string]any{"email": spelled(v.email, i), "code": guess}).FromBrowser(a.Visitor)
			},
			won: func(t *testing.T, i int, got world.Reply) {
				t.Helper()
				v.opened(a)(t, i, got)

				if n := value[int](t, a, "SELECT count(*) FROM recovery_code WHERE account_id = $1", v.id); n != len(left) {
					t.Errorf("%d recovery codes are left, want %d", n, len(left))
				}
			},
		}
	}
}

func raceToBind(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	v := a.rival(t)

	return func(round int) prize {
		v.again(t, a, round)

		// The codes of this step and of the next one: should that begin now, both are good still.
		address, secret, codes := a.PendingAuthenticator(t, v.browser)
		codes = []string{codes[1], a.TOTPCode(t, secret, 1)}

		return prize{
			code: same(codes[1]), email: v.email, audit: []string{record(audit.TOTPChanged, "bound")},
			call: func(_ int, guess string) world.Call {
				return world.PostCall("/user/totp", map[string]any{"totp": address, "tss": []string{codes[0], guess}}).FromBrowser(v.browser)
			},
			won: func(t *testing.T, _ int, _ world.Reply) {
				t.Helper()

				if n := value[int](t, a, "SELECT count(*) FROM totp_pending WHERE account_id = $1", v.id); n != 0 {
					t.Error("the secret still waits to be bound")
				}

				// What bound it signs nobody in, and the next code does (R-D3).
				signIn := func(plain string) world.Reply {
					return served(t, world.PostCall("/login/totp", map[string]any{"email": v.email, "code": plain}).FromBrowser(a.Visitor), a.Server)
				}

				if got := signIn(codes[1]); got.Problem.Code != "CODE_INVALID" {
					t.Errorf("the code that bound it signs in with %s", got)
				}

				if round%100 == 0 {
					a.step()

					if got := signIn(a.TOTPCode(t, secret, 1)); got.Status != http.StatusNoContent {
						t.Errorf("the next code signs in with %s", got)
					}
				}
			},
		}
	}
}

// raceForAddress: half register an address, the others move to it, each with a code of its own.
func raceForAddress(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	v := a.rival(t)

	return func(round int) prize {
		v.again(t, a, round)

		email := fmt.Sprintf("wanted.%d@konec.com.au", round)
		codes := [2]string{a.issue(t, code.Email, v.id+" "+email), a.issue(t, code.Registration, email)}

		return prize{
			code: func(i int) string { return codes[i/2%2] }, taken: "EMAIL_TAKEN",
			audit: []string{record(audit.AccountRegistered, ""), record(audit.EmailChanged, "")},
			call: func(i int, guess string) world.Call {
				if i/2%2 == 0 {
					return v.moveTo(email, guess)
				}

				return world.PostCall("/api/users/register", map[string]any{
					"username": "Racer", "email": email, "password": apptest.Password, "verificationCode": guess,
				})
			},
			won: func(t *testing.T, i int, got world.Reply) {
				t.Helper()

				moved := value[bool](t, a, "SELECT id = $2 FROM account WHERE email = $1", email, v.id)
				if moved != (i/2%2 == 0) {
					t.Errorf("contender %d won with %s, and whether it moved is %t", i, got, moved)
				}
			},
		}
	}
}

// raceForPhone: two accounts prove control of one phone. It is bound to one of them, and the other is told.
func raceForPhone(t *testing.T, a *arena) func(round int) prize {
	t.Helper()

	rivals := [2]*rival{a.rival(t), a.rival(t)}

	return func(round int) prize {
		number := a.NewPhone()

		var codes [2]string

		for i, v := range rivals {
			v.again(t, a, round)

			codes[i] = a.issue(t, code.Phone, v.id+" "+number)
		}

		return prize{
			code: func(i int) string { return codes[i/2%2] }, taken: "PHONE_TAKEN", audit: []string{record(audit.PhoneChanged, "bound")},
			call: func(i int, guess string) world.Call {
				return world.PostCall("/user/phone", map[string]any{"phone": number, "code": guess}).FromBrowser(rivals[i/2%2].browser)
			},
			won: func(t *testing.T, i int, _ world.Reply) {
				t.Helper()

				if holder := value[string](t, a, "SELECT id FROM account WHERE phone = $1", number); holder != rivals[i/2%2].id {
					t.Errorf("contender %d won, and it is bound to the other", i)
				}

				other := rivals[(i/2+1)%2]

				got := world.PostCall("/user/phone", map[string]any{"phone": number, "code": a.issue(t, code.Phone, other.id+" "+number)}).FromBrowser(other.browser).To(t, a.Server)
				if got.Problem.Code != "PHONE_TAKEN" {
					t.Errorf("with a right code, the other got %s", got)
				}
			},
		}
	}
}
