package account

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// ErrEmail reports a text that is not an e-mail address to which we send.
var ErrEmail = errors.New("account: not an e-mail address")

// lookup is idna.Lookup, for hyphens at any place: there are registered domains such as ab--cd.example.
var lookup = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(true), idna.CheckHyphens(false), idna.CheckJoiners(true))

// localMarks may stand in a local part, besides letters and digits (RFC 5321 and 5322, atext).
const localMarks = ".!#$%&'*+/=?^_`{|}~-"

// ParseEmail returns the one normal form of an address, at most 254 bytes: without surrounding spaces, the local part
// in lower-case ASCII, the domain in lower-case ASCII by IDNA (RFC 5891). Every path compares and stores only this
// form. Quoted local parts and those beyond ASCII are not valid here: they would allow addresses that look like another
// user's.
func ParseEmail(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) > 1024 || !utf8.ValidString(s) {
		return "", ErrEmail
	}

	local, domain, found := strings.Cut(s, "@")
	if !found || !isLocal(local) {
		return "", ErrEmail
	}

	domain, err := lookup.ToASCII(domain)
	if err != nil || !isDomain(domain) {
		return "", ErrEmail
	}

	email := strings.ToLower(local) + "@" + domain
	if len(email) > 254 {
		return "", ErrEmail
	}

	return email, nil
}

// EmailBeginning returns the beginning of an address in the normal form, as far as it is typed: folded, and the domain in ASCII. A
// plus at its start was a space: many clients encode it so.
func EmailBeginning(s string) string {
	s = strings.ToLower(strings.TrimLeft(strings.TrimSpace(s), "+"))

	local, domain, found := strings.Cut(s, "@")
	if !found {
		return s
	}

	if ascii, err := lookup.ToASCII(domain); err == nil {
		domain = ascii
	}

	return local + "@" + domain
}

func isLocal(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}

	for i := range len(s) {
		if !isAlphanumeric(s[i]) && !strings.ContainsRune(localMarks, rune(s[i])) {
			return false
		}
	}

	return true
}

// isDomain requires at least two labels of letters, digits and inner hyphens, the last not a number (RFC 1123, section
// 2.1): an address literal is not a domain.
func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	if len(s) > 253 || len(labels) < 2 {
		return false
	}

	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}

		for i := range len(label) {
			if !isAlphanumeric(label[i]) && label[i] != '-' {
				return false
			}
		}
	}

	last := labels[len(labels)-1]

	return strings.Trim(last, "0123456789") != ""
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
