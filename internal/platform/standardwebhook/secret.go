// Package standardwebhook is the sender's side of Standard Webhooks 1.0.0 (https://www.standardwebhooks.com): secrets and
// signatures. It makes no request; package outbound does.
package standardwebhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// The number of bytes that the specification requires of a secret, and the size of ours.
const (
	leastSecret = 24
	mostSecret  = 64
	newSecret   = 32
)

const secretPrefix = "whsec_"

// ErrSecret reports a text that is not a secret.
var ErrSecret = errors.New("not whsec_ and 24 to 64 bytes in base64")

// Secret is the shared secret of sender and receiver.
type Secret []byte

// NewSecret returns a random secret.
func NewSecret() Secret {
	return randomid.Bytes(newSecret)
}

// ParseSecret parses the form of Text, with the prefix or without.
func ParseSecret(text string) (Secret, error) {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, secretPrefix))
	if err != nil || len(secret) < leastSecret || len(secret) > mostSecret {
		return nil, ErrSecret // the decoder's own message would quote the secret
	}

	return secret, nil
}

// Text returns the secret in the form for the receiver.
func (s Secret) Text() string { return secretPrefix + base64.StdEncoding.EncodeToString(s) }

// Header returns the headers for the body: its id, the time of the attempt, and a signature with each of the secrets,
// so that a receiver recognizes one while they change.
func Header(id string, at time.Time, body []byte, secrets ...Secret) map[string]string {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		signatures[i] = secret.sign(id, at, body)
	}

	return map[string]string{
		"Content-Type":      "application/json",
		"Webhook-Id":        id,
		"Webhook-Timestamp": timestamp(at),
		"Webhook-Signature": strings.Join(signatures, " "),
	}
}

// sign returns the symmetric signature, v1. Neither an id nor a timestamp contains a dot, so that the parts cannot be
// confused.
func (s Secret) sign(id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, s)
	mac.Write([]byte(id + "." + timestamp(at) + "."))
	mac.Write(body)

	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func timestamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
