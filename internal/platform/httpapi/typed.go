package httpapi

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// typedCode returns a code as the gateway issued it, x-typed-code, from what people type and paste: in full-width characters or
// the digits of their script, in groups with spaces or dashes between, with a line end or an invisible mark around.
func typedCode(text string) string {
	if isPlain(text) && !strings.ContainsAny(text, "-_") {
		return text
	}

	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.In(r, unicode.Dash, unicode.Cf, unicode.M):
			return -1
		case r == '\u2800', r == '\u115f', r == '\u1160': // blank, although Unicode counts them as a symbol and letters
			return -1
		default:
			return asciiDigit(r)
		}
	}, norm.NFKC.String(text))
}

// asciiDigit returns the digit 0 to 9 that a digit of any script stands for, and any other character as it is. Unicode keeps the
// ten digits of a script in a row.
func asciiDigit(r rune) rune {
	for _, block := range unicode.Nd.R16 {
		if rune(block.Lo) <= r && r <= rune(block.Hi) {
			return '0' + (r-rune(block.Lo))%10
		}
	}

	for _, block := range unicode.Nd.R32 {
		if rune(block.Lo) <= r && r <= rune(block.Hi) { //nolint:gosec // of Unicode, so less than 2^21
			return '0' + (r-rune(block.Lo))%10 //nolint:gosec // as above
		}
	}

	return r
}
