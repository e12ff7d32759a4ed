package account

import (
	"errors"
	"regexp"
)

// ErrPhone says that a text is no phone number in the form of E.164.
var ErrPhone = errors.New("account: not a phone number in the form of E.164")

var phoneForm = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// ParsePhone takes a number as ITU-T E.164 writes it, with the + and nothing between the digits, and no other: to
// guess a country would bind somebody else's.
func ParsePhone(s string) (string, error) {
	if !phoneForm.MatchString(s) {
		return "", ErrPhone
	}

	return s, nil
}
