package lark

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest name that is kept, in characters, and the longest address of a picture, in bytes.
const (
	maxName    = 256
	maxPicture = 2048
)

// Person is a user as Lark describes them, in the form that Lark sends and that is stored.
type Person struct {
	OpenID    string `json:"open_id"` // of the user at this app
	UnionID   string `json:"union_id,omitempty"`
	TenantKey string `json:"tenant_key,omitempty"` // of their company
	Name      string `json:"name"`
	EnName    string `json:"en_name,omitempty"`
	AvatarURL string `json:"avatar_url,omitempty"`
}

// ParsePerson reads a person as it is stored. It returns nil for nil: none is bound.
func ParsePerson(stored []byte) (*Person, error) {
	if stored == nil {
		return nil, nil //nolint:nilnil // none is bound, which is not an error
	}

	var person Person
	if err := json.Unmarshal(stored, &person); err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}

	return &person, nil
}

// Tidy returns a Lark user that was imported from another system in our stored form, false if the OpenID cannot be
// Lark's.
func (p Person) Tidy() (Person, bool) { return p.tidy(), idForm.MatchString(p.OpenID) }

// tidy keeps what may be stored and shown: the administrator of a company at Lark chooses these texts.
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

// line returns the text as one line.
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
