package account

import (
	"errors"
	"regexp"
)

// ErrPhone reports a text that is not a phone number in the form of E.164.
var ErrPhone = errors.New("account: not a phone number in the form of E.164")

var phoneForm = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// trunkForm matches a number with a zero behind its country code: +86013… in place of +8613…. Many carriers deliver to both, so
// that one phone would have two numbers, two accounts and twice the limits. Country codes have one digit (1, 7), two or three.
var trunkForm = regexp.MustCompile(`^\+(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|` +
	`(?:2[1-689]|3[578]|42|5[09]|6[7-9]|8[035789]|9[679])[0-9])0`)

// zeroForm matches the countries whose numbers begin with a zero themselves: Italy and the Vatican, San Marino, Benin, Côte
// d'Ivoire, Gabon, the Congo, and the networks that belong to no country.
var zeroForm = regexp.MustCompile(`^\+(?:39|378|379|229|225|241|242|800|808|87[0-9]|88[1-3]|888|979)`)

// ParsePhone accepts a number as ITU-T E.164 writes it, with the + and only digits after it, and without the zero that is dialled
// within a country only. It guesses no country code and removes no zero: a wrong guess would bind another user's number.
func ParsePhone(s string) (string, error) {
	if !phoneForm.MatchString(s) || trunkForm.MatchString(s) && !zeroForm.MatchString(s) {
		return "", ErrPhone
	}

	return s, nil
}
