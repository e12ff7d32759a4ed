//go:build battery

package attack_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

var (
	formIn  = regexp.MustCompile(`(?s)<form[^>]*>.*?</form>`)
	inputIn = regexp.MustCompile(`<input[^>]*>`)
)

// attribute returns an attribute of an HTML tag.
func attribute(tag, name string) string {
	match := regexp.MustCompile(`\b` + name + `\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))`).FindStringSubmatch(tag)
	if match == nil {
		return ""
	}

	return html.UnescapeString(match[1] + match[2] + match[3])
}

// follow opens the page of a link of a mail, fills its form in and sends it. Every field of a password gets the password,
// and an empty one of a text a name.
func (c *client) follow(t *testing.T, link, password string) reply {
	t.Helper()

	address, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}

	page := c.call(t, http.MethodGet, address.RequestURI(), nil)

	form := formIn.FindString(string(page.body))
	if !page.ok() || form == "" {
		return page
	}

	values := url.Values{}

	for _, input := range inputIn.FindAllString(form, -1) {
		switch name := attribute(input, "name"); {
		case name == "":
		case attribute(input, "type") == "password":
			values.Set(name, password)
		default:
			values.Set(name, attribute(input, "value"))

			if kind := attribute(input, "type"); values.Get(name) == "" && (kind == "" || kind == "text") {
				values.Set(name, "Newcomer")
			}
		}
	}

	action := target(attribute(form[:strings.Index(form, ">")+1], "action"), address.Path)

	return c.call(t, http.MethodPost, action, values)
}

// target returns the path to which a form is sent.
func target(action, fallback string) string {
	parsed, err := url.Parse(action)
	if err != nil || parsed.Path == "" {
		return fallback
	}

	if !strings.HasPrefix(parsed.Path, "/") {
		return "/" + strings.TrimPrefix(parsed.Path, "./")
	}

	return parsed.RequestURI()
}
