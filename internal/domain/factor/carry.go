package factor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

// The shortest and the longest secret accepted from another system; the public service made the shortest. Our own
// secrets have secretSize, see newSecret.
const (
	leastSecret = 10
	mostSecret  = 64
)

// ErrSecret reports a text that is not a base32 secret of an authenticator app.
var ErrSecret = errors.New("factor: not a secret in base32")

// Secret is the secret of an authenticator app that is imported or exported.
type Secret []byte

// ParseSecret reads base32, in upper or lower case, with or without padding.
func ParseSecret(text string) (Secret, error) {
	secret, err := base32NoPadding.DecodeString(strings.TrimRight(strings.ToUpper(text), "="))
	if err != nil || len(secret) < leastSecret || len(secret) > mostSecret {
		return nil, ErrSecret // the decoder's own message would quote the secret
	}

	return secret, nil
}

// Bits returns the secret's length in bits.
func (s Secret) Bits() int { return 8 * len(s) }

// Weak reports whether the secret is shorter than those made here.
func (s Secret) Weak() bool { return len(s) < secretSize }

// Text returns the secret in base32.
func (s Secret) Text() string { return base32NoPadding.EncodeToString(s) }

// Seal encrypts the secret as the column totp.secret stores it, for the row with that account and id.
func (s Secret) Seal(keys *keyring.Keyring, accountID, id string) []byte {
	return keys.Seal(s, secretContext(accountID, id)...)
}

// OpenSecret decrypts what Seal or Bind stored.
func OpenSecret(keys *keyring.Keyring, sealed []byte, accountID, id string) (Secret, error) {
	secret, err := keys.Open(sealed, secretContext(accountID, id)...)
	if err != nil {
		return nil, fmt.Errorf("authenticator of %s: %w", accountID, err)
	}

	return secret, nil
}
