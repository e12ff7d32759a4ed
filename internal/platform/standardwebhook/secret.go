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

// The bytes that the specification wants of a secret, and those of ours.
const (
	leastSecret = 24
	mostSecret  = 64
	newSecret   = 32
)

const secretPrefix = "whsec_"

// ErrSecret reports a text that is not a secret.
var ErrSecret = errors.New("not whsec_ and 24 to 64 bytes in base64")

// Secret is what both sides know.
type Secret []byte

// NewSecret makes a random one.
func NewSecret() Secret {
	return randomid.Bytes(newSecret)
}

// ParseSecret reads what Text answers, with the prefix or without.
func ParseSecret(text string) (Secret, error) {
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, secretPrefix))
	if err != nil || len(secret) < leastSecret || len(secret) > mostSecret {
		return nil, ErrSecret // the decoder's own message would tell of it
	}

	return secret, nil
}

// Text is the form in which it is handed over.
func (s Secret) Text() string { return secretPrefix + base64.StdEncoding.EncodeToString(s) }

// Header is what goes with the body: its id, the time of the attempt, and a signature with each of the secrets, for the
// receiver to find one that it knows while they change.
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

// sign is the symmetric signature, v1. Neither an id nor a timestamp has a dot in it, so that no part can be read as
// the next one.
func (s Secret) sign(id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, s)
	mac.Write([]byte(id + "." + timestamp(at) + "."))
	mac.Write(body)

	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func timestamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
