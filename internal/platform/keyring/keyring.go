// Package keyring holds the master keys and everything derived from them: keyed digests and sealed values. The keys
// come from the environment, never from the database, so a dump of the database alone reveals nothing. It never stores
// or logs key material.
package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/konec/toolkit-gateway/internal/platform/randomid"
)

// Size is the length of a master key and of a digest, in bytes.
const Size = 32

// ErrSealed is returned for every sealed value that cannot be opened: altered, moved to another row, or sealed under a
// key that is no longer configured.
var ErrSealed = errors.New("keyring: the value cannot be opened")

// Keyring holds one current master key and the older ones that still verify and open.
type Keyring struct {
	current uint8
	masters map[uint8][]byte

	derived sync.Map // of derivedID to []byte
}

type derivedID struct {
	id      uint8
	purpose string
}

// Parse reads "ID:BASE64[,ID:BASE64…]", the current key first; ID is 1 to 255. A single key may have no ID, which is
// then 1. A short key, or one that no random source would produce, is an error, so that a sample value never protects
// anything.
func Parse(s string) (*Keyring, error) {
	k := &Keyring{masters: map[uint8][]byte{}}

	entries := strings.Split(s, ",")
	for i, entry := range entries {
		id := uint64(1)
		encoded := strings.TrimSpace(entry)

		if before, after, found := strings.Cut(encoded, ":"); found {
			var err error
			if id, err = strconv.ParseUint(before, 10, 8); err != nil || id == 0 {
				return nil, fmt.Errorf("key %d: the id before the colon must be a number from 1 to 255", i+1)
			}

			encoded = after
		} else if len(entries) > 1 {
			return nil, fmt.Errorf("key %d: with several keys each needs its id, as in 2:BASE64,1:BASE64", i+1)
		}

		key, err := decode(encoded)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}

		if _, twice := k.masters[uint8(id)]; twice {
			return nil, fmt.Errorf("key %d: the id %d is used twice", i+1, id)
		}

		for _, other := range k.masters {
			if hmac.Equal(key, other) {
				return nil, fmt.Errorf("key %d: it is a duplicate; a new key must differ", i+1)
			}
		}

		k.masters[uint8(id)] = key
		if i == 0 {
			k.current = uint8(id)
		}
	}

	return k, nil
}

func decode(s string) ([]byte, error) {
	const hint = "make one with: openssl rand -base64 32"

	key, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		// The decoder's own message quotes the input, which is a secret.
		return nil, errors.New("not base64; " + hint)
	}

	if len(key) != Size {
		return nil, fmt.Errorf("%d bytes long, and must be %d; %s", len(key), Size, hint)
	}

	if !looksRandom(key) {
		return nil, errors.New("not random; " + hint)
	}

	return key, nil
}

// looksRandom refuses keys that were typed, repeated or counted. 32 random bytes have about 30 different values, and
// about as many different steps from one to the next; fewer than 16 occur by chance less than once in 10^15 keys.
func looksRandom(key []byte) bool {
	values, steps := map[byte]bool{}, map[byte]bool{}
	printable := true

	for i, b := range key {
		values[b] = true
		printable = printable && b >= ' ' && b <= '~'

		if i > 0 {
			steps[b-key[i-1]] = true
		}
	}

	return len(values) >= 16 && len(steps) >= 16 && !printable
}

// Generate returns a new random key in the form that Parse reads.
func Generate() string {
	return base64.StdEncoding.EncodeToString(randomid.Bytes(Size))
}

// Current returns the id of the key for new values.
func (k *Keyring) Current() uint8 { return k.current }

// Digest returns the HMAC-SHA-256 of the parts under the key id, or false if that key is not configured. A digest of
// one purpose never equals one of another, and different lists of parts never collide.
func (k *Keyring) Digest(id uint8, purpose string, parts ...string) ([]byte, bool) {
	key, ok := k.derive(id, "digest "+purpose)
	if !ok {
		return nil, false
	}

	mac := hmac.New(sha256.New, key)

	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		mac.Write(length[:])
		mac.Write([]byte(part))
	}

	return mac.Sum(nil), true
}

// Seal encrypts with AES-256-GCM under the current key. context names the table, column and row: the value opens only
// with the same context.
func (k *Keyring) Seal(plain []byte, context ...string) []byte {
	aead := k.mustAEAD(k.current)

	sealed := make([]byte, 1, 1+aead.NonceSize()+len(plain)+aead.Overhead())
	sealed[0] = k.current

	nonce := randomid.Bytes(aead.NonceSize())
	sealed = append(sealed, nonce...)

	return aead.Seal(sealed, nonce, plain, associated(context))
}

// Open decrypts a value of Seal, or returns ErrSealed.
func (k *Keyring) Open(sealed []byte, context ...string) ([]byte, error) {
	if len(sealed) < 1 {
		return nil, ErrSealed
	}

	if _, known := k.masters[sealed[0]]; !known {
		return nil, ErrSealed
	}

	aead := k.mustAEAD(sealed[0])
	if len(sealed) < 1+aead.NonceSize() {
		return nil, ErrSealed
	}

	nonce, text := sealed[1:1+aead.NonceSize()], sealed[1+aead.NonceSize():]

	plain, err := aead.Open(nil, nonce, text, associated(context))
	if err != nil {
		return nil, ErrSealed
	}

	return plain, nil
}

func associated(context []string) []byte { return []byte(strings.Join(context, "\x00")) }

func (k *Keyring) mustAEAD(id uint8) cipher.AEAD {
	key, _ := k.derive(id, "seal")

	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for a wrong key length
	}

	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // only for a wrong block length
	}

	return aead
}

// derive derives a separate key for each purpose (HKDF, RFC 5869).
func (k *Keyring) derive(id uint8, purpose string) ([]byte, bool) {
	if key, ok := k.derived.Load(derivedID{id, purpose}); ok {
		return key.([]byte), true
	}

	master, ok := k.masters[id]
	if !ok {
		return nil, false
	}

	key, err := hkdf.Key(sha256.New, master, nil, "toolkit-gateway "+purpose, Size)
	if err != nil {
		panic(err) // only for a length out of range
	}

	k.derived.Store(derivedID{id, purpose}, key)

	return key, true
}
