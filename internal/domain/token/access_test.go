package token_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/testkit/tokentest"
)

// R-G1, R-G2, R-G3, R-G5, R-G6, R-G7, R-F2, F-12, V-13, V-14, V-15, W-11, T-19: one algorithm, and every claim.
func TestVerify(t *testing.T) {
	t.Parallel()

	env := setup(t)
	env.clock.Stop() // a forgery is one second beyond the leeway

	gateway := env.replica(t)
	forger := env.forger(t)

	t.Run("GenuineTokenIsAccepted", func(t *testing.T) {
		t.Parallel()

		// The forger's own valid token is accepted: otherwise the forgeries could be refused for what they share.
		for _, text := range []string{gateway.issue(t), forger.Genuine()} {
			claims, err := gateway.access.Verify(t.Context(), text)
			if err != nil || claims.AccountID != account || claims.SessionID == "" {
				t.Errorf("%+v, %v", claims, err)
			}
		}
	})

	t.Run("ForgeriesAreRefused", func(t *testing.T) {
		t.Parallel()

		forgeries := forger.Forgeries()
		if len(forgeries) < 120 {
			t.Errorf("%d forgeries, want at least 120", len(forgeries))
		}

		for _, forged := range forgeries {
			expectRefused(t, gateway.access, forged)
		}

		t.Logf("%d forgeries refused", len(forgeries))
	})

	t.Run("RefreshTokenIsNoAccessToken", func(t *testing.T) {
		t.Parallel()

		refresh := token.NewRefresh(env.ring)
		text := refresh.Derive(session.NewID(), 7)

		expectRefused(t, gateway.access, tokentest.Forgery{Name: "a refresh token", Token: text})
		expectRefused(t, gateway.access, tokentest.Forgery{Name: "refresh tokens, dotted", Token: text + "." + text + "." + text})

		if _, _, ok := refresh.Read(gateway.issue(t)); ok {
			t.Error("an access token was read as a refresh token")
		}
	})

	t.Run("RefusedOnceIsRefusedAgain", func(t *testing.T) {
		t.Parallel()

		// The whole text is cached: a known signature does not vouch for other claims.
		genuine := gateway.issue(t)
		if !gateway.accepts(t.Context(), genuine) {
			t.Fatal("a genuine token is refused")
		}

		for _, forged := range tokentest.Altered(genuine) {
			expectRefused(t, gateway.access, forged)
			expectRefused(t, gateway.access, forged)
		}

		if !gateway.accepts(t.Context(), genuine) {
			t.Error("a genuine token is refused after its forgeries")
		}
	})
}

func expectRefused(t *testing.T, access *token.Access, forged tokentest.Forgery) {
	t.Helper()

	if _, err := access.Verify(t.Context(), forged.Token); !errors.Is(err, problem.ErrTokenInvalid) {
		t.Errorf("%s: got %v, want TOKEN_INVALID\n%.400s", forged.Name, err, forged.Token)
	}
}

// IN-K20: a verifier that allows no leeway, and whose clock is up to ten seconds behind, takes a token that was issued just now.
func TestFreshTokenForAVerifierThatIsBehind(t *testing.T) {
	t.Parallel()

	env := setup(t)
	env.clock.Stop()

	gateway := env.replica(t)
	text := gateway.issue(t)

	for behind, accepted := range map[time.Duration]bool{0: true, time.Second: true, 10 * time.Second: true, 12 * time.Second: false} {
		_, err := jwt.Parse(text, func(*jwt.Token) (any, error) { return gateway.keys.List()[0].Public, nil },
			jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithIssuedAt(), jwt.WithExpirationRequired(),
			jwt.WithNotBeforeRequired(), jwt.WithTimeFunc(func() time.Time { return env.clock.Now().Add(-behind) }))
		if (err == nil) != accepted {
			t.Errorf("%s behind: %v", behind, err)
		}
	}
}

// R-G2: a cached token expires at its time, as a fresh one does, and no later than the leeway allows.
func TestVerifyEnds(t *testing.T) {
	t.Parallel()

	for name, seenBefore := range map[string]bool{"FreshTokenEnds": false, "RememberedTokenEnds": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			env := setup(t)
			gateway := env.replica(t)
			text := gateway.issue(t)

			if seenBefore && !gateway.accepts(t.Context(), text) {
				t.Fatal("refused at once")
			}

			env.clock.Advance(lifetime - time.Minute)

			if seenBefore && !gateway.accepts(t.Context(), text) {
				t.Error("refused a minute before its end")
			}

			env.clock.Advance(time.Minute + 6*time.Second)

			if gateway.accepts(t.Context(), text) {
				t.Error("accepted six seconds after its end")
			}
		})
	}
}

// V-15: an attacker's token costs no more than its own length. Not parallel: it measures the allocations of the whole
// process.
func TestVerifyAllocatesLittle(t *testing.T) {
	env := setup(t)
	gateway := env.replica(t)

	for name, text := range map[string]string{
		"Dots":    strings.Repeat(".", 1<<20),
		"Letters": strings.Repeat("a", 1<<20),
		"Parts":   strings.Repeat("eyJhbGciOiJFZERTQSJ9.", 50_000),
	} {
		var before, after runtime.MemStats

		runtime.ReadMemStats(&before)

		if gateway.accepts(context.Background(), text) {
			t.Errorf("%s: accepted", name)
		}

		runtime.ReadMemStats(&after)

		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: %d bytes allocated for a megabyte, want at most a megabyte", name, grown)
		}
	}
}
