package transfer

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// auth0Document is a line of Auth0's export of users, of its export of password hashes, or of both merged by the id. Neither
// holds second factors, except for otp_secret if it was merged too.
type auth0Document struct {
	OID           objectID `json:"_id"`
	UserID        string   `json:"user_id"`
	Tenant        string   `json:"tenant"`
	Connection    string   `json:"connection"`
	Email         string   `json:"email"`
	Verified      *bool    `json:"email_verified"`
	Hash          string   `json:"passwordHash"`
	Name          string   `json:"name"`
	Nickname      string   `json:"nickname"`
	Picture       string   `json:"picture"`
	Phone         string   `json:"phone_number"`
	PhoneVerified bool     `json:"phone_verified"`
	Blocked       bool     `json:"blocked"`
	CreatedAt     *instant `json:"created_at"`
	UpdatedAt     *instant `json:"updated_at"`
	LastLogin     *instant `json:"last_login"`
	Logins        *integer `json:"logins_count"`
	OTPSecret     string   `json:"otp_secret"`

	Multifactor []jsontext.Value `json:"multifactor"`
}

var auth0Names = map[string]string{
	"id": "user_id", "phone": "phone_number", "createdAt": "created_at", "updatedAt": "updated_at", "lastSignInAt": "last_login",
	"signIns": "logins_count", "totpSecret": "otp_secret", "status": "blocked",
}

func (o Options) readAuth0(text []byte) (r Record, err error) {
	var d auth0Document
	if err := json.Unmarshal(text, &d); err != nil {
		return r, err
	}

	if d.UserID == "" && (d.OID == "" || d.Tenant == "" && d.Connection == "" && d.Hash == "") {
		return r, foreign("id", Auth0)
	}

	r = Record{
		ID: d.id(), Email: d.Email, Name: d.Name, Picture: d.Picture, Status: "active", TOTPSecret: d.OTPSecret,
		CreatedAt: orZero(d.CreatedAt), UpdatedAt: orZero(d.UpdatedAt), LastSignInAt: orZero(d.LastLogin),
	}

	if d.Logins != nil {
		r.SignIns = int64(*d.Logins)
	}

	if d.Blocked {
		r.Status = "disabled"
	}

	if d.PhoneVerified {
		r.Phone = d.Phone
	}

	if !o.WithoutPasswords {
		r.PasswordHash = d.Hash
	}

	if strings.EqualFold(strings.TrimSpace(r.Name), strings.TrimSpace(r.Email)) {
		r.Name = d.Nickname
	}

	// The export of hashes has no dates, but its ids begin with one.
	if r.CreatedAt.IsZero() && r.ID != "" {
		seconds, _ := strconv.ParseInt(r.ID[:8], 16, 64) // of the form
		r.CreatedAt = instant{time.Unix(seconds, 0).UTC()}
	}

	switch {
	case d.OTPSecret != "":
		r.SecondFactorSince = r.CreatedAt
	case len(d.Multifactor) > 0:
		return r, flaw{"multifactor", "a second factor, which the file does not hold: without it a password alone would open the account. " +
			"Add otp_secret of Auth0's export of MFA secrets, or remove multifactor to import the account without"}
	}

	o.admit(&r, d.Verified, "email_verified")

	return r, nil
}

// id returns the ObjectID of an account of Auth0's own database. Both exports have it, so that the second one finds the account of
// the first. Accounts of other connections get new ids.
func (d auth0Document) id() string {
	id := string(d.OID)
	if d.UserID != "" {
		id, _ = strings.CutPrefix(d.UserID, "auth0|")
	}

	if id = strings.ToLower(id); !isID(id) {
		return ""
	}

	return id
}
