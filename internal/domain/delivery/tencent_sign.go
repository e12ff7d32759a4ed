package delivery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// tc3Algorithm is the signature that Tencent Cloud calls version 3. It covers the method, the path, the content type,
// the host, the time and the body.
const tc3Algorithm = "TC3-HMAC-SHA256"

const tc3Headers = "content-type;host"

// tc3Key is a pair of keys of an account of Tencent Cloud.
type tc3Key struct {
	id     string
	secret string
}

// authorization returns the header of that name for a POST to the root of a host. service is the first label of the
// host's name at Tencent, as in sms.
func (k tc3Key) authorization(service, host, contentType string, body []byte, at time.Time) string {
	scope := at.UTC().Format(time.DateOnly) + "/" + service + "/tc3_request"
	signature := k.sign(scope, tc3StringToSign(scope, tc3CanonicalRequest(host, contentType, body), at))

	return tc3Algorithm + " Credential=" + k.id + "/" + scope + ", SignedHeaders=" + tc3Headers + ", Signature=" + signature
}

func tc3CanonicalRequest(host, contentType string, body []byte) string {
	return strings.Join([]string{
		"POST", "/", "", // no query
		"content-type:" + contentType, "host:" + host, "",
		tc3Headers, sha256Hex(body),
	}, "\n")
}

func tc3StringToSign(scope, canonicalRequest string, at time.Time) string {
	return strings.Join([]string{
		tc3Algorithm, strconv.FormatInt(at.Unix(), 10), scope, sha256Hex([]byte(canonicalRequest)),
	}, "\n")
}

// sign derives the key for the day, the service and the request, and signs with it.
func (k tc3Key) sign(scope, stringToSign string) string {
	key := []byte("TC3" + k.secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = hmacSHA256(key, part)
	}

	return hex.EncodeToString(hmacSHA256(key, stringToSign))
}

func hmacSHA256(key []byte, message string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(message))

	return mac.Sum(nil)
}

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)

	return hex.EncodeToString(sum[:])
}
