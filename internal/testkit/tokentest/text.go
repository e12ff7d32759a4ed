package tokentest

import (
	"fmt"
	"strings"
)

// texts returns a genuine token written in another way, and texts that are not tokens (R-G6, V-13).
func (i Issuer) texts() []Forgery {
	genuine := i.Genuine()
	parts := strings.Split(genuine, ".")
	join := func(parts ...string) string { return strings.Join(parts, ".") }

	list := []Forgery{
		{"the empty text", ""},
		{"one dot", "."},
		{"two dots", ".."},
		{"one part", parts[0]},
		{"two parts", join(parts[0], parts[1])},
		{"no signature", join(parts[0], parts[1], "")},
		{"no claims", join(parts[0], "", parts[2])},
		{"no header", join("", parts[1], parts[2])},
		{"four parts", genuine + "."},
		{"four parts, the last the signature again", join(genuine, parts[2])},
		{"five parts, as of an encrypted token", join(parts[0], parts[1], parts[1], parts[1], parts[2])},
		{"parts in another order", join(parts[1], parts[0], parts[2])},
		{"as JSON", fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])},
		{"with its scheme", "Bearer " + genuine},
		{"twice", genuine + genuine},
		{"twice with a comma", genuine + "," + genuine},
		{"in upper case", strings.ToUpper(genuine)},
		{"in quotes", `"` + genuine + `"`},
		{"a text", "not a token"},
		{"a megabyte of letters", strings.Repeat("a", 1<<20)},
		{"a megabyte of dots", strings.Repeat(".", 1<<20)},
		{"a megabyte of claims, signed", i.sign(i.header(nil), i.claims(map[string]any{"jti": strings.Repeat("x", 1<<20)}))},
	}

	for _, space := range []string{" ", "\t", "\n", "\r\n", "\x00", "=", "==", "\u00a0", "%20", "%00"} {
		list = append(list,
			Forgery{fmt.Sprintf("%q in front", space), space + genuine},
			Forgery{fmt.Sprintf("%q behind", space), genuine + space},
			Forgery{fmt.Sprintf("%q behind the header", space), join(parts[0]+space, parts[1], parts[2])},
			Forgery{fmt.Sprintf("%q behind the claims", space), join(parts[0], parts[1]+space, parts[2])},
			Forgery{fmt.Sprintf("%q in the signature", space), join(parts[0], parts[1], parts[2][:40]+space+parts[2][40:])},
		)
	}

	return append(list, Altered(genuine)...)
}

// Altered returns all prefixes and suffixes of a text, and the text with each character omitted, doubled, or replaced
// by the next one. For the last character of a base64 text the next one often differs only in unused bits.
func Altered(text string) []Forgery {
	var list []Forgery

	for at := range len(text) {
		list = append(list,
			Forgery{fmt.Sprintf("the first %d characters", at), text[:at]},
			Forgery{fmt.Sprintf("the characters from %d on", at+1), text[at+1:]},
			Forgery{fmt.Sprintf("character %d another", at), text[:at] + next(text[at]) + text[at+1:]},
			Forgery{fmt.Sprintf("character %d left out", at), text[:at] + text[at+1:]},
			Forgery{fmt.Sprintf("character %d twice", at), text[:at+1] + text[at:]},
		)
	}

	return list
}

func next(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

	if at := strings.IndexByte(alphabet, c); at >= 0 {
		return string(alphabet[at^1])
	}

	return "A"
}
