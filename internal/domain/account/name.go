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

	text := []rune(s)
	for i, r := range text {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Cf, r) && !isNeeded(text, i) {
			return "", ErrName
		}
	}

	return s, nil
}

// CheckLabel accepts a name, as ParseName does, and an empty text.
func CheckLabel(s string) error {
	if s == "" {
		return nil
	}

	_, err := ParseName(s)

	return err
}

// isNeeded reports whether the format character at i is part of what is seen; every other one is invisible. U+200D joins emoji, and
// letters in some scripts; U+200C keeps letters apart, as Persian writes many names (RFC 5892, appendix A.1); tags follow a
// black flag, and make it that of England, Scotland or Wales.
func isNeeded(text []rune, i int) bool {
	switch r := text[i]; {
	case r == '\u200d':
		return i > 0 && i < len(text)-1
	case r == '\u200c':
		return i > 0 && i < len(text)-1 && isLetter(text[i-1]) && isLetter(text[i+1])
	case '\U000e0020' <= r && r <= '\U000e007f':
		return i > 0 && (text[i-1] == '\U0001f3f4' || '\U000e0020' <= text[i-1] && text[i-1] < '\U000e007f')
	}

	return false
}

// isLetter is true for marks, too: a vowel sign may stand between two letters.
func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) }
