// Package randomid makes identifiers that nobody can guess and that never meet.
package randomid

import (
	"crypto/rand"
	"encoding/base64"
)

// New is 128 random bits in base64url without padding: 22 characters.
func New() string {
	var id [16]byte

	rand.Read(id[:]) // never fails: crypto/rand stops the program instead

	return base64.RawURLEncoding.EncodeToString(id[:])
}
