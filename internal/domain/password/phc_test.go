package password

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// weak makes hashing cheap in tests that do not test the cost.
var weak = Cost{Memory: 8, Passes: 1, Threads: 1}

func hashOf(t testing.TB, c Cost, plain string) string {
	t.Helper()

	hash, err := c.hash(plain)
	if err != nil {
		t.Fatal(err)
	}

	return hash
}

// R-A6: the stored form.
func TestHash(t *testing.T) {
	t.Parallel()

	form := regexp.MustCompile(`^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`)

	first, second := hashOf(t, Standard, "a password"), hashOf(t, Standard, "a password")
	if !form.MatchString(first) || first == second {
		t.Errorf("hashes %s and %s", first, second)
	}

	for _, one := range []string{first, second} {
		if match, stale, err := Standard.verify(one, "a password"); !match || stale || err != nil {
			t.Errorf("match %t, stale %t, %v", match, stale, err)
		}
	}
}

// R-A3: nothing is cut off, and no case is folded.
func TestVerifyComparesEverything(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("x", MaxBytes)
	stored := hashOf(t, weak, long)

	for _, other := range []string{long[:72], long[:MaxBytes-1], long[:MaxBytes-1] + "y", strings.ToUpper(long), long + " ", " " + long, ""} {
		if match, _, err := weak.verify(stored, other); match || err != nil {
			t.Errorf("%d bytes: match %t, %v", len(other), match, err)
		}
	}

	if match, _, err := weak.verify(stored, long); !match || err != nil {
		t.Errorf("match %t, %v", match, err)
	}
}

// R-A7: a hash below the current parameters is reported as stale, once its password is verified.
func TestStale(t *testing.T) {
	t.Parallel()

	old := hashOf(t, weak, "a password")

	if match, stale, err := Standard.verify(old, "a password"); !match || !stale || err != nil {
		t.Errorf("match %t, stale %t, %v", match, stale, err)
	}

	if match, stale, _ := Standard.verify(old, "another"); match || stale {
		t.Errorf("match %t, stale %t", match, stale)
	}
}

func TestBcrypt(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("x", 72)

	raw, err := bcrypt.GenerateFromPassword([]byte(long), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}

	for plain, want := range map[string]bool{long: true, long + "tail": true, long[:71]: false, strings.ToUpper(long): false} {
		match, stale, err := Standard.verify(string(raw), plain)
		if match != want || stale != want || err != nil {
			t.Errorf("%d bytes: match %t, stale %t, %v", len(plain), match, stale, err)
		}
	}

	for _, stored := range []string{"$2", "$2a$", "$2a$31$" + strings.Repeat("a", 53), "$2a$13$" + strings.Repeat("a", 53), "$2a$10$short"} {
		if match, _, err := Standard.verify(stored, "x"); match || !errors.Is(err, errStored) {
			t.Errorf("%s: match %t, %v", stored, match, err)
		}
	}
}

// hostile are stored hashes of an attacker who wants to exhaust our memory or time.
func hostile() []string {
	const salt, key = "c2FsdHNhbHRzYWx0c2FsdA", "a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"

	var list []string
	for _, costs := range []string{
		fmt.Sprintf("m=%d,t=2,p=1", maxMemory+1), fmt.Sprintf("m=%d,t=2,p=1", uint32(math.MaxUint32)), "m=4294967296,t=2,p=1", "m=7,t=1,p=1", "m=0,t=1,p=1",
		"m=19456,t=0,p=1", "m=19456,t=21,p=1", "m=19456,t=4294967295,p=1", "m=19456,t=2,p=0", "m=19456,t=2,p=17", "m=19456,t=2,p=256",
		"m=-1,t=2,p=1", "m=19456,t=2", "m=19456,t=2,p=1,", "m=19456,t=2,p=1,x=1", " m=19456,t=2,p=1", "m=+19456,t=2,p=1", "m=019456,t=2,p=1",
		"t=2,m=19456,p=1", "", "m=,t=,p=",
	} {
		list = append(list, "$argon2id$v=19$"+costs+"$"+salt+"$"+key)
	}

	const costs = "m=19456,t=2,p=1"

	return append(list,
		"", "$", "$$$$$", "$argon2i$v=19$"+costs+"$"+salt+"$"+key, "$argon2id$v=16$"+costs+"$"+salt+"$"+key, "$argon2id$"+costs+"$"+salt+"$"+key,
		"$argon2id$v=19$"+costs+"$"+salt+"$"+key+"$", "x$argon2id$v=19$"+costs+"$"+salt+"$"+key,
		"$argon2id$v=19$"+costs+"$$"+key, "$argon2id$v=19$"+costs+"$"+salt+"$", "$argon2id$v=19$"+costs+"$c2FsdA$"+key,
		"$argon2id$v=19$"+costs+"$"+salt+"$"+strings.Repeat("A", 1<<20), "$argon2id$v=19$"+costs+"$"+strings.Repeat("A", 1<<20)+"$"+key,
		"$argon2id$v=19$"+costs+"$"+salt+"==$"+key, "$argon2id$v=19$"+costs+"$"+salt[:21]+"B$"+key, "password", "{SHA}x", "$6$rounds=1$x$y",
	)
}

// R-A7: the limits are checked before the allocation.
func TestHostileHashCostsNothing(t *testing.T) {
	var before, after runtime.MemStats

	runtime.ReadMemStats(&before)

	for _, stored := range hostile() {
		if match, _, err := Standard.verify(stored, "x"); match || !errors.Is(err, errStored) {
			t.Errorf("%.80q: match %t, %v", stored, match, err)
		}
	}

	runtime.ReadMemStats(&after)

	// The two long ones are decoded, a megabyte each; one hash alone would need 19.
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("took %d bytes", took)
	}
}

func FuzzParse(f *testing.F) {
	for _, stored := range hostile() {
		if len(stored) < 1000 {
			f.Add(stored)
		}
	}

	f.Add(hashOf(f, weak, "a password"))

	f.Fuzz(func(t *testing.T, stored string) {
		used, salt, key, err := parse(stored)
		if err != nil {
			return
		}

		if used.Memory > maxMemory || used.Passes > maxTime || used.Threads > maxThreads || used.Memory < 8 || used.Passes < 1 || used.Threads < 1 {
			t.Errorf("costs %+v", used)
		}

		if len(salt) < 8 || len(salt) > 64 || len(key) < 16 || len(key) > 64 {
			t.Errorf("%d bytes of salt, %d of key", len(salt), len(key))
		}
	})
}
