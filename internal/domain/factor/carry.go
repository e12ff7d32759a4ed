package factor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

// The shortest secret that is taken over from elsewhere, which is what the public service made, and the longest.
// Ours are of secretSize, see newSecret.
const (
	leastSecret = 10
	mostSecret  = 64
)

// ErrSecret says that a text is no secret in base32 that an authenticator app could have been given.
var ErrSecret = errors.New("factor: not a secret in base32")

// Secret is that of an authenticator app which was bound elsewhere, or is going elsewhere.
type Secret []byte

// ParseSecret reads base32, in capitals or not, padded or not.
func ParseSecret(text string) (Secret, error) {
	secret, err := base32NoPadding.DecodeString(strings.TrimRight(strings.ToUpper(text), "="))
	if err != nil || len(secret) < leastSecret || len(secret) > mostSecret {
		return nil, ErrSecret // the decoder's own message would tell of it
	}

	return secret, nil
}

// Bits is how much there is to guess.
func (s Secret) Bits() int { return 8 * len(s) }

// Weak says that it is shorter than one that is made here.
func (s Secret) Weak() bool { return len(s) < secretSize }

// Text is the secret in base32.
func (s Secret) Text() string { return base32NoPadding.EncodeToString(s) }

// Seal encrypts it as the column totp.secret holds it, for the row of that account and that id.
func (s Secret) Seal(keys *keyring.Keyring, accountID, id string) []byte {
	return keys.Seal(s, secretContext(accountID, id)...)
}

// OpenSecret decrypts what Seal made, or Bind.
func OpenSecret(keys *keyring.Keyring, sealed []byte, accountID, id string) (Secret, error) {
	secret, err := keys.Open(sealed, secretContext(accountID, id)...)
	if err != nil {
		return nil, fmt.Errorf("authenticator of %s: %w", accountID, err)
	}

	return secret, nil
}
