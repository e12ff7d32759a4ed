package transfer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// unreadable reports a format that is recognized and not read, and what to do.
func unreadable(what string) error { return fmt.Errorf("%w: %s", ErrFormat, what) }

// notText recognizes files that are not text in UTF-8.
func notText(head []byte) error {
	begins := func(text string) bool { return bytes.HasPrefix(head, []byte(text)) }

	switch {
	case begins("\xff\xfe"), begins("\xfe\xff"), begins("\x00\x00\xfe\xff"):
		return unreadable("it is in UTF-16 or UTF-32; save it as UTF-8")
	case begins("\x1f\x8b"):
		return unreadable("it is compressed (gzip); decompress it with gunzip")
	case begins("PK\x03\x04"):
		return unreadable("it is a ZIP archive or a spreadsheet; extract it, or save it as CSV in UTF-8")
	case len(head) > 8 && bytes.Contains(head[:min(len(head), 64)], []byte("_id\x00")):
		return unreadable("it is BSON, as mongodump writes it; write JSON with mongoexport")
	case len(head) > 1 && (head[0] == 0 || head[1] == 0):
		return unreadable("it is not text in UTF-8, but perhaps UTF-16; save it as UTF-8")
	}

	return nil
}

// firstLine returns the first line that is not empty.
func firstLine(head []byte) []byte {
	for one := range bytes.Lines(bytes.TrimPrefix(head, []byte(byteOrderMark))) {
		if one = bytes.TrimSpace(one); len(one) > 0 {
			return one
		}
	}

	return nil
}

func (g glimpse) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return g.members[name] != 0 })
}

// format looks for names that only one of the formats has.
func (g glimpse) format() (Format, error) {
	switch {
	case len(g.text) == 0:
		return "", unreadable("it is empty")
	case g.layout == inTable:
		return g.tableFormat()
	case g.realm && g.layout == inMember:
		return Keycloak, nil
	case g.empty && g.layout == inMember:
		return Firebase, nil // of a project without users
	case g.empty:
		return "", unreadable("it has no accounts")
	case g.layout == inArray && g.has("realm") && !g.has("email"):
		return "", unreadable("it is Keycloak's export of several realms; export one with bin/kc.sh export --realm NAME --users realm_file --file FILE")
	case g.has("localId"):
		return Firebase, nil
	case g.has("user_id") || g.has("passwordHash") && g.has("tenant", "connection", "password_set_date"):
		if !g.has("email") && g.has("otp_secret", "mfa_totp_secret") {
			return "", unreadable("it is Auth0's export of MFA secrets, without accounts; add otp_secret to the export of users by user_id")
		}

		return Auth0, nil
	case g.has("createdTimestamp"), g.has("username") && !g.has("_id") && g.has("enabled", "credentials", "emailVerified"):
		return Keycloak, nil
	case g.has("username"):
		return Gateway, nil
	case g.has("_id") && g.has("create_time", "update_time", "status", "sessions", "totp", "lark"):
		return Public, nil
	case g.has("email") && !g.has("_id"):
		return JSON, nil
	case g.has("_id") && g.has("email"):
		return "", unreadable("it is mongoexport of another program's collection; write objects with email, name, passwordHash and createdAt, " +
			"or use --format if it is one of the earlier services'")
	case bytes.Contains(g.text, []byte("ObjectId(")):
		return "", unreadable("it is output of the mongo shell, not JSON; write JSON with mongoexport")
	case g.layout == inLines && len(g.members) == 0:
		return "", unreadable("the first line is not a JSON object; use --format")
	}

	return "", unreadable("the first record does not show which; use --format")
}

// tableFormat accepts a table in our own form. Those of other systems lose what tells one record from another.
func (g glimpse) tableFormat() (Format, error) {
	table := csv.NewReader(bytes.NewReader(g.text))
	table.LazyQuotes, table.FieldsPerRecord = true, -1

	first, _ := table.Read()
	has := func(name string) bool { return slices.Contains(first, name) }

	switch {
	case len(first) > 26 && (first[2] == "true" || first[2] == "false"):
		return "", unreadable("it is Firebase's export as CSV, in which a name with quotation marks or line ends can pass for another account; " +
			"export JSON: firebase auth:export users.json")
	case has("user_id") || has("email_verified") || has("Email Verified"):
		return "", unreadable(`it is Auth0's export as CSV; export JSON: "format": "json" in the job`)
	case has("_id"):
		return "", unreadable("it is mongoexport as CSV, which does not tell numbers from text; write JSON, without --type=csv")
	}

	line := firstLine(g.text)
	if bytes.IndexByte(line, '\r') >= 0 {
		return "", unreadable("its lines end with a carriage return alone; save it with line feeds")
	}

	if _, _, err := csvReader(line); err != nil {
		return "", fmt.Errorf("%w: neither JSON nor CSV: %w", ErrFormat, err)
	}

	return CSV, nil
}

// harmless are texts that a message may repeat: words, not the beginning of a hash.
var harmless = regexp.MustCompile(`^[\p{L}\p{N}_ .;:-]{1,32}$`)

// quote returns the text for a message, unless it may be a secret.
func quote(text string) string {
	if !harmless.MatchString(text) {
		return "what is there"
	}

	return fmt.Sprintf("%q", text)
}

var errNotOfFormat = errors.New("not a record of this format")

// foreign is a flaw of a record that lacks what every record of its format has.
func foreign(member string, of Format) error {
	return flaw{member, "missing: " + errNotOfFormat.Error() + ", " + strings.ToLower(string(of))}
}
