//go:build battery

package attack_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// authenticator is an authenticator app (RFC 6238).
type authenticator struct{ secret []byte }

// code returns the code of the step that is n steps from now.
func (a authenticator) code(n int64) string {
	var step [8]byte

	binary.BigEndian.PutUint64(step[:], uint64(time.Now().Unix()/30+n))

	mac := hmac.New(sha1.New, a.secret)
	mac.Write(step[:])
	sum := mac.Sum(nil)
	number := binary.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff

	return fmt.Sprintf("%06d", number%1_000_000)
}

// newTOTP asks for the secret of an authenticator app, in a browser that is signed in.
func (c *client) newTOTP(t *testing.T) authenticator {
	t.Helper()

	r := c.call(t, http.MethodGet, "/user/totp", nil).must(t, "GET /user/totp")

	parsed, err := url.Parse(r.text("totp"))
	if err != nil {
		t.Fatal(err)
	}

	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(parsed.Query().Get("secret"))
	if err != nil || len(key) == 0 {
		t.Fatalf("GET /user/totp: %s", r.body)
	}

	return authenticator{key}
}

// bindTOTP binds an authenticator app in a browser that is signed in, and returns it with the recovery codes that the
// binding or the next request brings.
func (c *client) bindTOTP(t *testing.T) (authenticator, []string) {
	t.Helper()

	app := c.newTOTP(t)
	bound := c.call(t, http.MethodPost, "/user/totp", map[string]any{"tss": []string{app.code(-1), app.code(0)}}).must(t, "POST /user/totp")

	codes := texts(bound.value)
	if len(codes) == 0 {
		codes = texts(c.call(t, http.MethodPost, "/user/totp/recovery_codes", nil).must(t, "POST /user/totp/recovery_codes").value)
	}

	return app, codes
}

// texts returns the texts of the first list in an object.
func texts(object map[string]any) (list []string) {
	for _, value := range object {
		if values, ok := value.([]any); ok {
			for _, one := range values {
				if text, ok := one.(string); ok {
					list = append(list, text)
				}
			}
		}
	}

	return list
}

// forgetSteps lets the codes of authenticator apps be used again: tests do not wait half a minute for the next one.
func (g *gateway) forgetSteps(t *testing.T) {
	t.Helper()
	g.exec(t, "UPDATE totp SET last_step = 0")
}
