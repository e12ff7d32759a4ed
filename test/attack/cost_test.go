//go:build battery

package attack_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// cpu returns the CPU time that a replica has used so far.
func (r *replica) cpu(t *testing.T) time.Duration {
	t.Helper()

	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.pid))
	if err != nil {
		t.Fatal(err)
	}

	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])

	return time.Duration(user+system) * 10 * time.Millisecond // of a tick, as Linux counts for programs
}

// SEC-S7, T-03, R-J1: a JSON body of many members, or one that is deep, costs little before it is refused. It does not run
// beside others, because it measures.
func TestSECS7RefusedBodiesAreCheap(t *testing.T) {
	const (
		requests = 60
		most     = 5 * time.Millisecond
	)

	g := start(t, "NETWORK_SENDS=100000")

	var many, deep strings.Builder

	many.WriteString("{")

	for i := range 7600 {
		if i > 0 {
			many.WriteString(",")
		}

		fmt.Fprintf(&many, `"%s":1`, strconv.FormatInt(int64(i), 36))
	}

	many.WriteString("}")
	deep.WriteString(`{"refresh_token":` + strings.Repeat("[", 9990) + strings.Repeat("]", 9990) + "}")

	for _, path := range []string{"/api/auth/refresh", "/api/users/register", "/api/users/register/send-code"} {
		for name, body := range map[string]string{"7,600 members": many.String(), "9,990 levels": deep.String()} {
			c := g.client("203.0.113.66")
			c.pinned = g.replicas[0]
			before := c.pinned.cpu(t)

			var last reply

			for range requests {
				last = c.call(t, http.MethodPost, path, []byte(body))
			}

			each := (c.pinned.cpu(t) - before) / requests
			t.Logf("%s with %s (%d bytes): %s, %.1f ms of CPU each", path, name, len(body), last, float64(each.Microseconds())/1000)

			if each > most {
				t.Errorf("%s with %s costs %s of CPU, want at most %s", path, name, each, most)
			}
		}
	}
}

// SEC-S10, R-B2, T-22: the time of a wrong password does not tell which scheme an account has, or whether there is one. Medians,
// coarsely: the long timing test has the statistics. It does not run beside others, because it measures.
func TestSECS10WrongPasswordTakesOneTime(t *testing.T) {
	const (
		samples = 7
		most    = 25 * time.Millisecond
	)

	g := start(t, "FAILURES_FREE=100", "NETWORK_FAILURES=10000")
	salt := []byte("salt-of-16-bytes")
	hashed := map[string]string{}

	key, err := scrypt.Key([]byte(secret), salt, 32768, 8, 1, 64)
	if err != nil {
		t.Fatal(err)
	}

	hashed["scrypt 32768:8:1"] = fmt.Sprintf("scrypt:32768:8:1$%s$%s", salt, hex.EncodeToString(key))

	if key, err = pbkdf2.Key(sha256.New, secret, salt, 600_000, 32); err != nil {
		t.Fatal(err)
	}

	hashed["pbkdf2 600000"] = fmt.Sprintf("pbkdf2:sha256:600000$%s$%s", salt, hex.EncodeToString(key))

	for _, cost := range []int{10, 12} {
		hash, err := bcrypt.GenerateFromPassword([]byte(secret), cost)
		if err != nil {
			t.Fatal(err)
		}

		hashed[fmt.Sprintf("bcrypt %d", cost)] = string(hash)
	}

	g.account(t, "argon2id@konec.test", "None")

	addresses := map[string]string{"no account": "unknown@konec.test", "argon2id": "argon2id@konec.test"}

	for class, hash := range hashed {
		addresses[class] = strings.NewReplacer(" ", "-", ":", "-").Replace(class) + "@konec.test"
		g.imported(t, map[string]any{"email": addresses[class], "name": "Imported", "passwordHash": hash})
	}

	times := map[string][]time.Duration{}
	c := g.client("203.0.113.66")
	c.pinned = g.replicas[0] // each replica has a time of its own

	for range samples {
		for class, address := range addresses { // in another order each time
			r := c.login(t, address, "wrong")
			if r.status != http.StatusUnauthorized {
				t.Fatalf("%s: %s", class, r)
			}

			times[class] = append(times[class], r.took)
		}
	}

	var medians []time.Duration

	for class, all := range times {
		slices.Sort(all)
		medians = append(medians, all[samples/2])
		t.Logf("%-18s median %3d ms, from %3d to %3d ms", class, all[samples/2].Milliseconds(), all[0].Milliseconds(), all[samples-1].Milliseconds())
	}

	if spread := slices.Max(medians) - slices.Min(medians); spread > most {
		t.Errorf("the medians differ by %d ms, want at most %s", spread.Milliseconds(), most)
	}
}
