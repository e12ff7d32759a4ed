package token_test

import (
	"math"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/session"
	"github.com/konec/toolkit-gateway/internal/domain/token"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/testkit/tokentest"
)

// R-F2, V-13, T-19: a refresh token is valid as a whole or not at all.
func TestRefreshToken(t *testing.T) {
	t.Parallel()

	ring := parse(t, keyring.Generate())
	refresh := token.NewRefresh(ring)

	t.Run("DerivedTokenIsRead", func(t *testing.T) {
		t.Parallel()

		for _, generation := range []int64{0, 1, 255, 256, math.MaxInt64} {
			id := session.NewID()
			text := refresh.Derive(id, generation)

			gotID, gotGeneration, ok := refresh.Read(text)
			if !ok || gotID != id || gotGeneration != generation || len(text) != 76 {
				t.Errorf("generation %d: %q %d %v from %q", generation, gotID, gotGeneration, ok, text)
			}

			if again := refresh.Derive(id, generation); again != text {
				t.Errorf("generation %d: derived %q and then %q", generation, text, again)
			}
		}
	})

	t.Run("AlteredTokenIsNotRead", func(t *testing.T) {
		t.Parallel()

		text := refresh.Derive(session.NewID(), 3)

		altered := tokentest.Altered(text)
		for _, padding := range []string{"=", "==", " ", "\n", "\r\n", "A", "AAAA", "\x00"} {
			altered = append(altered,
				tokentest.Forgery{Name: "padded", Token: text + padding},
				tokentest.Forgery{Name: "padded in front", Token: padding + text},
				tokentest.Forgery{Name: "cut and padded", Token: text[:len(text)-len(padding)] + padding},
				tokentest.Forgery{Name: "padded and cut", Token: padding + text[:len(text)-len(padding)]},
			)
		}

		for _, forged := range altered {
			if _, _, ok := refresh.Read(forged.Token); ok && forged.Token != text {
				t.Errorf("%s is read: %q", forged.Name, forged.Token)
			}
		}
	})

	// R-L2: a token stays readable while its key is in the ring.
	t.Run("TokenOfAnOlderKeyIsReadWhileTheKeyIsThere", func(t *testing.T) {
		t.Parallel()

		one, two := keyring.Generate(), keyring.Generate()
		id := session.NewID()
		text := token.NewRefresh(parse(t, "1:"+one)).Derive(id, 1)

		if _, _, ok := token.NewRefresh(parse(t, "2:"+two+",1:"+one)).Read(text); !ok {
			t.Error("not read with both keys")
		}

		if _, _, ok := token.NewRefresh(parse(t, "2:"+two)).Read(text); ok {
			t.Error("read without its key")
		}

		if _, _, ok := token.NewRefresh(parse(t, "1:"+two)).Read(text); ok {
			t.Error("read with another key of the same id")
		}
	})
}

func parse(t *testing.T, text string) *keyring.Keyring {
	t.Helper()

	ring, err := keyring.Parse(text)
	if err != nil {
		t.Fatal(err)
	}

	return ring
}
