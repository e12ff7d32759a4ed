package password

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// The limits of imported hashes, besides those of Argon2id and bcrypt; see Limits.
const (
	maxBlocks        = 1 << 20 // scrypt's N·r·p, of 128 bytes each
	maxIterations256 = 1_200_000
	maxIterations512 = 600_000
)

// derivation is a stored hash of scrypt (RFC 7914) or PBKDF2 (RFC 8018), or of Firebase's variant of scrypt. derive returns size
// bytes.
type derivation struct {
	salt, key []byte
	derive    func(plain string, salt []byte, size int) ([]byte, error)
}

// foreignForm is one text form of a derivation. read receives what the parentheses of form match.
type foreignForm struct {
	form *regexp.Regexp
	read func(part []string) (derivation, error)
}

// foreignForms are those of PHC and passlib (they begin with a $), of Werkzeug (colons), of Django, and of Firebase. Werkzeug
// and Django use the salt's text as it is.
var foreignForms = []foreignForm{
	{
		regexp.MustCompile(`^\$scrypt\$ln=(\d{1,2}),r=(\d{1,4}),p=(\d{1,2})\$([A-Za-z0-9+/]{8,128})\$([A-Za-z0-9+/]{22,86})$`),
		func(part []string) (derivation, error) {
			ln := number(part[0])

			return newScrypt(1<<min(ln, 30), number(part[1]), number(part[2]), decode64(part[3]), decode64(part[4]))
		},
	},
	{
		regexp.MustCompile(`^scrypt:(\d{1,9}):(\d{1,4}):(\d{1,2})\$([!-#%-~]{8,128})\$([0-9a-f]{32,128})$`),
		func(part []string) (derivation, error) {
			return newScrypt(number(part[0]), number(part[1]), number(part[2]), []byte(part[3]), decodeHex(part[4]))
		},
	},
	{
		regexp.MustCompile(`^scrypt\$(\d{1,9})\$([!-#%-~]{8,128})\$(\d{1,4})\$(\d{1,2})\$([A-Za-z0-9+/]{22,86}={0,2})$`),
		func(part []string) (derivation, error) {
			return newScrypt(number(part[0]), number(part[2]), number(part[3]), []byte(part[1]), decode64(strings.TrimRight(part[4], "=")))
		},
	},
	{
		regexp.MustCompile(`^\$pbkdf2-(sha256|sha512)\$(?:i=)?(\d{1,9})(?:,l=\d{1,3})?\$([A-Za-z0-9./+]{8,128})\$([A-Za-z0-9./+]{22,86})$`),
		func(part []string) (derivation, error) {
			plus := strings.NewReplacer(".", "+")

			return newPBKDF2(part[0], number(part[1]), decode64(plus.Replace(part[2])), decode64(plus.Replace(part[3])))
		},
	},
	{
		regexp.MustCompile(`^pbkdf2:(sha256|sha512):(\d{1,9})\$([!-#%-~]{8,128})\$([0-9a-f]{32,128})$`),
		func(part []string) (derivation, error) {
			return newPBKDF2(part[0], number(part[1]), []byte(part[2]), decodeHex(part[3]))
		},
	},
	{
		regexp.MustCompile(`^pbkdf2_(sha256)\$(\d{1,9})\$([!-#%-~]{8,128})\$([A-Za-z0-9+/]{22,86}={0,2})$`),
		func(part []string) (derivation, error) {
			return newPBKDF2(part[0], number(part[1]), []byte(part[2]), decode64(strings.TrimRight(part[3], "=")))
		},
	},
	{firebaseForm, readFirebase},
}

func parseForeign(stored string) (derivation, error) {
	for _, one := range foreignForms {
		if part := one.form.FindStringSubmatch(stored); part != nil {
			d, err := one.read(part[1:])
			if err == nil && (len(d.salt) == 0 || len(d.key) < 16) {
				err = errStored
			}

			return d, err
		}
	}

	return derivation{}, errStored
}

func verifyForeign(stored, plain string) (match, stale bool, err error) {
	d, err := parseForeign(stored)
	if err != nil {
		return false, false, err
	}

	got, err := d.derive(plain, d.salt, len(d.key))
	if err != nil {
		return false, false, errStored
	}

	match = subtle.ConstantTimeCompare(got, d.key) == 1

	return match, match, nil
}

func newScrypt(n, r, p int, salt, key []byte) (derivation, error) {
	switch {
	case n <= 1 || n&(n-1) != 0 || r <= 0 || p <= 0:
		return derivation{}, errStored
	case n > maxBlocks || n*r*p > maxBlocks:
		return derivation{}, ErrCostly
	}

	return derivation{salt: salt, key: key, derive: func(plain string, salt []byte, size int) ([]byte, error) {
		return scrypt.Key([]byte(plain), salt, n, r, p, size)
	}}, nil
}

func newPBKDF2(name string, iterations int, salt, key []byte) (derivation, error) {
	digest, most := sha256.New, maxIterations256
	if name == "sha512" {
		digest, most = sha512.New, maxIterations512
	}

	switch {
	case iterations <= 0:
		return derivation{}, errStored
	case iterations > most:
		return derivation{}, ErrCostly
	}

	// A longer key, as Keycloak's, is one of several blocks, each of which costs as much. The first one is enough to compare.
	key = key[:min(len(key), digest().Size())]

	return derivation{salt: salt, key: key, derive: func(plain string, salt []byte, size int) ([]byte, error) {
		return pbkdf2.Key(digest, plain, salt, iterations, size)
	}}, nil
}

// number reads digits; the forms allow so few that nothing overflows.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)

	return n
}

// decode64 and decodeHex return nothing for invalid input.

func decode64(text string) []byte {
	raw, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil
	}

	return raw
}

func decodeHex(text string) []byte {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil
	}

	return raw
}
