// Package randomid makes random bytes, and identifiers that cannot be guessed and never collide.
package randomid

import (
	"crypto/rand"
	"encoding/base64"
)

// Length is the length of an identifier, in characters.
const Length = 22

// New returns an identifier: 128 random bits in base64url without padding.
func New() string { return base64.RawURLEncoding.EncodeToString(Bytes(16)) }

// Bytes returns n random bytes. It never fails: crypto/rand ends the program instead.
func Bytes(n int) []byte {
	random := make([]byte, n)
	rand.Read(random)

	return random
}
