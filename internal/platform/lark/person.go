package lark

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest that is kept of a name, in characters, and of the address of a picture, in bytes.
const (
	maxName    = 256
	maxPicture = 2048
)

// Person is who Lark says that somebody is, in the form that Lark tells it and that is stored.
type Person struct {
	OpenID    string `json:"open_id"` // of the person at this app
	UnionID   string `json:"union_id,omitempty"`
	TenantKey string `json:"tenant_key,omitempty"` // of their company
	Name      string `json:"name"`
	EnName    string `json:"en_name,omitempty"`
	AvatarURL string `json:"avatar_url,omitempty"`
}

// Tidy returns somebody whom another system knows from Lark as we store them, false if the OpenID cannot be Lark's.
func (p Person) Tidy() (Person, bool) { return p.tidy(), idForm.MatchString(p.OpenID) }

// tidy leaves what may be stored and shown: whoever runs a company at Lark writes these texts.
func (p Person) tidy() Person {
	p.Name, p.EnName = line(p.Name), line(p.EnName)

	for _, id := range []*string{&p.UnionID, &p.TenantKey} {
		if !idForm.MatchString(*id) {
			*id = ""
		}
	}

	if u, err := url.Parse(p.AvatarURL); err != nil || u.Scheme != "https" || u.Host == "" || len(p.AvatarURL) > maxPicture {
		p.AvatarURL = ""
	}

	return p
}

// line is one line of text.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return -1
		}

		return r
	}, s)

	if runes := []rune(s); len(runes) > maxName {
		return string(runes[:maxName])
	}

	return s
}
