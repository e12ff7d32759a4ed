package signin_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// R-A7: a sign-in with the password replaces a hash that an import brought, on both surfaces, with and without a second
// factor.
func TestImportedHashIsReplacedBySignIn(t *testing.T) {
	t.Parallel()

	for _, second := range []bool{false, true} {
		for _, operation := range []string{"login", "signIn"} {
			t.Run(fmt.Sprintf("%s/second factor %t", operation, second), func(t *testing.T) {
				t.Parallel()

				g := world.NewGateway(t)
				email, browser := g.NewUser(t)
				values := map[string]any{"email": email, "password": apptest.Password}

				if second {
					secret := g.BindAuthenticator(t, browser)
					g.RequireSecondFactor(t, email)
					g.Clock.Advance(time.Minute)

					values["totp"] = g.TOTPCode(t, secret, 0)
				}

				g.Exec(t, "UPDATE account SET password_hash = $1 WHERE email = $2", djangoHash(t, apptest.Password), email)

				o := world.OperationByID(operation)
				call := g.Call(o).FromBrowser(g.Visitor)
				call.Body = o.Encode(values)

				if got := call.To(t, g.Server); got.Status >= http.StatusBadRequest {
					t.Fatalf("sign-in: %s", got)
				}

				var stored string
				if err := g.Pool.QueryRow(t.Context(), "SELECT password_hash FROM account WHERE email = $1", email).Scan(&stored); err != nil {
					t.Fatal(err)
				}

				if !strings.HasPrefix(stored, "$argon2id$") {
					t.Errorf("the stored hash is still %.20s", stored)
				}
			})
		}
	}
}

// djangoHash returns a hash as Django stores it.
func djangoHash(t *testing.T, plain string) string {
	t.Helper()

	key, err := pbkdf2.Key(sha256.New, plain, []byte("salt-of-8"), 1000, 32)
	if err != nil {
		t.Fatal(err)
	}

	return "pbkdf2_sha256$1000$salt-of-8$" + base64.StdEncoding.EncodeToString(key)
}
