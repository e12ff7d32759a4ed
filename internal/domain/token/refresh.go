package token

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"strconv"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
)

// A refresh token is the key id (1 byte), the session (16), the generation (8) and their
// HMAC-SHA-256 (32), in base64url without padding: 57 bytes, 76 characters, no spare bits. Nothing
// of it is stored, and the same generation always gives the same text.
const (
	refreshSize    = 1 + sessionIDSize + 8 + keyring.Size
	sessionIDSize  = 16
	refreshPurpose = "refresh token"
)

var encoding = base64.RawURLEncoding.Strict()

// Refresh derives and reads refresh tokens.
type Refresh struct {
	keys *keyring.Keyring
}

// NewRefresh returns a Refresh.
func NewRefresh(keys *keyring.Keyring) *Refresh { return &Refresh{keys: keys} }

// Derive returns the refresh token of a session's generation. sessionID is 16 bytes in base64url, as in the session's
// row.
func (r *Refresh) Derive(sessionID string, generation int64) string {
	session, err := encoding.DecodeString(sessionID)
	if err != nil || len(session) != sessionIDSize {
		panic("token: not a session id: " + strconv.Quote(sessionID))
	}

	id := r.keys.Current()
	mac, _ := r.mac(id, sessionID, generation)

	raw := make([]byte, 0, refreshSize)
	raw = append(raw, id)
	raw = append(raw, session...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(generation)) //nolint:gosec // never negative
	raw = append(raw, mac...)

	return encoding.EncodeToString(raw)
}

// Read returns the session and generation of a token that we derived, and false for any other text, without a query.
func (r *Refresh) Read(text string) (sessionID string, generation int64, ok bool) {
	if len(text) != base64.RawURLEncoding.EncodedLen(refreshSize) {
		return "", 0, false
	}

	raw, err := encoding.DecodeString(text)
	if err != nil || len(raw) != refreshSize {
		return "", 0, false
	}

	sessionID = encoding.EncodeToString(raw[1 : 1+sessionIDSize])
	generation = int64(binary.BigEndian.Uint64(raw[1+sessionIDSize:])) //nolint:gosec // checked by the MAC

	mac, known := r.mac(raw[0], sessionID, generation)
	if !known || !hmac.Equal(mac, raw[refreshSize-keyring.Size:]) {
		return "", 0, false
	}

	return sessionID, generation, true
}

func (r *Refresh) mac(id uint8, sessionID string, generation int64) ([]byte, bool) {
	return r.keys.Digest(id, refreshPurpose, sessionID, strconv.FormatInt(generation, 10))
}
