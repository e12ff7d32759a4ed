package token

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	X         string `json:"x"`
}

// JWKS returns the published key set (RFC 7517, RFC 8037): every key that signs, will sign or still verifies. A
// verifier may cache it for JWKSMaxAge, and asks again for an unknown key id.
func (k *Keys) JWKS() ([]byte, error) {
	keys := k.List()
	if len(keys) == 0 {
		// Just started. Clients would cache an empty set and refuse every token.
		return nil, problem.ErrUnavailable.WithRetryAfter(time.Second)
	}

	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: make([]jwk, len(keys))}

	for i, key := range keys {
		set.Keys[i] = jwk{
			KeyType: "OKP", Curve: "Ed25519", Use: "sig", Algorithm: "EdDSA", KeyID: key.ID,
			X: base64.RawURLEncoding.EncodeToString(key.Public),
		}
	}

	document, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}

	return document, nil
}
