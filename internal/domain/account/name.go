package account

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ErrName reports a text that cannot be shown as a name.
var ErrName = errors.New("account: not a name")

// ParseName returns a name in NFC, without surrounding spaces: 1 to 64 code points, one line, no control characters,
// and no characters that change the direction of the text around them.
func ParseName(s string) (string, error) {
	if !utf8.ValidString(s) || len(s) > 1024 {
		return "", ErrName
	}

	s = strings.TrimSpace(norm.NFC.String(s))
	if s == "" || utf8.RuneCountInString(s) > 64 {
		return "", ErrName
	}

	for _, r := range s {
		// U+200D joins emoji and some scripts need it; every other format character is invisible.
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Cf, r) && r != '\u200d' {
			return "", ErrName
		}
	}

	return s, nil
}
