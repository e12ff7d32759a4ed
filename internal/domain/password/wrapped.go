package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// wrappedForms are those of Django and passlib that contain a hash of Argon2id or bcrypt. read receives what the parentheses
// of form match, and returns that hash, and what the system computed of a password before it hashed it: nil for nothing.
var wrappedForms = []struct {
	form *regexp.Regexp
	read func(part []string) (inner string, before func(plain string) string)
}{
	{regexp.MustCompile(`^argon2(\$argon2id\$.+)$`), plainInside},
	{regexp.MustCompile(`^bcrypt\$(\$2[aby]\$.+)$`), plainInside},
	{
		regexp.MustCompile(`^bcrypt_sha256\$(\$2[aby]\$.+)$`),
		func(part []string) (string, func(string) string) {
			return part[0], func(plain string) string {
				sum := sha256.Sum256([]byte(plain))

				return hex.EncodeToString(sum[:])
			}
		},
	},
	{
		regexp.MustCompile(`^\$bcrypt-sha256\$v=2,t=(2[aby]),r=(\d{1,2})\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})$`),
		func(part []string) (string, func(string) string) {
			return bcryptOf(part), func(plain string) string {
				mac := hmac.New(sha256.New, []byte(part[2]))
				mac.Write([]byte(plain))

				return base64.StdEncoding.EncodeToString(mac.Sum(nil))
			}
		},
	},
	{
		regexp.MustCompile(`^\$bcrypt-sha256\$(2[aby]),(\d{1,2})\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})$`),
		func(part []string) (string, func(string) string) {
			return bcryptOf(part), func(plain string) string {
				sum := sha256.Sum256([]byte(plain))

				return base64.StdEncoding.EncodeToString(sum[:])
			}
		},
	},
}

func plainInside(part []string) (string, func(string) string) { return part[0], nil }

// bcryptOf returns the usual form of type, rounds, salt and hash.
func bcryptOf(part []string) string {
	return fmt.Sprintf("$%s$%02d$%s%s", part[0], number(part[1]), part[2], part[3])
}

// unwrap returns the hash within a form of wrappedForms, and what is computed of a password before. Every other hash is returned
// as it is.
func unwrap(stored string) (inner string, before func(plain string) string) {
	if !strings.HasPrefix(stored, "argon2$") && !strings.HasPrefix(stored, "bcrypt") && !strings.HasPrefix(stored, "$bcrypt-") {
		return stored, nil
	}

	for _, one := range wrappedForms {
		if part := one.form.FindStringSubmatch(stored); part != nil {
			return one.read(part[1:])
		}
	}

	return stored, nil
}
