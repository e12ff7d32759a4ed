package factor

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"strconv"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// The key of the examples in both RFCs.
const rfcSecret = "12345678901234567890"

const modulus = 1_000_000 // six digits

// R-D2: RFC 4226, appendix D.
func TestCountersOfRFC4226(t *testing.T) {
	t.Parallel()

	for counter, want := range []string{
		"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
	} {
		if got := oneTimePassword([]byte(rfcSecret), int64(counter)); got != want {
			t.Errorf("counter %d: %s, want %s", counter, got, want)
		}
	}
}

// R-D2: RFC 6238, appendix B, SHA-1. Its codes have eight digits; ours are the last six.
func TestTimesOfRFC6238(t *testing.T) {
	t.Parallel()

	for seconds, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471",
		1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		if got := oneTimePassword([]byte(rfcSecret), stepAt(time.Unix(seconds, 0))); got != want[2:] {
			t.Errorf("at %d: %s, want %s", seconds, got, want[2:])
		}
	}
}

// computed follows the text of RFC 4226, section 5.3, without the library.
func computed(secret []byte, counter int64) string {
	mac := hmac.New(sha1.New, secret)
	_ = binary.Write(mac, binary.BigEndian, counter)

	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf

	return leading((binary.BigEndian.Uint32(sum[offset:]) &^ (1 << 31)) % modulus)
}

// R-D2, F-13, T-03: the codes are those of the RFC's text, and the library's own validation accepts the same.
func FuzzMatchStep(f *testing.F) {
	f.Add([]byte(rfcSecret), int64(59), int8(0), uint32(0))
	f.Add([]byte(rfcSecret), int64(1111111109), int8(1), uint32(0))
	f.Add([]byte(rfcSecret), int64(20000000000), int8(-1), uint32(0))
	f.Add([]byte("another secret, of 25 bytes"), int64(1234567890), int8(2), uint32(0))
	f.Add([]byte{0xff, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, int64(1763700000), int8(-2), uint32(0))
	f.Add([]byte("k"), int64(30), int8(0), uint32(123456))

	options := totp.ValidateOpts{Period: 30, Skew: 1, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

	f.Fuzz(func(t *testing.T, secret []byte, seconds int64, away int8, other uint32) {
		if seconds < 30 || seconds > 1<<40 || len(secret) == 0 || seconds+30*int64(away) < 0 {
			t.Skip()
		}

		now := time.Unix(seconds, 0)
		encoded := base32.StdEncoding.EncodeToString(secret)

		right := computed(secret, stepAt(now)+int64(away))
		if got := oneTimePassword(secret, stepAt(now)+int64(away)); got != right {
			t.Fatalf("got %s, want %s", got, right)
		}

		for _, code := range []string{right, leading(other % modulus)} {
			accepted, err := totp.ValidateCustom(code, encoded, now, options)
			if err != nil {
				t.Fatal(err)
			}

			step, found := matchStep(secret, now, code)
			if found != accepted {
				t.Errorf("%s at %d: ours says %v, theirs %v", code, seconds, found, accepted)
			}

			if found && oneTimePassword(secret, step) != code {
				t.Errorf("%s is not of step %d", code, step)
			}
		}
	})
}

func leading(n uint32) string { return strconv.Itoa(int(modulus + n))[1:] }

// R-D3: a code of two steps is accepted as the later one: the earlier may have been used.
func TestCodeOfTwoStepsIsTheLater(t *testing.T) {
	t.Parallel()

	// A step of this key whose code is also that of the next step.
	const step = 59061240

	secret := []byte(rfcSecret)

	code := oneTimePassword(secret, step)
	if code != oneTimePassword(secret, step+1) {
		t.Fatal("the codes are not the same")
	}

	for now := int64(step); now <= step+1; now++ {
		if got, found := matchStep(secret, time.Unix(now*period, 0), code); !found || got != step+1 {
			t.Errorf("in step %d: %d, %v, want %d", now, got, found, step+1)
		}
	}
}

// R-D4: the pairs, by their steps. Only two are consecutive and in the window.
func TestPairs(t *testing.T) {
	t.Parallel()

	secret, now := []byte(rfcSecret), time.Unix(1763700000, 0)
	accepted := map[[2]int64]bool{{-1, 0}: true, {0, 1}: true}

	for first := int64(-3); first <= 3; first++ {
		for second := int64(-3); second <= 3; second++ {
			step, found := matchPair(secret, now, [2]string{
				oneTimePassword(secret, stepAt(now)+first), oneTimePassword(secret, stepAt(now)+second),
			})

			if want := accepted[[2]int64{first, second}]; found != want || found && step != stepAt(now)+second {
				t.Errorf("steps %d and %d: %v, step %d, want %v", first, second, found, step-stepAt(now), want)
			}
		}
	}
}
