package factor

import (
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// errNoSecret reports that the decrypted text is not the encrypted one.
var errNoSecret = errors.New("factor: a secret of the wrong length")

var base32NoPadding = base32.StdEncoding.WithPadding(base32.NoPadding)

// newURL returns the URL in the form that authenticator apps read ("Key Uri Format"). Apps show a plus sign as it is,
// so a space is %20. A colon separates the issuer from the account, so colons are removed from the issuer.
func newURL(issuer, label string, secret []byte) string {
	escape := func(s string) string {
		return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	}

	issuer = escape(strings.ReplaceAll(issuer, ":", " "))

	return fmt.Sprintf("otpauth://totp/%s:%s?secret=%s&issuer=%s&algorithm=SHA1&digits=%d&period=%d",
		issuer, escape(label), base32NoPadding.EncodeToString(secret), issuer, digits, period)
}

// secretOf reads the secret out of a URL of newURL.
func secretOf(text string) ([]byte, error) {
	// The parser's error is not passed on: it quotes its input.
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
