package transfer

import (
	"errors"
	"strings"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/password"
	"github.com/konec/toolkit-gateway/internal/platform/lark"
)

// Record is an account in our own form. An empty field is absent. The columns of the CSV form have the same names and
// the same order.
type Record struct {
	ID           string       `json:"id,omitzero"`
	Email        string       `json:"email"`
	Name         string       `json:"name"`
	MemberGroup  string       `json:"memberGroup,omitzero"`
	Status       string       `json:"status,omitzero"`
	PasswordHash string       `json:"passwordHash,omitzero"`
	Phone        string       `json:"phone,omitzero"`
	Avatar       int32        `json:"avatar"`
	Picture      string       `json:"picture,omitzero"`
	CreatedAt    instant      `json:"createdAt,omitzero"`
	UpdatedAt    instant      `json:"updatedAt,omitzero"`
	DeletedAt    instant      `json:"deletedAt,omitzero"`
	Version      int32        `json:"version"`
	SignIns      int64        `json:"signIns"`
	LastSignInAt instant      `json:"lastSignInAt,omitzero"`
	LastSeenAt   instant      `json:"lastSeenAt,omitzero"`
	TOTPSecret   string       `json:"totpSecret,omitzero"`
	Lark         *lark.Person `json:"lark,omitzero"`

	SecondFactorSince instant `json:"secondFactorSince,omitzero"`
	PhoneSuspendedAt  instant `json:"phoneSuspendedAt,omitzero"`
	TOTPSuspendedAt   instant `json:"totpSuspendedAt,omitzero"`
	LarkSuspendedAt   instant `json:"larkSuspendedAt,omitzero"`

	secret factor.Secret // TOTPSecret, once verified
	named  bool          // the file has an id for it
	notes  []flaw        // for its administrator, if it is imported
}

// settle converts a record to the stored form, or returns its first flaw. now replaces times missing in the file, and ordinal
// sorts ids of the same millisecond.
func (r *Record) settle(now time.Time, group string, ordinal uint64) error {
	var err error

	r.named = r.ID != ""
	if r.ID = strings.ToLower(r.ID); r.named && !isID(r.ID) {
		return flaw{"id", "not 24 hexadecimal digits"}
	}

	if r.Email == "" {
		return flaw{"email", "missing"}
	} else if r.Email, err = account.ParseEmail(r.Email); err != nil {
		return flaw{"email", "not an e-mail address that mail is sent to"}
	}

	if r.Name == "" {
		return flaw{"name", "missing"}
	} else if r.Name, err = account.ParseName(r.Name); err != nil {
		return flaw{"name", "not one line of 1 to 64 characters, none of them invisible"}
	}

	if r.MemberGroup == "" {
		r.MemberGroup = group
	}

	switch account.Status(r.Status) {
	case "":
		r.Status = string(account.Active)
	case account.Active, account.Disabled, account.Deleted:
	default:
		return flaw{"status", "none of active, disabled and deleted"}
	}

	if (r.Status == string(account.Deleted)) == r.DeletedAt.IsZero() {
		return flaw{"deletedAt", "missing where the status is deleted, or there where it is not"}
	}

	if err := r.settleSignIn(); err != nil {
		return err
	}

	return r.settleRest(now, ordinal)
}

func (r *Record) settleSignIn() error {
	var err error

	if r.PasswordHash != "" {
		if err = password.Verifiable(r.PasswordHash); errors.Is(err, password.ErrCostly) {
			return flaw{"passwordHash", "costs more than a sign-in may: " + password.Limits}
		} else if err != nil {
			return flaw{"passwordHash", "not a hash that a sign-in could verify: " + schemes}
		}

		r.PasswordHash = password.WithoutSigner(r.PasswordHash)
	}

	if r.Phone != "" {
		if r.Phone, err = account.ParsePhone(r.Phone); err != nil {
			return flaw{"phone", "not of the form of E.164, as in +8613800138000"}
		}
	}

	if r.TOTPSecret != "" {
		if r.secret, err = factor.ParseSecret(r.TOTPSecret); err != nil {
			return flaw{"totpSecret", "not a secret of 10 to 64 bytes in base32"}
		}
	}

	if r.Lark != nil {
		person, ok := r.Lark.Tidy()
		if !ok {
			return flaw{"lark", "without an open_id of Lark's form"}
		}

		r.Lark = &person
	}

	return r.settleAssurance()
}

// settleAssurance refuses what speaks of a factor that the record does not have: a user who is asked for a second factor, and has
// none, could not sign in.
func (r *Record) settleAssurance() error {
	switch {
	case !r.PhoneSuspendedAt.IsZero() && r.Phone == "":
		return flaw{"phoneSuspendedAt", "there without a phone"}
	case !r.TOTPSuspendedAt.IsZero() && r.TOTPSecret == "":
		return flaw{"totpSuspendedAt", "there without a totpSecret"}
	case !r.LarkSuspendedAt.IsZero() && r.Lark == nil:
		return flaw{"larkSuspendedAt", "there without lark"}
	case !r.SecondFactorSince.IsZero() && !r.hasFactor():
		return flaw{"secondFactorSince", "there without a phone, a totpSecret or lark"}
	}

	return nil
}

// hasFactor reports whether the record has something that can be a second factor.
func (r *Record) hasFactor() bool { return r.Phone != "" || r.TOTPSecret != "" || r.Lark != nil }

// schemes are those of package password.
const schemes = "Argon2id, bcrypt, scrypt and PBKDF2-SHA-256/512 are"

func (r *Record) settleRest(now time.Time, ordinal uint64) error {
	switch {
	case r.Avatar < 0:
		return flaw{"avatar", "negative"}
	case r.Version < 0:
		return flaw{"version", "negative"}
	case r.SignIns < 0:
		return flaw{"signIns", "negative"}
	case account.CheckPicture(r.Picture) != nil:
		return flaw{"picture", "not an object key or an https:// URL of at most 2,048 characters"}
	}

	if r.CreatedAt.IsZero() {
		r.CreatedAt = instant{now}
	}

	if r.UpdatedAt.IsZero() {
		r.UpdatedAt = r.CreatedAt
	}

	if !r.named {
		r.ID = account.NewIDAt(r.CreatedAt.Time, ordinal)
	}

	return nil
}

func isID(s string) bool { return len(s) == 24 && strings.Trim(s, "0123456789abcdef") == "" }
