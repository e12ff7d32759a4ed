package factor

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 4226 asks for it; what breaks SHA-1 does not break HMAC with it
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"
)

const (
	secretSize = 20 // bytes
	digits     = 6
	period     = 30 // seconds
	modulus    = 1_000_000
)

// oneTimePassword is HOTP (RFC 4226, section 5.3); with a step of time for a counter it is TOTP (RFC
// 6238). It is written here, and not a library's, because who asks has to know which step a code is of,
// to let it be used once.
func oneTimePassword(secret []byte, step int64) string {
	mac := hmac.New(sha1.New, secret)
	binary.Write(mac, binary.BigEndian, step) //nolint:errcheck // a hash takes everything

	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	number := binary.BigEndian.Uint32(sum[offset:]) &^ (1 << 31)

	return fmt.Sprintf("%0*d", digits, number%modulus)
}

// stepAt is the number of the step that the time is in.
func stepAt(t time.Time) int64 { return t.Unix() / period }

// matchStep finds the step that the code is of, among the current one and its two neighbours. All three are
// compared whatever the outcome, so that the time says nothing. Should a code be that of two steps, the
// later is meant: the earlier may have been used.
func matchStep(secret []byte, now time.Time, code string) (step int64, found bool) {
	for candidate := stepAt(now) - 1; candidate <= stepAt(now)+1; candidate++ {
		if same(oneTimePassword(secret, candidate), code) {
			step, found = candidate, true
		}
	}

	return step, found
}

// matchPair finds the first of two steps in a row that the codes are of, both within the same three steps.
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
