package world

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/code"
	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
	"github.com/konec/toolkit-gateway/internal/testkit/apptest"
)

// GrantVerifier is the verifier of the app for which the grants here are made.
const GrantVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

// GrantChallenge returns the challenge of a verifier (RFC 7636, section 4.2).
func GrantChallenge(verifier string) string {
	digest := sha256.Sum256([]byte(verifier))

	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// AuthorizeAppQuery returns the query with which an app opens the browser.
func AuthorizeAppQuery(redirect, state string) string {
	return url.Values{"redirect_uri": {redirect}, "code_challenge": {GrantChallenge(GrantVerifier)}, "code_challenge_method": {"S256"}, "state": {state}}.Encode()
}

// SealedGrant returns a grant of a person at Lark that the gateway accepts as its own. It is not valid: nothing is stored for it.
func SealedGrant(env *apptest.Env, subject string) string {
	return sealGrant(env, code.NewOpaque(), subject)
}

// LarkGrant returns a valid grant of a person at Lark.
func LarkGrant(tb testing.TB, env *apptest.Env, subject string) string {
	tb.Helper()

	plain := code.NewOpaque()
	digest := sha256.Sum256([]byte(plain[randomid.Length:]))

	env.Exec(tb, `INSERT INTO code (purpose, subject, key_id, digest, created_at, expires_at) VALUES ($1, $2, 0, $3, now(), $4)`,
		code.AppGrant.Name, lark.Provider+" "+subject+" "+plain[:randomid.Length], digest[:], env.Clock.Now().Add(code.AppGrant.Lifetime))

	return sealGrant(env, plain, subject)
}

func sealGrant(env *apptest.Env, plain, subject string) string {
	keys, err := keyring.Parse(env.Config.MasterKey)
	if err != nil {
		panic(err)
	}

	text, err := json.Marshal(map[string]any{
		"p": plain, "i": lark.Provider, "s": subject, "u": map[string]string{"open_id": subject, "name": "张三"}, "c": GrantChallenge(GrantVerifier),
	})
	if err != nil {
		panic(err)
	}

	return base64.RawURLEncoding.EncodeToString(keys.Seal(text, "signin", "app grant"))
}
