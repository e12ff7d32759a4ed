package account

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxPicture is the longest picture, in characters.
const MaxPicture = 2048

// ErrPicture reports a text that is neither the key of an object nor a URL of a picture.
var ErrPicture = errors.New("account: not a picture")

// CheckPicture accepts an object key, an https URL, or nothing. Clients put the text where a browser follows it: it must
// be no script, no document of its own (data:), and nothing that leaves https or the folder of the objects.
func CheckPicture(s string) error {
	unsafe := func(r rune) bool {
		return r == utf8.RuneError || unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune("\\\"'`<>", r)
	}
	if utf8.RuneCountInString(s) > MaxPicture || strings.ContainsFunc(s, unsafe) {
		return ErrPicture
	}

	if strings.HasPrefix(strings.ToLower(s), "https:") {
		if u, err := url.Parse(s); err != nil || u.Hostname() == "" || u.User != nil {
			return ErrPicture
		}

		return nil
	}

	if strings.HasPrefix(s, "/") || strings.ContainsAny(s, ":?#") || slices.Contains(strings.Split(s, "/"), "..") {
		return ErrPicture
	}

	return nil
}
