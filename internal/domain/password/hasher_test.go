package password

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

func hasher(t *testing.T, concurrency int) *Hasher {
	t.Helper()

	h, err := NewHasher(concurrency, Standard)
	if err != nil {
		t.Fatal(err)
	}

	return h
}

func TestHasher(t *testing.T) {
	t.Parallel()

	h := hasher(t, 1)

	stored, err := h.Hash(t.Context(), "caf\u00e9 pa\u00dfword")
	if err != nil {
		t.Fatal(err)
	}

	t.Run("KeyboardsMayComposeDifferently", func(t *testing.T) {
		t.Parallel()

		if match, _, err := h.Verify(t.Context(), stored, "cafe\u0301 pa\u00dfword"); !match || err != nil {
			t.Errorf("match %t, %v", match, err)
		}

		// Not NFKC: characters that look alike stay different.
		if match, _, _ := h.Verify(t.Context(), stored, "caf\u00e9 password"); match {
			t.Error("another password matched")
		}
	})

	t.Run("NobodysPasswordNeverMatches", func(t *testing.T) {
		t.Parallel()

		for _, plain := range []string{"the password of no account", "", "x"} {
			if match, stale, err := h.Verify(t.Context(), "", plain); match || stale || err != nil {
				t.Errorf("%q: match %t, stale %t, %v", plain, match, stale, err)
			}
		}
	})

	t.Run("DecoyCostsWhatAHashDoes", func(t *testing.T) {
		t.Parallel()

		used, salt, key, err := parse(h.decoy)
		if err != nil || used != Standard || len(salt) != saltSize || len(key) != hashSize {
			t.Errorf("decoy %s, %v", h.decoy, err)
		}
	})
}

// R-A11: if all slots are in use, a request waits a moment and then gets an error with a time to wait.
func TestFullHasherSaysSo(t *testing.T) {
	t.Parallel()

	h := hasher(t, 1)

	first, err := h.Slot(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	second, err := h.Slot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Release()

	if _, err := h.Hash(t.Context(), "x"); !errors.Is(err, problem.ErrUnavailable) || !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}

	gone, cancel := context.WithCancel(t.Context())
	cancel()

	if _, _, err := h.Verify(gone, "", "x"); !errors.Is(err, problem.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}

	first.Release()

	if _, err := h.Hash(t.Context(), "x"); err != nil {
		t.Errorf("with the turn back: %v", err)
	}
}

// R-A11: for any number of hashes, the memory of few is used: of those computed at once, and of one more.
func TestHashesLeaveNoGarbage(t *testing.T) { //nolint:paralleltest // turns the collector's own pace off
	const (
		concurrency = 2
		hashes      = 10
	)

	h := hasher(t, concurrency)

	defer debug.SetGCPercent(debug.SetGCPercent(-1))

	runtime.GC()

	var (
		before  runtime.MemStats
		group   sync.WaitGroup
		highest atomic.Uint64
	)

	runtime.ReadMemStats(&before)

	for range concurrency {
		group.Go(func() {
			for range hashes {
				if _, err := h.Hash(t.Context(), "a password"); err != nil {
					t.Error(err)
				}

				var now runtime.MemStats

				runtime.ReadMemStats(&now)

				for seen := highest.Load(); now.HeapAlloc > seen && !highest.CompareAndSwap(seen, now.HeapAlloc); {
					seen = highest.Load()
				}
			}
		})
	}

	group.Wait()

	one := uint64(Standard.Memory) << 10
	if grown := highest.Load() - before.HeapAlloc; grown > (concurrency+1)*one+one/2 {
		t.Errorf("%d MiB, of which a hash needs %d", grown>>20, one>>20)
	}
}

// IN-K2: of a password that is longer than bcrypt reads, only the beginning was compared. A hash of all of it would sign out
// the user whose password ends in another way.
func TestLongPasswordKeepsItsBcryptHash(t *testing.T) {
	t.Parallel()

	h, err := NewHasher(1, Cost{Memory: 64, Passes: 1, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}

	const stored = "$2b$04$v0yHsC41tx7TYW6kbgsms.fP3pNrkbGD9LTEJbuWh5L42cgYRWWZO" // of 72 x and AAAA

	for plain, renewed := range map[string]bool{
		strings.Repeat("x", 72) + "AAAA": false, strings.Repeat("x", 72) + "ZZZZ-other": false, strings.Repeat("x", 72): true,
	} {
		match, stale, err := h.Verify(t.Context(), stored, plain)
		if !match || stale != renewed || err != nil {
			t.Errorf("%d bytes: match %t, stale %t, %v", len(plain), match, stale, err)
		}
	}
}

// IN-K3: a system that did not normalize hashed what the keyboard sent, which is compared, too. The hash that takes its place is
// of the NFC form, so that afterwards every keyboard works.
func TestImportedHashOfAnotherFormThanNFC(t *testing.T) {
	t.Parallel()

	h, err := NewHasher(1, Cost{Memory: 64, Passes: 1, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}

	for stored, plain := range map[string]string{
		"$2b$04$irHYkJsqYo7cQi8d.QjdXOqhzkkAWeyd5Xt9aTZwfSpbRff4CpzT6": "café münchen über",
		"$2b$04$HNX5bLWSu2JZx0gDMePUg.3B9JTMZvmuhUn.Co7zgqBgy.4qT1mWW": "mật khẩu tiếng Việt",
	} {
		typed := norm.NFD.String(plain)

		if match, stale, err := h.Verify(t.Context(), stored, typed); !match || !stale || err != nil {
			t.Errorf("%s: match %t, stale %t, %v", plain, match, stale, err)
		}

		renewed, err := h.Hash(t.Context(), typed)
		if err != nil {
			t.Fatal(err)
		}

		for _, form := range []string{typed, norm.NFC.String(plain)} {
			if match, stale, err := h.Verify(t.Context(), renewed, form); !match || stale || err != nil {
				t.Errorf("%s renewed: match %t, stale %t, %v", plain, match, stale, err)
			}
		}
	}
}
