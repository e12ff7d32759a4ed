package privacy_test

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// The classes of accounts whose time must not differ, besides those of world.
const (
	classCostlier = "argon2id-64mib-3"
	classScrypt   = "scrypt-werkzeug"
	classPBKDF2   = "pbkdf2-600000"
	classBcrypt10 = "bcrypt-10"
	classBcrypt12 = "bcrypt-12"
)

var schemeClasses = []string{classCostlier, classScrypt, classPBKDF2, classBcrypt10, classBcrypt12}

// importedHash returns a hash of apptest.Password, as an import brings it. It costs what the name says, or next to nothing.
func importedHash(t *testing.T, class string, full bool) string {
	t.Helper()

	salt := []byte("salt-of-16-bytes")

	cost := func(real, free int) int {
		if full {
			return real
		}

		return free
	}

	must := func(key []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}

		return key
	}

	switch class {
	case classCostlier:
		memory := cost(65536, 64)
		key := argon2.IDKey([]byte(apptest.Password), salt, 3, uint32(memory), 1, 32)

		return fmt.Sprintf("$argon2id$v=19$m=%d,t=3,p=1$%s$%s", memory, base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
	case classScrypt:
		n := cost(32768, 16)

		return fmt.Sprintf("scrypt:%d:8:1$%s$%s", n, salt, hex.EncodeToString(must(scrypt.Key([]byte(apptest.Password), salt, n, 8, 1, 64))))
	case classPBKDF2:
		n := cost(600_000, 10)

		return fmt.Sprintf("pbkdf2:sha256:%d$%s$%s", n, salt, hex.EncodeToString(must(pbkdf2.Key(sha256.New, apptest.Password, salt, n, 32))))
	case classBcrypt10:
		return string(must(bcrypt.GenerateFromPassword([]byte(apptest.Password), cost(10, 4))))
	default:
		return string(must(bcrypt.GenerateFromPassword([]byte(apptest.Password), cost(12, 4))))
	}
}

// newSchemes returns a population that has an account of every scheme, too.
func newSchemes(t *testing.T, full bool, change ...func(*apptest.Settings)) *world.Population {
	t.Helper()

	p := world.NewPopulation(t, change...)
	for _, class := range schemeClasses {
		account := p.Account(t, world.AddressOfClass(class))
		p.Exec(t, `UPDATE account SET password_hash = $1 WHERE id = $2`, importedHash(t, class, full), account.ID)
	}

	return p
}

// SEC-S10, R-B2: the refusal of a password is sent at its time, the same for every class and scheme: here in an hour. A right
// one gets its response at once, though more refusals wait than there are slots to hash, slots at the gate, and connections.
func TestRefusalsWaitAndHoldNothing(t *testing.T) {
	t.Parallel()

	p := newSchemes(t, false, func(c *apptest.Settings) {
		c.HashConcurrency, c.DatabaseMaxConns = 1, 4
	})
	p.App.Hasher.SetStep(time.Hour) // the population has been refused already

	classes := append([]string{world.ClassUnknown, world.ClassVerified, world.ClassDisabled, world.ClassPasswordless}, schemeClasses...)
	refused := func() (n int) {
		if err := p.Pool.QueryRow(t.Context(), `SELECT count(*) FROM audit_event WHERE action = 'sign_in.failed'`).Scan(&n); err != nil {
			t.Fatal(err)
		}

		return n
	}

	before := refused()
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan string, len(classes))

	for _, class := range classes {
		go func() {
			answered <- class + ": " + outcome(ctx, p, world.AddressOfClass(class))
		}()
	}

	apptest.Eventually(t, "a refusal of every class", func() bool { return refused() == before+len(classes) })

	if got := world.LoginCall(world.AddressOfClass(world.ClassExpecting), apptest.Password).To(t, p.Server); got.Status != http.StatusOK {
		t.Errorf("a right password meanwhile: %s", got)
	}

	if n := len(answered); n > 0 {
		t.Errorf("%d are answered already", n)
	}

	cancel()

	for range classes {
		if got := <-answered; !strings.Contains(got, context.Canceled.Error()) {
			t.Error(got)
		}
	}
}

// outcome signs in with a wrong password and returns the status, or why there was none.
func outcome(ctx context.Context, p *world.Population, email string) string {
	one := world.LoginCall(email, "a wrong password")

	request, err := http.NewRequestWithContext(ctx, one.Method, p.URL+one.Path, strings.NewReader(one.Body))
	if err != nil {
		return err.Error()
	}

	request.Header = one.Header

	response, err := p.HTTP.Client().Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()

	return response.Status
}
