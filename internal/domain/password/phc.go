package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

var (
	errFull   = errors.New("password: every hash permit is taken")
	errStored = errors.New("password: the stored hash is not of a form we know")
)

// params are the cost parameters of Argon2id (RFC 9106).
type params struct {
	memory  uint32 // KiB
	time    uint32
	threads uint8
}

// standard is the first choice of the OWASP password storage cheat sheet.
var standard = params{memory: 19 * 1024, time: 2, threads: 1}

// The bounds of a stored hash are checked before anything is allocated for it: a row that
// somebody wrote must not be able to eat the machine.
const (
	maxMemory  = 1 << 20 // KiB
	maxTime    = 20
	maxThreads = 16

	saltSize = 16
	hashSize = 32
)

func (p params) hash(plain string) (string, error) {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("salt: %w", err)
	}

	return p.format(salt, argon2.IDKey([]byte(plain), salt, p.time, p.memory, p.threads, hashSize)), nil
}

// decoy is a hash of no password: its key is random, and nothing was computed to make it.
func (p params) decoy() (string, error) {
	random := make([]byte, saltSize+hashSize)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("salt: %w", err)
	}

	return p.format(random[:saltSize], random[saltSize:]), nil
}

func (p params) format(salt, key []byte) string {
	encode := base64.RawStdEncoding.EncodeToString

	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.memory, p.time, p.threads, encode(salt), encode(key))
}

// verify understands our own hashes, and those of accounts that came from elsewhere.
func (p params) verify(stored, plain string) (match, stale bool, err error) {
	switch Scheme(stored) {
	case schemeBcrypt:
		return verifyBcrypt(stored, plain)
	case schemeScrypt, schemePBKDF2:
		return verifyForeign(stored, plain)
	}

	used, salt, key, err := parse(stored)
	if err != nil {
		return false, false, err
	}

	got := argon2.IDKey([]byte(plain), salt, used.time, used.memory, used.threads, uint32(len(key))) //nolint:gosec // parse bounds it
	match = subtle.ConstantTimeCompare(got, key) == 1
	weaker := used.memory < p.memory || used.time < p.time || len(salt) < saltSize

	return match, match && weaker, nil
}

// bcryptForm allows a cost of up to 15, which is about two seconds: beyond it somebody else chose how long we compute.
var bcryptForm = regexp.MustCompile(`^\$2[aby]\$(0[4-9]|1[0-5])\$[./A-Za-z0-9]{53}$`)

func verifyBcrypt(stored, plain string) (match, stale bool, err error) {
	if !bcryptForm.MatchString(stored) {
		return false, false, errStored
	}

	// bcrypt itself reads 72 bytes, and so did the system that made this hash.
	text := []byte(plain)
	if len(text) > 72 {
		text = text[:72]
	}

	match = bcrypt.CompareHashAndPassword([]byte(stored), text) == nil

	return match, match, nil
}

// parse reads $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func parse(stored string) (used params, salt, key []byte, err error) {
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v=19" {
		return params{}, nil, nil, errStored
	}

	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &used.memory, &used.time, &used.threads)
	if err != nil || n != 3 || fmt.Sprintf("m=%d,t=%d,p=%d", used.memory, used.time, used.threads) != parts[3] {
		return params{}, nil, nil, errStored
	}

	if used.memory < 8 || used.memory > maxMemory || used.time < 1 || used.time > maxTime || used.threads < 1 || used.threads > maxThreads {
		return params{}, nil, nil, errStored
	}

	strict := base64.RawStdEncoding.Strict()
	if salt, err = strict.DecodeString(parts[4]); err != nil || len(salt) < 8 || len(salt) > 64 {
		return params{}, nil, nil, errStored
	}

	if key, err = strict.DecodeString(parts[5]); err != nil || len(key) < 16 || len(key) > 64 {
		return params{}, nil, nil, errStored
	}

	return used, salt, key, nil
}

const (
	schemeArgon2id = "argon2id"
	schemeBcrypt   = "bcrypt"
	schemeScrypt   = "scrypt"
	schemePBKDF2   = "pbkdf2"
)

// Scheme names how a stored password was hashed: argon2id, bcrypt, scrypt, pbkdf2, or empty for none of them.
func Scheme(stored string) string {
	switch {
	case strings.HasPrefix(stored, "$argon2id$"):
		return schemeArgon2id
	case strings.HasPrefix(stored, "$2"):
		return schemeBcrypt
	case strings.HasPrefix(stored, "$scrypt$"), strings.HasPrefix(stored, "scrypt:"):
		return schemeScrypt
	case strings.HasPrefix(stored, "$pbkdf2-"), strings.HasPrefix(stored, "pbkdf2:"), strings.HasPrefix(stored, "pbkdf2_"):
		return schemePBKDF2
	default:
		return ""
	}
}

// Verifiable says that Verify could compare a password with a hash from elsewhere: its scheme, form and costs are such.
func Verifiable(stored string) bool {
	var err error

	switch Scheme(stored) {
	case schemeBcrypt:
		return bcryptForm.MatchString(stored)
	case schemeScrypt, schemePBKDF2:
		_, err = parseForeign(stored)
	default:
		_, _, _, err = parse(stored)
	}

	return err == nil
}
