package transfer

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/konec/toolkit-gateway/internal/domain/account"
)

// What the formats of other identity systems have in common: they hold accounts that could not have been created here.

// admit brings a record of another system under the rules of accounts that were created here. verified is what the system says
// of the address, in the member field; nil is nothing.
//
// Here every address was confirmed by a code. If one was not, a stranger may have registered with it, and would keep a way in
// after its owner resets the password. So nothing that opens the account is imported, and its owner sets a password with a code
// from the mail.
func (o Options) admit(r *Record, verified *bool, field string) {
	if account.CheckPicture(r.Picture) != nil {
		r.note("picture", "not an object key or an https:// URL of at most 2,048 characters: imported without it")
		r.Picture = ""
	}

	// Every app shows a name, and some systems put the address there.
	r.Name = strings.TrimSpace(r.Name)
	if local, _, _ := strings.Cut(strings.TrimSpace(r.Email), "@"); r.Name == "" || strings.EqualFold(r.Name, strings.TrimSpace(r.Email)) {
		r.Name = local
	}

	if o.TrustUnverified || verified != nil && *verified {
		return
	}

	if r.PasswordHash == "" && r.Phone == "" && r.TOTPSecret == "" {
		return
	}

	r.PasswordHash, r.Phone, r.TOTPSecret, r.SecondFactorSince = "", "", "", instant{}
	r.note(field, "the address was never confirmed: imported without password, phone and authenticator app, unless --trust-unverified is set")
}

// note adds a remark about a record that is imported all the same.
func (r *Record) note(field, reason string) { r.notes = append(r.notes, flaw{field, reason}) }

// millis is a time in milliseconds, as a number or as its digits.
type millis struct{ instant }

func (m *millis) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	kind, text, err := extended(dec)
	if err != nil {
		return err
	}

	if kind != " string" && kind != " number" {
		return errMillis
	}

	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms < 0 || ms > math.MaxInt64/int64(time.Millisecond) {
		return errMillis
	}

	m.instant, err = within(time.UnixMilli(ms))

	return err
}

var errMillis = errors.New("not a time in milliseconds since 1970")

func (m *millis) orZero() instant {
	if m == nil {
		return instant{}
	}

	return m.instant
}
