package password

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// FirebaseConfig is what Firebase hashes the passwords of a project with. Its export holds salts and hashes only.
type FirebaseConfig struct {
	signerKey, saltSeparator []byte
	rounds, memoryCost       int
}

// ErrFirebaseConfig reports a text that is not what Firebase shows as the password hash parameters of a project.
var ErrFirebaseConfig = errors.New("not Firebase's password hash parameters: hash_config { algorithm: SCRYPT, base64_signer_key: …, " +
	"base64_salt_separator: …, rounds: …, mem_cost: …, }")

var firebaseSetting = regexp.MustCompile(`["']?\b(algorithm|base64_signer_key|base64_salt_separator|rounds|mem_cost)["']?\s*:\s*["']?([A-Za-z0-9+/_=-]*)`)

// ParseFirebaseConfig reads the text that Firebase's console shows under Authentication, Password hash parameters.
func ParseFirebaseConfig(text string) (*FirebaseConfig, error) {
	setting := map[string]string{}
	for _, part := range firebaseSetting.FindAllStringSubmatch(text, -1) {
		setting[part[1]] = part[2]
	}

	c := &FirebaseConfig{
		signerKey: decodeAny64(setting["base64_signer_key"]), saltSeparator: decodeAny64(setting["base64_salt_separator"]),
		rounds: number(setting["rounds"]), memoryCost: number(setting["mem_cost"]),
	}

	if _, err := newScrypt(1<<min(max(c.memoryCost, 0), 30), c.rounds, 1, nil, nil); err != nil || setting["algorithm"] != "SCRYPT" || len(c.signerKey) < 16 {
		return nil, ErrFirebaseConfig
	}

	return c, nil
}

// Hash returns the stored form of a hash and a salt of the project, both in base64: that of Supabase's server, WithoutSigner.
func (c *FirebaseConfig) Hash(hash, salt string) string {
	return WithoutSigner(fmt.Sprintf("$fbscrypt$v=1,n=%d,r=%d,p=1,ss=%s,sk=%s$%s$%s", c.memoryCost, c.rounds, standard64(c.saltSeparator),
		standard64(c.signerKey), standard64(decodeAny64(salt)), standard64(decodeAny64(hash))))
}

var standard64 = base64.StdEncoding.EncodeToString

// WithoutSigner returns a stored hash of Firebase without the project's signer key, which is a secret, and any other as it is. The
// hash is that key, encrypted with a stream that depends on the password and the salt alone. With the stream in place of the
// hash, and zeros in place of the key, the same passwords match.
func WithoutSigner(stored string) string {
	part := firebaseForm.FindStringSubmatchIndex(stored)
	if part == nil {
		return stored
	}

	signer, hash := unpadded64(stored[part[10]:part[11]]), unpadded64(stored[part[14]:part[15]])
	if len(signer) == 0 || len(signer) != len(hash) {
		return stored
	}

	stream := make([]byte, len(hash))
	subtle.XORBytes(stream, hash, signer)

	return stored[:part[10]] + standard64(make([]byte, len(signer))) + stored[part[11]:part[14]] + standard64(stream)
}

func unpadded64(text string) []byte { return decode64(strings.TrimRight(text, "=")) }

var firebaseForm = regexp.MustCompile(`^\$fbscrypt\$v=1,n=(\d{1,2}),r=(\d{1,4}),p=(\d{1,2}),ss=([A-Za-z0-9+/]{0,64}={0,2}),` +
	`sk=([A-Za-z0-9+/]{22,128}={0,2})\$([A-Za-z0-9+/]{4,128}={0,2})\$([A-Za-z0-9+/]{22,128}={0,2})$`)

// readFirebase reads Firebase's variant of scrypt: a key is derived of the password, and encrypts the project's signer key with
// AES in counter mode. What results is the hash.
func readFirebase(part []string) (derivation, error) {
	separator, signer := unpadded64(part[3]), unpadded64(part[4])

	d, err := newScrypt(1<<min(number(part[0]), 30), number(part[1]), number(part[2]), unpadded64(part[5]), unpadded64(part[6]))
	if err != nil {
		return derivation{}, err
	}

	if len(d.salt) == 0 || len(d.key) != len(signer) {
		return derivation{}, errStored
	}

	derive := d.derive
	d.salt = append(d.salt, separator...)
	d.derive = func(plain string, salt []byte, size int) ([]byte, error) {
		key, err := derive(plain, salt, 32)
		if err != nil {
			return nil, err
		}

		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}

		out := make([]byte, size)
		cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(out, signer) //nolint:gosec // as Firebase does; the key is of one password and salt

		return out, nil
	}

	return d, nil
}

// decodeAny64 decodes base64 of either alphabet, with or without padding. It returns nothing for invalid input.
func decodeAny64(text string) []byte {
	return decode64(strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "="))
}
