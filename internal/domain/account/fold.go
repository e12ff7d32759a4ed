package account

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold returns a text as it is compared in a search: in one Unicode form, without case, without accents of letters, with single
// spaces. It is done here and not by the database, whose locale decides which letters it can fold.
func Fold(text string) string {
	decomposed := strings.Map(func(r rune) rune {
		switch {
		case '\u0300' <= r && r <= '\u036f', unicode.Is(unicode.Cf, r): // accents, and what is not seen
			return -1
		case r == 'ı': // Turkish: I is the capital of it, and folds to i
			return 'i'
		}

		return r
	}, norm.NFKD.String(cases.Fold().String(norm.NFKC.String(text))))

	return strings.Join(strings.Fields(norm.NFC.String(decomposed)), " ")
}

// SearchText returns the text in which a search looks for its terms: the name, the address in both spellings of its domain, and
// the number, folded and encoded with EncodeTerm.
func SearchText(email, name, phone string) string {
	lines := []string{Fold(name), Fold(email)}

	if local, domain, found := strings.Cut(email, "@"); found && strings.Contains(domain, "xn--") {
		if written, err := idna.Display.ToUnicode(domain); err == nil {
			lines = append(lines, Fold(local+"@"+written))
		}
	}

	if phone != "" {
		lines = append(lines, phone)
	}

	return EncodeTerm(strings.Join(lines, "\n"))
}

// EncodeTerm returns a folded text in ASCII: every other character as Z and five capitals. A database of any locale finds parts of
// ASCII by trigrams. Folded text has no capitals, so a part of one character is never found in another.
func EncodeTerm(text string) string {
	const base = 25 // the letters A to Y

	var encoded strings.Builder

	for _, r := range text {
		if r <= unicode.MaxASCII {
			encoded.WriteRune(r)

			continue
		}

		signs := [6]byte{'Z'}

		for i := len(signs) - 1; i > 0; i-- {
			signs[i] = 'A' + byte(r%base)
			r /= base
		}

		encoded.Write(signs[:])
	}

	return encoded.String()
}
