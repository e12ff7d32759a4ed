package tokentest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"hash"
	"math/big"
	"slices"
	"strings"
)

// algorithms returns tokens with another algorithm than EdDSA (R-G1; RFC 8725, section 2.1).
func (i Issuer) algorithms() []Forgery {
	var list []Forgery

	claims := i.claims(nil)
	add := func(name string, header string, sign func(unsigned []byte) []byte) {
		unsigned := encode(header) + "." + encode(claims)
		list = append(list, Forgery{name, unsigned + "." + encode(string(sign([]byte(unsigned))))})
	}
	nothing := func([]byte) []byte { return nil }
	genuine := func(unsigned []byte) []byte { return ed25519.Sign(i.Private, unsigned) }

	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", "EdDSA"} {
		add("no signature, alg "+alg, i.header(map[string]any{"alg": alg}), nothing)
	}

	for _, alg := range []any{"none", "eddsa", "EDDSA", "Ed25519", "Ed448", "HS256", "RS256", "XX", "", nil, 1, true, []string{"EdDSA"}, omit{}} {
		add("genuine signature, alg "+name(alg), i.header(map[string]any{"alg": alg}), genuine)
	}

	for algorithm, digest := range map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New} {
		for key, secret := range i.publicForms() {
			add(algorithm+" with "+key, i.header(map[string]any{"alg": algorithm}), func(unsigned []byte) []byte {
				mac := hmac.New(digest, secret)
				mac.Write(unsigned)

				return mac.Sum(nil)
			})
		}
	}

	for algorithm, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		size := (curve.Params().BitSize + 7) / 8

		add(algorithm+" with r = s = 0", i.header(map[string]any{"alg": algorithm}), func([]byte) []byte { return make([]byte, 2*size) })
		add(algorithm+" with a key of its own", i.header(map[string]any{"alg": algorithm}), func(unsigned []byte) []byte {
			return signECDSA(curve, size, unsigned)
		})
	}

	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)

	for _, algorithm := range []string{"RS256", "RS384", "RS512", "PS256"} {
		add(algorithm+" with a key of its own", i.header(map[string]any{"alg": algorithm}), func(unsigned []byte) []byte {
			sum := sha256.Sum256(unsigned)
			signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
			must(err)

			return signature
		})
	}

	return list
}

// publicForms returns the forms of the public key that a confused verifier might use as a secret.
func (i Issuer) publicForms() map[string][]byte {
	public := i.Private.Public().(ed25519.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	must(err)

	x := base64.RawURLEncoding.EncodeToString(public)

	return map[string][]byte{
		"the public key":           public,
		"the public key in base64": []byte(x),
		"the public key in PEM":    pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"the public key as JWK":    []byte(`{"kty":"OKP","crv":"Ed25519","x":"` + x + `"}`),
		"the key id":               []byte(i.KeyID),
		"an empty key":             nil,
	}
}

func signECDSA(curve elliptic.Curve, size int, unsigned []byte) []byte {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	must(err)

	sum := sha256.Sum256(unsigned)
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	must(err)

	return slices.Concat(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size)))
}

// signatures returns tokens of the right algorithm with a wrong signature.
func (i Issuer) signatures() []Forgery {
	genuine := i.Genuine()
	unsigned := genuine[:strings.LastIndex(genuine, ".")]
	signature := ed25519.Sign(i.Private, []byte(unsigned))

	_, strange, err := ed25519.GenerateKey(rand.Reader)
	must(err)

	// S + L verifies like S if S may be L or more (RFC 8032, section 5.1.7).
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(signature[32:])
	slices.Reverse(s)
	s = new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	slices.Reverse(s)

	identity := make([]byte, 64) // R is the neutral point and S is 0: valid for a public key of small order
	identity[0] = 1

	stranger := i
	stranger.Private = strange
	expired := stranger
	expired.Now = i.Now.AddDate(0, 0, -1)

	var list []Forgery
	for name, forged := range map[string][]byte{
		"empty":               {},
		"all zero":            make([]byte, 64),
		"of small order":      identity,
		"one byte short":      signature[:63],
		"one byte long":       append(slices.Clone(signature), 0),
		"twice":               slices.Concat(signature, signature),
		"with S beyond order": slices.Concat(signature[:32], s),
		"of other claims":     ed25519.Sign(i.Private, []byte(unsigned+"x")),
	} {
		list = append(list, Forgery{"signature " + name, unsigned + "." + encode(string(forged))})
	}

	return append(list,
		Forgery{"signed by a stranger", stranger.Genuine()},
		Forgery{"signed by a stranger and expired", expired.Genuine()}, // V-15
	)
}

func must(err error) {
	if err != nil {
		panic(err) // no input can cause these errors
	}
}
