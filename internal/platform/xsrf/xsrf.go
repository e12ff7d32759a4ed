// Package xsrf mints and verifies the values that a page must send back to prove that it is ours: an HMAC over a random
// part, bound to a session or to a browser without one. It stores nothing.
package xsrf

import (
	"crypto/hmac"
	"encoding/base64"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

const (
	randomSize = 16
	tokenSize  = 1 + randomSize + keyring.Size
)

// Guard mints and verifies tokens.
type Guard struct {
	keys *keyring.Keyring
}

// New returns a Guard.
func New(keys *keyring.Keyring) *Guard { return &Guard{keys: keys} }

// Mint returns a token that is valid for the binding only: 66 characters of base64url. Several tokens of one binding
// are valid at once.
func (g *Guard) Mint(binding string) string {
	token := append([]byte{g.keys.Current()}, randomid.Bytes(randomSize)...)

	return base64.RawURLEncoding.EncodeToString(append(token, g.mac(token, binding)...))
}

// Valid reports whether the token was minted for the binding.
func (g *Guard) Valid(token, binding string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != tokenSize || binding == "" {
		return false
	}

	mac := g.mac(raw[:1+randomSize], binding)

	return mac != nil && hmac.Equal(raw[1+randomSize:], mac)
}

// mac returns nil if the key is no longer configured.
func (g *Guard) mac(head []byte, binding string) []byte {
	mac, _ := g.keys.Digest(head[0], "xsrf", binding, string(head[1:]))

	return mac
}
