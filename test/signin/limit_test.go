package signin_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/gen/client"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// registration registers one address, with right and wrong codes.
type registration struct {
	*apptest.Env

	email string
	right string // the newest code
	wrong string // a code that is wrong
}

// newRegistration requests the first code.
func newRegistration(t *testing.T, env *apptest.Env, email string) *registration {
	t.Helper()

	r := &registration{Env: env, email: email}
	r.requestCode(t)

	return r
}

// requestCode requests a code and reads it from the mail.
func (r *registration) requestCode(t *testing.T) {
	t.Helper()

	before := len(r.Mails(r.email))
	if status, _ := r.sendFrom(t, r.email, ""); status != http.StatusOK {
		t.Fatalf("send code: %d", status)
	}

	r.right = r.Mail(t, r.email, before).Code

	n, err := strconv.Atoi(r.right)
	if err != nil {
		t.Fatal(err)
	}

	r.wrong = fmt.Sprintf("%06d", (n+1)%1_000_000)
}

// guess registers with a code and a password, and returns the status and the code of the error.
func (r *registration) guess(t *testing.T, code, password string) (int, client.ErrorCode) {
	t.Helper()

	response, err := r.Client.RegisterWithResponse(t.Context(), client.RegisterRequest{
		Username: "X", Email: r.email, Password: password, VerificationCode: code,
	})
	if err != nil {
		t.Error(err)

		return 0, ""
	}

	switch {
	case response.JSON400 != nil:
		return response.StatusCode(), response.JSON400.Code
	case response.JSON429 != nil:
		return response.StatusCode(), response.JSON429.Code
	}

	return response.StatusCode(), ""
}

func (r *registration) expect(t *testing.T, what, code, password string, want int) {
	t.Helper()

	if status, problem := r.guess(t, code, password); status != want {
		t.Errorf("%s: %d %s, want %d", what, status, problem, want)
	}
}

// sendFrom requests a code from a client address, and returns the status and Retry-After.
func (r *registration) sendFrom(t *testing.T, email, address string) (status, retryAfter int) {
	t.Helper()

	sent, err := r.Client.SendRegistrationCodeWithResponse(t.Context(), client.SendCodeRequest{Email: email},
		func(_ context.Context, request *http.Request) error {
			if address != "" {
				request.Header.Set("X-Forwarded-For", address)
			}

			return nil
		})
	if err != nil {
		t.Fatal(err)
	}

	if wait := sent.HTTPResponse.Header.Get("Retry-After"); wait != "" {
		if retryAfter, err = strconv.Atoi(wait); err != nil {
			t.Fatal(err)
		}
	}

	return sent.StatusCode(), retryAfter
}

// R-C6, W-4, T-05: a code allows five guesses, and the sixth fails though it is right.
func TestGuesses(t *testing.T) {
	t.Parallel()

	t.Run("FifthMayBeRight", func(t *testing.T) {
		t.Parallel()

		r := newRegistration(t, apptest.New(t), "a@konec.test")
		for range world.MaxGuesses - 1 {
			r.expect(t, "wrong", r.wrong, apptest.Password, http.StatusBadRequest)
		}

		r.expect(t, "the fifth", r.right, apptest.Password, http.StatusCreated)
	})

	t.Run("SixthFailsThoughRight", func(t *testing.T) {
		t.Parallel()

		r := newRegistration(t, apptest.New(t, world.WithManyFreeFailures), "a@konec.test")
		for range world.MaxGuesses {
			r.expect(t, "wrong", r.wrong, apptest.Password, http.StatusBadRequest)
		}

		r.expect(t, "the sixth", r.right, apptest.Password, http.StatusBadRequest)

		// A new code allows new guesses.
		r.Clock.Advance(time.Minute)
		r.requestCode(t)
		r.expect(t, "the new code", r.right, apptest.Password, http.StatusCreated)
	})

	t.Run("RefusedPasswordCostsNone", func(t *testing.T) {
		t.Parallel()

		r := newRegistration(t, apptest.New(t), "a@konec.test")

		for range 2 * world.MaxGuesses {
			for _, guess := range []string{r.right, r.wrong} {
				if status, problem := r.guess(t, guess, "password1"); status != http.StatusBadRequest || problem != client.ErrorCodePASSWORDREFUSED {
					t.Fatalf("got %d %s", status, problem)
				}
			}
		}

		r.expect(t, "with a better password", r.right, apptest.Password, http.StatusCreated)
	})

	// With 64 guesses at once, one of them right, at most five are compared: the right one succeeds in one of 13
	// rounds. If the counter were raised after the comparison, it would succeed every time.
	t.Run("ParallelOnesShareTheFive", func(t *testing.T) {
		t.Parallel()

		const (
			rounds  = 6
			guesses = 64
		)

		env := apptest.New(t)

		var through atomic.Int32

		for round := range rounds {
			r := newRegistration(t, env, fmt.Sprintf("a%d@konec.test", round))

			var all sync.WaitGroup

			for i := range guesses {
				guess := r.wrong
				if i == (round*29+31)%guesses {
					guess = r.right
				}

				all.Go(func() {
					if status, _ := r.guess(t, guess, apptest.Password); status == http.StatusCreated {
						through.Add(1)
					}
				})
			}

			all.Wait()

			var counted int

			err := r.Pool.QueryRow(t.Context(), `SELECT coalesce(max(attempts), 0) FROM code WHERE subject = $1`, r.email).Scan(&counted)
			if err != nil || counted > world.MaxGuesses {
				t.Errorf("%d guesses were counted, %v", counted, err)
			}
		}

		if through.Load() > 4 { // by chance once in 60,000 runs
			t.Errorf("the right guess got through in %d of %d rounds", through.Load(), rounds)
		}
	})
}

// R-C5: a new code voids the previous one.
func TestNewCodeVoidsTheOld(t *testing.T) {
	t.Parallel()

	r := newRegistration(t, apptest.New(t), "a@konec.test")
	old := r.right

	for r.right == old { // the same code is drawn again once in a million times
		r.Clock.Advance(time.Minute)
		r.requestCode(t)
	}

	r.expect(t, "the old code", old, apptest.Password, http.StatusBadRequest)
	r.expect(t, "the new code", r.right, apptest.Password, http.StatusCreated)
}

// R-I5: a caller who requests a code for an address first, and guesses at it, has no claim to the address: the first
// proof wins.
func TestRequestedCodeClaimsNoAddress(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	stranger := newRegistration(t, env, "a@konec.test")

	for range world.MaxGuesses {
		stranger.expect(t, "a stranger's guess", stranger.wrong, "a stranger's horse, a stranger's staple", http.StatusBadRequest)
	}

	env.Clock.Advance(time.Minute)

	owner := newRegistration(t, env, "a@konec.test")
	owner.expect(t, "the owner", owner.right, apptest.Password, http.StatusCreated)
	env.SignIn(t, owner.email)
}

// R-C2: a code is valid for ten minutes.
func TestCodeExpires(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	r, b := newRegistration(t, env, "a@konec.test"), newRegistration(t, env, "b@konec.test")

	env.Clock.Advance(10*time.Minute - 10*time.Second)
	r.expect(t, "just before its end", r.right, apptest.Password, http.StatusCreated)
	env.Clock.Advance(10 * time.Second)
	b.expect(t, "just after", b.right, apptest.Password, http.StatusBadRequest)
}

// expectWait checks that a request gets a 429 with exactly this delay; the clock is stopped.
func (r *registration) expectWait(t *testing.T, email, address string, want time.Duration) (retryAfter time.Duration) {
	t.Helper()

	status, seconds := r.sendFrom(t, email, address)
	retryAfter = time.Duration(seconds) * time.Second

	if status != http.StatusTooManyRequests || retryAfter != want {
		t.Errorf("got %d with Retry-After %s, want 429 with %s", status, retryAfter, want)
	}

	return retryAfter
}

// R-C10, R-E1, R-K6: an address receives one code a minute and five an hour, and the stated delay is enough.
func TestSendingToOneAddress(t *testing.T) {
	t.Parallel()

	env := apptest.New(t)
	env.Clock.Stop()

	r := newRegistration(t, env, "a@konec.test")

	wait := r.expectWait(t, r.email, "", time.Minute)
	r.Clock.Advance(wait - 3*time.Second)
	r.Clock.Advance(r.expectWait(t, r.email, "", 3*time.Second))
	world.ExpectLimitEvents(t, env, "send registration/cooldown", 1)

	for range 4 { // together with the first one, five
		r.requestCode(t)
		r.Clock.Advance(time.Minute)
	}

	wait = r.expectWait(t, r.email, "", 55*time.Minute)
	world.ExpectLimitEvents(t, env, "send registration/hour", 1)

	// Another address is not affected.
	newRegistration(t, r.Env, "b@konec.test")

	r.Clock.Advance(wait)
	r.requestCode(t)
}

// R-C10, R-K6: a network, or an IPv6 /64, sends sixty codes an hour, to whatever addresses.
func TestSendingFromOneNetwork(t *testing.T) {
	t.Parallel()

	for name, addresses := range map[string]struct{ first, neighbour, stranger string }{
		"IPv4": {"203.0.113.7", "203.0.113.7", "203.0.113.8"},
		"IPv6": {"2001:db8:0:1::%x", "2001:db8:0:1:ffff::1", "2001:db8:0:2::1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			r := &registration{Env: apptest.New(t, world.BehindProxy)}
			r.Clock.Stop()

			for i := range 60 {
				from := addresses.first
				if strings.Contains(from, "%") {
					from = fmt.Sprintf(from, i+1)
				}

				if status, _ := r.sendFrom(t, fmt.Sprintf("to%d@konec.test", i), from); status != http.StatusOK {
					t.Fatalf("send %d: %d", i+1, status)
				}
			}

			wait := r.expectWait(t, "to60@konec.test", addresses.neighbour, time.Hour)
			r.expectWait(t, "to61@konec.test", addresses.neighbour, time.Hour)
			world.ExpectLimitEvents(t, r.Env, "send network/hour", 1)

			if status, _ := r.sendFrom(t, "to60@konec.test", addresses.stranger); status != http.StatusOK {
				t.Errorf("from another network: %d", status)
			}

			r.Clock.Advance(wait)

			if status, _ := r.sendFrom(t, "to61@konec.test", addresses.neighbour); status != http.StatusOK {
				t.Errorf("after the wait: %d", status)
			}
		})
	}
}

// R-C11, SEC-S3: guesses at registration codes, which let no one into an account, spend no budget, right or wrong.
func TestRegistrationSpendsNoBudget(t *testing.T) {
	t.Parallel()

	env := apptest.New(t, func(c *apptest.Settings) { c.CodeGuessBudget = 1 })

	for i := range 5 {
		r := newRegistration(t, env, fmt.Sprintf("right%d@konec.test", i))
		r.expect(t, "a failed guess", r.wrong, apptest.Password, http.StatusBadRequest)
		r.expect(t, "a right guess", r.right, apptest.Password, http.StatusCreated)
	}
}
