package password

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
)

// firebaseText is what Firebase shows of the project of its own example (github.com/firebase/scrypt).
const firebaseText = `hash_config {
  algorithm: SCRYPT,
  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}
`

const (
	firebaseSalt = "42xEC+ixf3L2lw=="
	firebaseHash = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ=="
)

// Hashes of Firebase are verified with the parameters of their project: its own example, in both alphabets of base64.
func TestFirebaseHash(t *testing.T) {
	t.Parallel()

	config, err := ParseFirebaseConfig(firebaseText)
	if err != nil {
		t.Fatal(err)
	}

	stored := config.Hash(firebaseHash, firebaseSalt)
	web := strings.NewReplacer("+", "-", "/", "_", "=", "")

	if other := config.Hash(web.Replace(firebaseHash), web.Replace(firebaseSalt)); other != stored {
		t.Errorf("%s and %s", stored, other)
	}

	if err := Verifiable(stored); err != nil || Scheme(stored) != schemeScrypt {
		t.Errorf("%s: %v, scheme %s", stored, err, Scheme(stored))
	}

	if match, stale, err := Standard.verify(stored, "user1password"); !match || !stale || err != nil {
		t.Errorf("match %t, stale %t, %v", match, stale, err)
	}

	// Neither the signer key nor the hash that it encrypts to is stored. A hash of another system that has both loses them, too.
	for _, secret := range []string{"jxspr8Ki0RYy", "lSrfV15cpx95"} {
		if strings.Contains(stored, secret) {
			t.Errorf("%s has %s", stored, secret)
		}
	}

	supabase := "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=" + standard64(config.signerKey) + "$" + firebaseSalt + "$" + firebaseHash
	if match, _, err := Standard.verify(supabase, "user1password"); !match || err != nil || WithoutSigner(supabase) != stored || WithoutSigner(stored) != stored {
		t.Errorf("%s: match %t, %v, stored as %s", supabase, match, err, WithoutSigner(supabase))
	}

	for _, other := range []string{"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", "", "$fbscrypt$v=1,n=14", strings.Replace(supabase, "$lSrf", "$lSrfAAAA", 1)} {
		if got := WithoutSigner(other); got != other {
			t.Errorf("%s became %s", other, got)
		}
	}

	for _, other := range []string{"user1Password", "user1password ", "user1passwor", ""} {
		if match, _, err := Standard.verify(stored, other); match || err != nil {
			t.Errorf("%q: match %t, %v", other, match, err)
		}
	}

	// The hash depends on each parameter.
	for _, change := range [][2]string{{"n=14", "n=13"}, {"r=8", "r=7"}, {"ss=Bw==", "ss=CA=="}, {"sk=AA", "sk=aA"}, {"$42x", "$52x"}} {
		changed := strings.Replace(stored, change[0], change[1], 1)
		if match, _, err := Standard.verify(changed, "user1password"); match || err != nil || changed == stored {
			t.Errorf("%s: match %t, %v", changed, match, err)
		}
	}

	// What cannot be compared, or costs too much, is known at the import.
	for _, change := range [][2]string{{"n=14", "n=21"}, {"r=8", "r=999"}, {"sk=", "sk=AAAA"}, {"v=1", "v=2"}, {"$42xEC+ixf3L2lw==$", "$$"}} {
		if changed := strings.Replace(stored, change[0], change[1], 1); Verifiable(changed) == nil || changed == stored {
			t.Errorf("%s is verifiable", changed)
		}
	}
}

func TestFirebaseConfig(t *testing.T) {
	t.Parallel()

	want, err := ParseFirebaseConfig(firebaseText)
	if err != nil {
		t.Fatal(err)
	}

	key := base64.StdEncoding.EncodeToString(want.signerKey)

	for _, text := range []string{
		strings.ReplaceAll(firebaseText, "\n", " "), strings.ReplaceAll(firebaseText, "\n", "\r\n"),
		`{"algorithm":"SCRYPT","base64_signer_key":"` + key + `","base64_salt_separator":"Bw==","rounds":8,"mem_cost":14}`,
	} {
		if got, err := ParseFirebaseConfig(text); err != nil || got.Hash(firebaseHash, firebaseSalt) != want.Hash(firebaseHash, firebaseSalt) {
			t.Errorf("%s: %v", text, err)
		}
	}

	for _, change := range [][2]string{
		{"SCRYPT", "BCRYPT"}, {"rounds: 8", "rounds: 0"}, {"mem_cost: 14", "mem_cost: 0"}, {"mem_cost: 14", "mem_cost: 99999999999999999999"}, {"mem_cost: 14", "mem_cost: 40"},
		{"jxspr8", "<...sensitive...>"}, {"base64_signer_key", "signer_key"}, {firebaseText, ""}, {firebaseText, `{"users":[]}`},
	} {
		if _, err := ParseFirebaseConfig(strings.Replace(firebaseText, change[0], change[1], 1)); !errors.Is(err, ErrFirebaseConfig) {
			t.Errorf("%q: %v", change, err)
		}
	}
}

// Hashes of Keycloak, made by Python's hashlib: of its keys of 64 bytes one block of SHA-256 is compared, so that they cost no
// more than others.
func TestKeycloakHash(t *testing.T) {
	t.Parallel()

	const salt = "MDEyMzQ1Njc4OWFiY2RlZg=="

	sha256 := "yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplLYbawB4lwjdPCI3Ns1d3pRT9/+PGa1sFXN8qwjZx9S8g=="
	sha512 := "5bTW2oeyDJyGJPcmEr+mRDE11ghpozWrDGnSNhRXo2ZCu0KHRDiUMAVEGzLJC+oDhRoeIja9J1iLIv9ptDJMfQ=="

	for algorithm, value := range map[string]string{"pbkdf2-sha256": sha256, "pbkdf2-sha512": sha512} {
		stored, ok := KeycloakHash(algorithm, 1000, nil, salt, value)
		if !ok || Verifiable(stored) != nil {
			t.Fatalf("%s: %s, %t, %v", algorithm, stored, ok, Verifiable(stored))
		}

		if match, stale, err := Standard.verify(stored, "correct horse battery staple"); !match || !stale || err != nil {
			t.Errorf("%s: match %t, stale %t, %v", algorithm, match, stale, err)
		}

		if match, _, err := Standard.verify(stored, "correct horse battery stapler"); match || err != nil {
			t.Errorf("%s, another password: match %t, %v", algorithm, match, err)
		}
	}

	d, err := parseForeign("$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg$" + strings.NewReplacer("+", ".", "=", "").Replace(sha256))
	if err != nil || len(d.key) != 32 {
		t.Errorf("%d bytes are compared, %v", len(d.key), err)
	}

	own := hashOf(t, weak, "a password")
	part := strings.Split(own, "$")

	stored, ok := KeycloakHash("argon2", int64(weak.Passes), map[string]string{"type": "id", "version": "1.3", "memory": "8", "parallelism": "1"}, part[4], part[5])
	if !ok || stored != own {
		t.Errorf("%s became %s, %t", own, stored, ok)
	}

	for algorithm, parameters := range map[string]map[string]string{"pbkdf2": nil, "argon2": {"type": "i", "version": "1.3"}, "": nil, "md5": nil} {
		if stored, ok := KeycloakHash(algorithm, 1, parameters, salt, sha256); ok {
			t.Errorf("%s: %s", algorithm, stored)
		}
	}
}
