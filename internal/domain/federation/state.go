package federation

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/keyring"
	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// Lifetime is how long an OAuth state is valid.
const Lifetime = 10 * time.Minute

// Action is the purpose of a request to Lark.
type Action string

// The actions.
const (
	SignIn Action = "login"
	Bind   Action = "bind"
	App    Action = "app" // for an app, which signs in or binds with a grant
)

// oauthState is one authorization at Lark. Its text stays in the browser, in a cookie that no other site and no script
// can read or set. Only a signature over it passes through Lark; that is worth nothing in another browser (login CSRF)
// and, for a binding, in another session (binding CSRF).
type oauthState struct {
	secret  string // 128 random bits
	action  Action
	locale  string // of the console's page to return to; empty for the console's own choice
	session string // whose Lark identity is to be bound; empty for a sign-in
	app     AppRequest
}

// AppRequest is what an app asks for when it sends its user's browser.
type AppRequest struct {
	Redirect  string `json:"r"` // where the browser returns to
	Challenge string `json:"c"` // of the app's verifier (RFC 7636, section 4.2)
	State     string `json:"s"` // comes back as it is
}

// text is the cookie's value. It does not contain the session, which is always the browser's own.
func (j oauthState) text() string {
	text := j.secret + "." + string(j.action) + "." + j.locale
	if j.action != App {
		return text
	}

	request, err := json.Marshal(j.app)
	if err != nil {
		panic(err) // not with strings alone
	}

	return text + "." + base64.RawURLEncoding.EncodeToString(request)
}

func parseState(text string) (oauthState, bool) {
	parts := strings.Split(text, ".")
	if len(parts) < 3 || len(parts[0]) != randomid.Length {
		return oauthState{}, false
	}

	j := oauthState{secret: parts[0], action: Action(parts[1]), locale: parts[2]}
	if (j.action == App) != (len(parts) == 4) {
		return oauthState{}, false
	}

	if j.action == App {
		request, err := base64.RawURLEncoding.DecodeString(parts[3])
		if err != nil || json.Unmarshal(request, &j.app) != nil {
			return oauthState{}, false
		}
	}

	return j, true
}

// stateSize is a key's id, the end of the state's lifetime, and the signature.
const stateSize = 1 + 8 + keyring.Size

// sign returns the state that passes through Lark.
func (j oauthState) sign(keys *keyring.Keyring, ends time.Time) string {
	state := make([]byte, 1+8, stateSize)
	state[0] = keys.Current()
	binary.BigEndian.PutUint64(state[1:], uint64(ends.Unix())) //nolint:gosec // after 1970

	return base64.RawURLEncoding.EncodeToString(append(state, j.mac(keys, state)...))
}

// signed reports whether the signature is of this state and has not expired.
func (j oauthState) signed(keys *keyring.Keyring, state string, now time.Time) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(state)
	if err != nil || len(raw) != stateSize {
		return false
	}

	mac := j.mac(keys, raw[:1+8])
	ends := time.Unix(int64(binary.BigEndian.Uint64(raw[1:])), 0) //nolint:gosec // signed, or refused below

	return mac != nil && hmac.Equal(raw[1+8:], mac) && now.Before(ends)
}

// mac returns nil if the key is no longer configured.
func (j oauthState) mac(keys *keyring.Keyring, head []byte) []byte {
	mac, _ := keys.Digest(head[0], "identity state", string(head[1:]), j.text(), j.session)

	return mac
}

// verifier returns what Lark requires beside the code (RFC 7636, section 4.1): 43 characters that only the gateway can
// derive, and only from the cookie. keyID is that of the state.
func (j oauthState) verifier(keys *keyring.Keyring, state string) string {
	raw, err := base64.RawURLEncoding.DecodeString(state)
	if err != nil || len(raw) == 0 {
		return ""
	}

	digest, _ := keys.Digest(raw[0], "identity verifier", j.text(), state)

	return base64.RawURLEncoding.EncodeToString(digest)
}
