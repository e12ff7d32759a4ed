package factor

import (
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// errNoSecret says that what was decrypted is not what was encrypted.
var errNoSecret = errors.New("factor: a secret of the wrong length")

var base32NoPadding = base32.StdEncoding.WithPadding(base32.NoPadding)

// newURL is the form that authenticator apps read ("Key Uri Format"). They take a plus sign for one, so a
// space is %20; and a colon parts the issuer from the account, so the issuer has none.
func newURL(issuer, label string, secret []byte) string {
	escape := func(s string) string {
		return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	}

	issuer = escape(strings.ReplaceAll(issuer, ":", " "))

	return fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		issuer, escape(label), base32NoPadding.EncodeToString(secret), issuer, digits, period)
}

// secretOf reads the secret out of what newURL made.
func secretOf(text string) ([]byte, error) {
	// No error of the parser's may be told on: it quotes its input.
	var encoded string
	if parsed, err := url.Parse(text); err == nil {
		encoded = parsed.Query().Get("secret")
	}

	secret, err := base32NoPadding.DecodeString(encoded)
	if err != nil || len(secret) != secretSize {
		return nil, errNoSecret
	}

	return secret, nil
}
