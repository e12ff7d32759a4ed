package transfer

import (
	"encoding/base32"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/konec/toolkit-gateway/internal/domain/password"
)

// keycloakDocument is a user of a realm export, or of a list of users without credentials.
type keycloakDocument struct {
	ID          string               `json:"id"`
	Username    string               `json:"username"`
	Email       string               `json:"email"`
	Verified    *bool                `json:"emailVerified"`
	First       string               `json:"firstName"`
	Last        string               `json:"lastName"`
	Enabled     *bool                `json:"enabled"`
	CreatedAt   *millis              `json:"createdTimestamp"`
	Client      string               `json:"serviceAccountClientId"`
	Credentials []keycloakCredential `json:"credentials"`
	Actions     []string             `json:"requiredActions"`
}

// keycloakCredential holds two texts of JSON.
type keycloakCredential struct {
	Type      string  `json:"type"`
	CreatedAt *millis `json:"createdDate"`
	Secret    string  `json:"secretData"`
	Data      string  `json:"credentialData"`
}

type keycloakSecret struct {
	Value string `json:"value"`
	Salt  string `json:"salt"`
}

type keycloakData struct {
	Algorithm  string              `json:"algorithm"`
	Iterations int64               `json:"hashIterations"`
	Parameters map[string][]string `json:"additionalParameters"`

	Kind     string `json:"subType"`
	Digits   int    `json:"digits"`
	Period   int    `json:"period"`
	Encoding string `json:"secretEncoding"`
}

var keycloakNames = map[string]string{"createdAt": "createdTimestamp", "passwordHash": "credentials", "totpSecret": "credentials", "name": "firstName"}

func (o Options) readKeycloak(text []byte) (r Record, err error) {
	var d keycloakDocument
	if err := json.Unmarshal(text, &d); err != nil {
		return r, err
	}

	r = Record{Email: d.Email, Name: strings.TrimSpace(d.First + " " + d.Last), CreatedAt: d.CreatedAt.orZero(), Status: "active"}

	switch {
	case d.Username == "":
		return r, foreign("username", Keycloak)
	case d.ID == "" && d.CreatedAt == nil:
		return r, foreign("id", Keycloak)
	case d.Client != "":
		return r, flaw{"serviceAccountClientId", "the account of a client, which no user signs in with"}
	case d.Enabled == nil:
		// The account may have been locked out: an unknown value must not let it in.
		return r, flaw{"enabled", "missing"}
	case !*d.Enabled:
		r.Status = "disabled"
	}

	if r.Name == "" {
		r.Name = d.Username
	}

	for _, one := range d.Credentials {
		if err := o.addCredential(&r, one); err != nil {
			return r, err
		}
	}

	if r.PasswordHash != "" && slices.Contains(d.Actions, "UPDATE_PASSWORD") {
		r.PasswordHash = ""
		r.note("requiredActions", "the password was to be changed at the next sign-in: imported without it")
	}

	o.admit(&r, d.Verified, "emailVerified")

	return r, nil
}

// addCredential adds a password or an authenticator app. An account whose second factor cannot be imported is refused: a password
// alone would open it.
func (o Options) addCredential(r *Record, c keycloakCredential) error {
	var (
		secret keycloakSecret
		data   keycloakData
	)

	if c.Type == "password" && (o.WithoutPasswords || r.PasswordHash != "") {
		return nil
	}

	if c.Type == "password" || c.Type == "otp" {
		if json.Unmarshal([]byte(c.Secret), &secret) != nil || json.Unmarshal([]byte(c.Data), &data) != nil {
			return flaw{"credentials", "without secretData and credentialData, as Keycloak writes them since version 8"}
		}
	}

	switch c.Type {
	case "password":
		parameters := map[string]string{}
		for name, values := range data.Parameters {
			parameters[name] = strings.Join(values, ",")
		}

		hash, ok := password.KeycloakHash(data.Algorithm, data.Iterations, parameters, secret.Salt, secret.Value)
		if !ok {
			return flaw{"credentials", "a password hash of " + quote(data.Algorithm) + ", which is not accepted: pbkdf2-sha256, pbkdf2-sha512, argon2 (id) and bcrypt " +
				"are. Import --without-passwords, and users set one with a code from the mail"}
		}

		r.PasswordHash = hash
	case "otp":
		return addOTP(r, c, secret, data)
	case "webauthn":
		return flaw{"credentials", "a security key as second factor, which cannot be imported: without it a password alone would open the account. " +
			"Remove the credential to import the account without"}
	case "webauthn-passwordless":
		r.note("credentials", "a passkey, which works for the address of the earlier service only: imported without it")
	}

	return nil
}

func addOTP(r *Record, c keycloakCredential, secret keycloakSecret, data keycloakData) error {
	if data.Kind != "totp" || data.Digits != 6 || data.Period != 30 || data.Algorithm != "HmacSHA1" {
		return flaw{"credentials", "an authenticator app of another kind than TOTP with 6 digits, 30 seconds and SHA-1, which cannot be imported: without it " +
			"a password alone would open the account. Remove the credential to import the account without"}
	}

	if r.TOTPSecret != "" {
		r.note("credentials", "several authenticator apps: the first is imported")

		return nil
	}

	r.TOTPSecret = secret.Value
	if data.Encoding != "BASE32" {
		r.TOTPSecret = base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte(secret.Value))
	}

	// Keycloak asks for a code behind the password once an app is set up.
	if r.SecondFactorSince = c.CreatedAt.orZero(); r.SecondFactorSince.IsZero() {
		r.SecondFactorSince = r.CreatedAt
	}

	return nil
}
