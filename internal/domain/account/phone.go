package account

import (
	"errors"
	"regexp"
)

// ErrPhone reports a text that is not a phone number in the form of E.164.
var ErrPhone = errors.New("account: not a phone number in the form of E.164")

var phoneForm = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// ParsePhone accepts a number as ITU-T E.164 writes it, with the + and only digits after it. It guesses no country
// code: a wrong guess would bind another user's number.
func ParsePhone(s string) (string, error) {
	if !phoneForm.MatchString(s) {
		return "", ErrPhone
	}

	return s, nil
}
