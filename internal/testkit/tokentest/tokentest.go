// Package tokentest makes access tokens that every verifier must refuse: known attacks, and mistakes that a verifier
// could make. Only tests import it.
package tokentest

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Issuer is what the attacker knows. For most forgeries that is everything, including the signing key: a check must be
// seen to work when the signature is right.
type Issuer struct {
	KeyID     string
	Private   ed25519.PrivateKey
	Issuer    string
	Audience  string
	AccountID string
	SessionID string
	Now       time.Time
}

// Forgery is a token that must be refused.
type Forgery struct {
	Name  string
	Token string
}

// Genuine returns a valid token. Each forgery differs from it in one thing.
func (i Issuer) Genuine() string { return i.sign(i.header(nil), i.claims(nil)) }

// Forgeries returns all forgeries.
func (i Issuer) Forgeries() []Forgery {
	return slices.Concat(i.algorithms(), i.signatures(), i.keyIDs(), i.headers(), i.times(), i.names(), i.twice(), i.texts())
}

// omit as a value omits a member.
type omit struct{}

func (i Issuer) header(change map[string]any) string {
	return object(map[string]any{"alg": "EdDSA", "typ": "at+jwt", "kid": i.KeyID}, change)
}

func (i Issuer) claims(change map[string]any) string {
	return object(map[string]any{
		"iss": i.Issuer, "sub": i.AccountID, "aud": i.Audience, "sid": i.SessionID, "memberGroup": "None",
		"exp": i.Now.Add(time.Hour).Unix(), "nbf": i.Now.Unix(), "iat": i.Now.Unix(), "jti": "forged",
	}, change)
}

// sign signs a header and claims as they are, well-formed or not, with the genuine key.
func (i Issuer) sign(header, claims string) string {
	unsigned := encode(header) + "." + encode(claims)

	return unsigned + "." + encode(string(ed25519.Sign(i.Private, []byte(unsigned))))
}

func object(members, change map[string]any) string {
	members = maps.Clone(members)
	maps.Copy(members, change)
	maps.DeleteFunc(members, func(_ string, value any) bool { return value == any(omit{}) })

	text, err := json.Marshal(members)
	if err != nil {
		panic(err) // all values are constants of this package
	}

	return string(text)
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
