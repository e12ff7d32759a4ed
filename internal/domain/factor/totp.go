package factor

import (
	"crypto/subtle"
	"time"

	"github.com/pquerna/otp/hotp"
)

const (
	secretSize = 20 // bytes
	digits     = 6
	period     = 30 // seconds
)

// oneTimePassword is HOTP (RFC 4226, section 5.3); with a time step as the counter it is TOTP (RFC 6238).
func oneTimePassword(secret []byte, step int64) string {
	code, err := hotp.GenerateCode(base32NoPadding.EncodeToString(secret), uint64(step)) //nolint:gosec // not before 1970
	if err != nil {
		panic(err) // unreachable: the only error is invalid base32, and we encode it
	}

	return code
}

// stepAt returns the number of the time step.
func stepAt(t time.Time) int64 { return t.Unix() / period }

// matchStep finds the step that the code is of, among the current one and the two next to it. The library's own validation
// does not return the step, which the caller needs to accept a code only once. All three are compared whatever the outcome,
// so that the time reveals nothing. If a code is that of two steps, the later is meant: the earlier may have been used.
func matchStep(secret []byte, now time.Time, code string) (step int64, found bool) {
	for candidate := stepAt(now) - 1; candidate <= stepAt(now)+1; candidate++ {
		if same(oneTimePassword(secret, candidate), code) {
			step, found = candidate, true
		}
	}

	return step, found
}

// matchPair returns the first of two consecutive steps that the codes belong to, both within the same three steps.
func matchPair(secret []byte, now time.Time, codes [2]string) (second int64, found bool) {
	for candidate := stepAt(now); candidate <= stepAt(now)+1; candidate++ {
		first := same(oneTimePassword(secret, candidate-1), codes[0])
		if same(oneTimePassword(secret, candidate), codes[1]) && first {
			second, found = candidate, true
		}
	}

	return second, found
}

// same compares in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
