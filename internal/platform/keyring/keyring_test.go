package keyring

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// parsed returns a keyring of new random keys with the ids, the current one first.
func parsed(t testing.TB, s string) *Keyring {
	t.Helper()

	k, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}

	return k
}

// T-30, V-21, R-G4, W-11: a key that is short, typed, or from an example is refused.
func TestParse(t *testing.T) {
	t.Parallel()

	encode := func(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
	counted := make([]byte, Size)

	for i := range counted {
		counted[i] = byte(i)
	}

	steps := make([]byte, Size)
	for i := range steps {
		steps[i] = byte(250 - 7*i)
	}

	good, other := Generate(), Generate()

	random, err := base64.StdEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}

	for name, s := range map[string]string{
		"Empty":            "",
		"Spaces":           "   ",
		"NotBase64":        "canary!canary!canary!canary!canary!canary!",
		"URLBase64":        strings.Repeat("-_", 21) + "A=",
		"Short":            encode(make([]byte, 16)),
		"OneByteShort":     encode(bytes.Repeat([]byte{1, 200}, 16)[:31]),
		"Long":             encode(append(make([]byte, Size), 1)),
		"RandomAndHalf":    encode(random[:Size/2+1]),
		"RandomAndShort":   encode(random[:Size-1]),
		"RandomAndLong":    encode(append([]byte{1}, random...)),
		"Zeros":            encode(make([]byte, Size)),
		"Repeated":         encode(bytes.Repeat([]byte{0xde, 0xad, 0xbe, 0xef}, 8)),
		"Typed":            encode([]byte("0123456789abcdefghijklmnopqrstuv")),
		"HexText":          encode([]byte(hex.EncodeToString([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255}))),
		"Counted":          encode(counted),
		"CountedInSteps":   encode(steps),
		"TwiceTheSameID":   "1:" + good + ",1:" + other,
		"TwiceTheSameKey":  "2:" + good + ",1:" + good,
		"SeveralWithoutID": good + "," + other,
		"IDZero":           "0:" + good,
		"IDTooLarge":       "256:" + good,
		"IDNegative":       "-1:" + good,
		"IDNotANumber":     "one:" + good,
		"TrailingComma":    "1:" + good + ",",
	} {
		t.Run("Refuses/"+name, func(t *testing.T) {
			t.Parallel()

			_, err := Parse(s)
			if err == nil {
				t.Fatal("accepted")
			}

			for _, secret := range []string{good, other, "canary", encode(counted)} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%v shows the key", err)
				}
			}
		})
	}

	t.Run("TakesWhatGenerateMakes", func(t *testing.T) {
		t.Parallel()

		for range 1000 {
			parsed(t, Generate())
		}
	})

	t.Run("FirstIsCurrent", func(t *testing.T) {
		t.Parallel()

		if k := parsed(t, " 7:"+good+" , 255:"+other); k.Current() != 7 {
			t.Errorf("current is %d", k.Current())
		}

		if k := parsed(t, good+"\n"); k.Current() != 1 {
			t.Errorf("a single key is %d", k.Current())
		}
	})
}

func TestDigest(t *testing.T) {
	t.Parallel()

	k := parsed(t, "2:"+Generate()+",1:"+Generate())

	t.Run("DiffersByKeyPurposeAndParts", func(t *testing.T) {
		t.Parallel()

		seen := map[string][]string{}

		for _, parts := range [][]string{
			nil, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"ab"}, {"a", "b"}, {"b", "a"}, {"a\x00b"}, {"\x00\x00\x00\x00\x00\x00\x00\x01a"},
		} {
			for _, purpose := range []string{"code", "refresh token", "", "cod", "codes"} {
				for _, id := range []uint8{1, 2} {
					digest, ok := k.Digest(id, purpose, parts...)
					again, _ := k.Digest(id, purpose, parts...)

					if !ok || len(digest) != Size || !bytes.Equal(digest, again) {
						t.Fatalf("digest %x, %x", digest, again)
					}

					if twin, twice := seen[string(digest)]; twice {
						t.Errorf("%d %q %q and %q are one digest", id, purpose, parts, twin)
					}

					seen[string(digest)] = append([]string{purpose}, parts...)
				}
			}
		}
	})

	t.Run("UnknownKeyHasNone", func(t *testing.T) {
		t.Parallel()

		if digest, ok := k.Digest(3, "code", "a"); ok || digest != nil {
			t.Errorf("got %x", digest)
		}
	})
}

// R-L1, R-L2, R-D7: a value opens in its own row only, also after its key was replaced.
func TestSeal(t *testing.T) {
	t.Parallel()

	oldKey, newKey := Generate(), Generate()
	k := parsed(t, "1:"+oldKey)
	rotated := parsed(t, "2:"+newKey+",1:"+oldKey)
	gone := parsed(t, "2:"+newKey)

	sealed := k.Seal([]byte("042137"), "delivery", "payload", "row a")

	t.Run("OpensWithItsContext", func(t *testing.T) {
		t.Parallel()

		for _, one := range []*Keyring{k, rotated} {
			if plain, err := one.Open(sealed, "delivery", "payload", "row a"); err != nil || string(plain) != "042137" {
				t.Errorf("got %q, %v", plain, err)
			}
		}
	})

	t.Run("DoesNotOpenElsewhere", func(t *testing.T) {
		t.Parallel()

		for _, context := range [][]string{
			nil, {"delivery", "payload", "row b"}, {"delivery", "payload"}, {"payload", "delivery", "row a"}, {"delivery", "payload", "row a", ""},
		} {
			if plain, err := k.Open(sealed, context...); err == nil {
				t.Errorf("%q opened %q", context, plain)
			}
		}
	})

	t.Run("DoesNotOpenAltered", func(t *testing.T) {
		t.Parallel()

		for i := range sealed {
			altered := bytes.Clone(sealed)
			altered[i] ^= 1

			if _, err := rotated.Open(altered, "delivery", "payload", "row a"); err == nil {
				t.Errorf("with byte %d altered it opened", i)
			}

			if _, err := k.Open(sealed[:i], "delivery", "payload", "row a"); err == nil {
				t.Errorf("cut to %d bytes it opened", i)
			}
		}
	})

	t.Run("DoesNotOpenWithoutItsKey", func(t *testing.T) {
		t.Parallel()

		if _, err := gone.Open(sealed, "delivery", "payload", "row a"); err == nil {
			t.Error("opened")
		}
	})

	t.Run("IsNewEachTime", func(t *testing.T) {
		t.Parallel()

		if again := k.Seal([]byte("042137"), "delivery", "payload", "row a"); bytes.Equal(again, sealed) || bytes.Contains(sealed, []byte("042137")) {
			t.Errorf("sealed %x and %x", sealed, again)
		}
	})
}

func FuzzOpen(f *testing.F) {
	k := parsed(f, Generate())

	f.Add([]byte{}, "a")
	f.Add([]byte{1}, "")
	f.Add(make([]byte, 40), "a")

	f.Fuzz(func(t *testing.T, sealed []byte, context string) {
		if plain, err := k.Open(sealed, context); err == nil {
			t.Errorf("%x opened %q", sealed, plain)
		}

		if plain, err := k.Open(k.Seal(sealed, context), context); err != nil || !bytes.Equal(plain, sealed) {
			t.Errorf("got %x, %v", plain, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("1:" + Generate())
	f.Add("2:AAAA,1:AAAA")
	f.Add(":,:")

	f.Fuzz(func(t *testing.T, s string) {
		if k, err := Parse(s); err == nil && k.masters[k.Current()] == nil {
			t.Errorf("%q has no current key", s)
		}
	})
}
