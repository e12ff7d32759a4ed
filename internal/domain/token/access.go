package token

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	strict "github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/konec/toolkit-gateway/internal/platform/origin"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

const (
	// accessType is the media type of a JWT access token (RFC 9068, section 2.1).
	accessType = "at+jwt"
	// leeway tolerates replicas whose clocks differ; the server's clock check warns above two seconds.
	leeway = 5 * time.Second
	// backdated is how far the times at which a token begins lie back: a verifier whose clock is a little behind takes a fresh
	// token (contract, "life").
	backdated = 10 * time.Second
	// maxLength is far above the length of our tokens. Longer texts are refused before they are split (GO-2025-3553).
	maxLength = 4096
	// rememberedTokens limits the cache of verified signatures: about 5 MB.
	rememberedTokens = 8192
)

// Claims are the claims of an access token.
type Claims struct {
	AccountID string
	SessionID string
	ExpiresAt time.Time
}

// accessClaims is the token's payload. aud is one string, which every verifier supports; jwt.RegisteredClaims would
// write a list. Times are whole seconds.
type accessClaims struct {
	Issuer      string `json:"iss"`
	Subject     string `json:"sub"`
	Audience    string `json:"aud"`
	ExpiresAt   int64  `json:"exp"`
	NotBefore   int64  `json:"nbf"`
	IssuedAt    int64  `json:"iat"`
	ID          string `json:"jti"`
	SessionID   string `json:"sid"`
	MemberGroup string `json:"memberGroup"`
	ClientID    string `json:"client_id,omitempty"`

	AuthenticatedAt int64    `json:"auth_time,omitempty"`
	Methods         []string `json:"amr,omitempty"`
}

// UnmarshalJSON is stricter than encoding/json: a duplicate member, a member in another case, or a time that is not a
// whole number is an error (RFC 8725, section 2.8).
func (c *accessClaims) UnmarshalJSON(raw []byte) error {
	type plain accessClaims

	return strict.Unmarshal(raw, (*plain)(c)) //nolint:wrapcheck // the parser wraps it
}

// The methods of jwt.Claims, for the parser's checks.

func (c *accessClaims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.ExpiresAt), nil }
func (c *accessClaims) GetNotBefore() (*jwt.NumericDate, error)      { return date(c.NotBefore), nil }
func (c *accessClaims) GetIssuedAt() (*jwt.NumericDate, error)       { return date(c.IssuedAt), nil }
func (c *accessClaims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *accessClaims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c *accessClaims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}

// date returns nil for a missing time, which the parser then reports.
func date(seconds int64) *jwt.NumericDate {
	if seconds == 0 {
		return nil
	}

	return &jwt.NumericDate{Time: time.Unix(seconds, 0)}
}

// Access issues and verifies access tokens.
type Access struct {
	// Clients are the names of apps that tokens may have as client_id.
	Clients []string

	keys     *Keys
	issuer   string
	audience string
	lifetime time.Duration
	now      func() time.Time
	verified *lru.Cache[[sha256.Size]byte, verified]
}

// verified is a token whose signature and claims were verified before.
type verified struct {
	keyID  string
	claims Claims
}

// NewAccess returns Access for tokens of one issuer and audience.
func NewAccess(keys *Keys, issuer, audience string, now func() time.Time) *Access {
	cache, err := lru.New[[sha256.Size]byte, verified](rememberedTokens)
	if err != nil {
		panic(err) // only for a size below one
	}

	return &Access{keys: keys, issuer: issuer, audience: audience, lifetime: keys.lifetime, now: now, verified: cache}
}

// Grant is what a new access token says.
type Grant struct {
	AccountID, SessionID, MemberGroup string

	AuthenticatedAt time.Time // when the user signed in, or confirmed the session: auth_time (OpenID Connect Core, section 2)
	Methods         []string  // how: amr (RFC 8176)
}

// Issue signs a new access token, and returns it with its lifetime.
func (a *Access) Issue(ctx context.Context, g Grant) (string, time.Duration, error) {
	key, err := a.keys.current(ctx)
	if err != nil {
		return "", 0, err
	}

	now := a.now()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, &accessClaims{
		Issuer:      a.issuer,
		Subject:     g.AccountID,
		Audience:    a.audience,
		ExpiresAt:   now.Add(a.lifetime).Unix(),
		NotBefore:   now.Add(-backdated).Unix(),
		IssuedAt:    now.Add(-backdated).Unix(),
		ID:          base64.RawURLEncoding.EncodeToString(randomid.Bytes(12)),
		SessionID:   g.SessionID,
		MemberGroup: g.MemberGroup,
		ClientID:    a.clientID(ctx),

		AuthenticatedAt: g.AuthenticatedAt.Unix(),
		Methods:         g.Methods,
	})
	unsigned.Header["typ"] = accessType
	unsigned.Header["kid"] = key.ID

	signed, err := unsigned.SignedString(key.private)
	if err != nil {
		return "", 0, fmt.Errorf("sign access token: %w", err)
	}

	return signed, a.lifetime, nil
}

// clientID returns the name of the app that asks for the token (RFC 9068, section 2.2), if it is known.
func (a *Access) clientID(ctx context.Context) string {
	if name := origin.From(ctx).Client; slices.Contains(a.Clients, name) {
		return name
	}

	return "toolkit"
}

// Verify returns the claims of a genuine token of this issuer and audience that has not expired, and
// problem.ErrTokenInvalid for everything else. The caller must check the session too. The signature of a token seen
// before is not verified again; its time and its key are.
func (a *Access) Verify(ctx context.Context, raw string) (Claims, error) {
	// The base64 decoder skips line ends, and would accept one token in many spellings.
	if len(raw) > maxLength || strings.ContainsAny(raw, "\r\n") {
		return Claims{}, problem.ErrTokenInvalid
	}

	sum := sha256.Sum256([]byte(raw))
	if seen, ok := a.verified.Get(sum); ok {
		if _, live := a.keys.known(seen.keyID); live && a.now().Before(seen.claims.ExpiresAt.Add(leeway)) {
			return seen.claims, nil
		}

		a.verified.Remove(sum)
	}

	fresh, err := a.verify(ctx, raw)
	if err != nil {
		return Claims{}, err
	}

	a.verified.Add(sum, fresh)

	return fresh.claims, nil
}

func (a *Access) verify(ctx context.Context, raw string) (verified, error) {
	var (
		claims accessClaims
		keyID  string
		outage error // of the key store, which is not the caller's fault
	)

	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithIssuer(a.issuer),
		jwt.WithAudience(a.audience),
		jwt.WithExpirationRequired(),
		jwt.WithNotBeforeRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
		jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(a.now),
	)

	_, err := parser.ParseWithClaims(raw, &claims, func(t *jwt.Token) (any, error) {
		// Exactly the three headers that we write, once, in our order: no jku, jwk, x5u, x5c, crit or b64.
		if len(t.Header) != 3 || t.Header["typ"] != accessType || !strings.HasPrefix(raw, segment(t.Header)+".") {
			return nil, errors.New("token: not an access token of ours")
		}

		keyID, _ = t.Header["kid"].(string)

		key, found, err := a.keys.verifying(ctx, keyID)
		if err != nil {
			outage = err

			return nil, err
		}

		if !found {
			return nil, errors.New("token: unknown key")
		}

		return key, nil
	})

	switch {
	case outage != nil:
		return verified{}, outage
	case err != nil:
		return verified{}, problem.ErrTokenInvalid.WithCause(err)
	case claims.Subject == "" || claims.SessionID == "" || claims.IssuedAt == 0:
		return verified{}, problem.ErrTokenInvalid
	}

	return verified{keyID: keyID, claims: Claims{
		AccountID: claims.Subject,
		SessionID: claims.SessionID,
		ExpiresAt: time.Unix(claims.ExpiresAt, 0),
	}}, nil
}

// segment encodes a header as SignedString does.
func segment(header map[string]any) string {
	text, err := json.Marshal(header)
	if err != nil {
		panic(err) // it was valid JSON a moment ago
	}

	return base64.RawURLEncoding.EncodeToString(text)
}
