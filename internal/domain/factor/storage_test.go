package factor_test

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"testing"
)

// R-D7, R-L1, T-29: the stored values contain neither a secret nor a recovery code, in any of the usual forms.
func TestStoredSecretsAreNotReadable(t *testing.T) {
	t.Parallel()

	env := setup(t)
	accountID, app := env.bound(t)
	codes := env.newRecoveryCodes(t, accountID)
	pending := env.pending(t, accountID)

	var dump string

	err := env.pool.QueryRow(t.Context(), `
		SELECT string_agg(row, E'\n') FROM (
			SELECT row_to_json(t)::text AS row FROM totp t
			UNION ALL SELECT row_to_json(p)::text FROM totp_pending p
			UNION ALL SELECT row_to_json(r)::text FROM recovery_code r) rows`).Scan(&dump)
	if err != nil {
		t.Fatal(err)
	}

	if n := strings.Count(dump, "\n") + 1; n != 2+len(codes) {
		t.Fatalf("%d rows", n)
	}

	for _, secret := range []string{app.key.Secret(), pending.key.Secret()} {
		raw, err := base32.StdEncoding.DecodeString(secret)
		if err != nil {
			t.Fatal(err)
		}

		expectHidden(t, dump, secret)
		expectHidden(t, dump, string(raw))
	}

	for _, code := range codes {
		expectHidden(t, dump, code)
		expectHidden(t, dump, strings.ReplaceAll(code, "-", ""))
	}
}

// expectHidden searches for the value, and for its digests without a key. Postgres writes bytes in hex.
func expectHidden(t *testing.T, dump, value string) {
	t.Helper()

	short, long := sha1.Sum([]byte(value)), sha256.Sum256([]byte(value))

	for _, form := range []string{value, hex.EncodeToString([]byte(value)), hex.EncodeToString(short[:]), hex.EncodeToString(long[:])} {
		if strings.Contains(dump, form) {
			t.Errorf("the database shows %q", form)
		}
	}
}
