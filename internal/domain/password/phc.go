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
	errFull   = errors.New("password: all slots are in use")
	errStored = errors.New("password: the form of the stored hash is unknown")

	// ErrCostly is returned for a hash that would cost more than any password may; see Limits.
	ErrCostly = fmt.Errorf("%w: it costs too much", errStored)
)

// Cost is the cost of an Argon2id hash (RFC 9106, section 3.1).
type Cost struct {
	Memory  uint32 // in KiB
	Passes  uint32
	Threads uint8
}

// Standard is the first choice of the OWASP password storage cheat sheet, and the cost of every hash except in tests.
var Standard = Cost{Memory: 19 * 1024, Passes: 2, Threads: 1}

// Limits are the most that a stored hash may cost, in words. At each limit a usual machine needs at most 400 ms; see
// Measure for why that matters.
const Limits = "Argon2id to 128 MiB, and to 256 MiB over all passes; bcrypt to cost 12; scrypt to N·r·p = 1048576; " +
	"PBKDF2 to 1200000 iterations of SHA-256, or 600000 of SHA-512"

// The limits of a stored hash are checked before anything is allocated for it: a manipulated row must not exhaust the
// machine's memory.
const (
	maxMemory  = 1 << 17 // KiB
	maxFilled  = 1 << 18 // KiB, over all passes
	maxTime    = 20
	maxThreads = 16
	maxBcrypt  = 12

	maxBcryptText = 72 // bytes

	saltSize = 16
	hashSize = 32
)

func (c Cost) hash(plain string) (string, error) {
	salt := make([]byte, saltSize)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("salt: %w", err)
	}

	return c.format(salt, argon2.IDKey([]byte(plain), salt, c.Passes, c.Memory, c.Threads, hashSize)), nil
}

// decoy is a hash without a password: its key is random, and nothing is computed to make it.
func (c Cost) decoy() (string, error) {
	random := make([]byte, saltSize+hashSize)
	if _, err := rand.Read(random); err != nil {
		return "", fmt.Errorf("salt: %w", err)
	}

	return c.format(random[:saltSize], random[saltSize:]), nil
}

func (c Cost) format(salt, key []byte) string {
	encode := base64.RawStdEncoding.EncodeToString

	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, c.Memory, c.Passes, c.Threads, encode(salt), encode(key))
}

// verify supports our own hashes and those of imported accounts.
func (c Cost) verify(stored, plain string) (match, stale bool, err error) {
	if inner, before := unwrap(stored); inner != stored {
		if before != nil {
			plain = before(plain)
		}

		match, stale, err = c.verify(inner, plain)

		return match, stale || match && before != nil, err
	}

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

	got := argon2.IDKey([]byte(plain), salt, used.Passes, used.Memory, used.Threads, uint32(len(key))) //nolint:gosec // parse bounds it
	match = subtle.ConstantTimeCompare(got, key) == 1
	weaker := used.Memory < c.Memory || used.Passes < c.Passes || len(salt) < saltSize

	return match, match && weaker, nil
}

var bcryptForm = regexp.MustCompile(`^\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$`)

func checkBcrypt(stored string) error {
	part := bcryptForm.FindStringSubmatch(stored)

	switch {
	case part == nil:
		return errStored
	case number(part[1]) > maxBcrypt:
		return ErrCostly
	}

	return nil
}

func verifyBcrypt(stored, plain string) (match, stale bool, err error) {
	if err := checkBcrypt(stored); err != nil {
		return false, false, err
	}

	// bcrypt itself reads no more, and so did the system that made this hash.
	text := []byte(plain)
	match = bcrypt.CompareHashAndPassword([]byte(stored), text[:min(len(text), maxBcryptText)]) == nil

	return match, match, nil
}

// renewable reports whether a hash of the password may take the place of the stored one, which has just matched. Of a long
// password bcrypt has compared only the beginning: with another end it is not the user's.
func renewable(stored, plain string) bool {
	inner, before := unwrap(stored)

	return before != nil || Scheme(inner) != schemeBcrypt || len(plain) <= maxBcryptText
}

// made reports whether the stored hash has the cost of a new one.
func (c Cost) made(stored string) bool {
	used, _, _, err := parse(stored)

	return err == nil && used == c
}

// parse reads $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func parse(stored string) (used Cost, salt, key []byte, err error) {
	parts := strings.Split(stored, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v=19" {
		return Cost{}, nil, nil, errStored
	}

	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &used.Memory, &used.Passes, &used.Threads)
	if err != nil || n != 3 || fmt.Sprintf("m=%d,t=%d,p=%d", used.Memory, used.Passes, used.Threads) != parts[3] {
		return Cost{}, nil, nil, errStored
	}

	if used.Memory < 8 || used.Passes < 1 || used.Threads < 1 {
		return Cost{}, nil, nil, errStored
	}

	if used.Memory > maxMemory || uint64(used.Memory)*uint64(used.Passes) > maxFilled || used.Passes > maxTime || used.Threads > maxThreads {
		return Cost{}, nil, nil, ErrCostly
	}

	strict := base64.RawStdEncoding.Strict()
	if salt, err = strict.DecodeString(parts[4]); err != nil || len(salt) < 8 || len(salt) > 64 {
		return Cost{}, nil, nil, errStored
	}

	if key, err = strict.DecodeString(parts[5]); err != nil || len(key) < 16 || len(key) > 64 {
		return Cost{}, nil, nil, errStored
	}

	return used, salt, key, nil
}

const (
	schemeArgon2id = "argon2id"
	schemeBcrypt   = "bcrypt"
	schemeScrypt   = "scrypt"
	schemePBKDF2   = "pbkdf2"
)

// Scheme returns how a stored password was hashed: argon2id, bcrypt, scrypt, pbkdf2, or empty for none of them.
func Scheme(stored string) string {
	switch {
	case strings.HasPrefix(stored, "$argon2id$"), strings.HasPrefix(stored, "argon2$"):
		return schemeArgon2id
	case strings.HasPrefix(stored, "$2"), strings.HasPrefix(stored, "bcrypt"), strings.HasPrefix(stored, "$bcrypt-"):
		return schemeBcrypt
	case strings.HasPrefix(stored, "$scrypt$"), strings.HasPrefix(stored, "scrypt:"), strings.HasPrefix(stored, "scrypt$"),
		strings.HasPrefix(stored, "$fbscrypt$"):
		return schemeScrypt
	case strings.HasPrefix(stored, "$pbkdf2-"), strings.HasPrefix(stored, "pbkdf2:"), strings.HasPrefix(stored, "pbkdf2_"):
		return schemePBKDF2
	default:
		return ""
	}
}

// Verifiable returns why Verify would not compare a password with an imported hash: its scheme or form is unknown, or it
// is ErrCostly.
func Verifiable(stored string) (err error) {
	stored, _ = unwrap(stored)

	switch Scheme(stored) {
	case schemeBcrypt:
		err = checkBcrypt(stored)
	case schemeScrypt, schemePBKDF2:
		_, err = parseForeign(stored)
	default:
		_, _, _, err = parse(stored)
	}

	return err
}
