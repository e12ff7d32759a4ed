package transfer

import (
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// The values of MongoDB Extended JSON (v2), in its canonical form, {"$date": {"$numberLong": "…"}}, and its relaxed
// form, {"$date": "…"}; and in plain JSON.

var (
	errID      = errors.New("not an ObjectID")
	errInstant = errors.New("not a time such as 2025-01-01T01:24:10.109Z, of the years 1970 to 9999")
	errInteger = errors.New("not a whole number, or too large")
)

// extended reads one value. kind is what wraps it, as in $date$numberLong, followed by the kind of JSON token of text.
func extended(dec *jsontext.Decoder) (kind, text string, err error) {
	depth := 0

	for ; dec.PeekKind() == '{' && depth < 2; depth++ {
		if _, err := dec.ReadToken(); err != nil {
			return "", "", err
		}

		if dec.PeekKind() != '"' {
			return "", "", errors.New("empty")
		}

		name, err := dec.ReadToken()
		if err != nil {
			return "", "", err
		}

		kind += name.String()
	}

	token, err := dec.ReadToken()
	if err != nil {
		return "", "", err
	}

	switch token.Kind() {
	case '"', '0':
		kind += " " + token.Kind().String()
		text = token.String()
	default:
		return "", "", errors.New("neither a text nor a number")
	}

	for ; depth > 0; depth-- {
		if dec.PeekKind() != '}' {
			return "", "", errors.New("more than one value")
		}

		if _, err := dec.ReadToken(); err != nil {
			return "", "", err
		}
	}

	return kind, text, nil
}

// objectID is {"$oid": "…"} or the text itself.
type objectID string

func (o *objectID) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	kind, text, err := extended(dec)

	switch {
	case err != nil:
		return err
	case kind != "$oid string" && kind != " string":
		return errID
	}

	*o = objectID(text)

	return nil
}

// instant is a time in the precision of Postgres, a microsecond.
type instant struct{ time.Time }

func (i *instant) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	kind, text, err := extended(dec)
	if err != nil {
		return err
	}

	switch kind {
	case "$date string", " string":
		*i, err = parseInstant(text)
	case "$date$numberLong string", "$date number":
		ms, failed := strconv.ParseInt(text, 10, 64)
		if failed != nil || ms < 0 || ms > math.MaxInt64/int64(time.Millisecond) {
			return errInstant
		}

		*i, err = within(time.UnixMilli(ms))
	default:
		return errInstant
	}

	return err
}

// instantForms are RFC 3339, and the form of mongoexport 2.6, whose offset has no colon.
var instantForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"}

func parseInstant(text string) (instant, error) {
	for _, form := range instantForms {
		if t, err := time.Parse(form, text); err == nil {
			return within(t)
		}
	}

	return instant{}, errInstant
}

func within(t time.Time) (instant, error) {
	if t = t.UTC().Truncate(time.Microsecond); t.Unix() < 0 || t.Year() > 9999 {
		return instant{}, errInstant
	}

	return instant{t}, nil
}

// String has three decimals, as in the API's responses, and six if three would lose some.
func (i instant) String() string {
	switch {
	case i.IsZero():
		return ""
	case i.Truncate(time.Millisecond).Equal(i.Time):
		return i.UTC().Format("2006-01-02T15:04:05.000Z")
	default:
		return i.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
}

// MarshalJSONTo writes String.
func (i instant) MarshalJSONTo(enc *jsontext.Encoder) error {
	return enc.WriteToken(jsontext.String(i.String()))
}

// integer is a number that may be wrapped.
type integer int64

func (n *integer) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	kind, text, err := extended(dec)
	if err != nil {
		return err
	}

	switch kind {
	case "$numberInt string", "$numberLong string":
		number, failed := strconv.ParseInt(text, 10, 64)
		if failed != nil {
			return errInteger
		}

		*n = integer(number)
	case "$numberDouble string", " number":
		number, failed := strconv.ParseFloat(text, 64)
		if failed != nil || number != math.Trunc(number) || math.Abs(number) > 1<<53 {
			return errInteger
		}

		*n = integer(number)
	default:
		return errInteger
	}

	return nil
}

// int32 returns errInteger for a number that a column cannot hold.
func (n *integer) int32() (int32, error) {
	switch {
	case n == nil:
		return 0, nil
	case *n < math.MinInt32 || *n > math.MaxInt32:
		return 0, errInteger
	}

	return int32(*n), nil
}
