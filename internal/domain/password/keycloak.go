package password

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// KeycloakHash returns the stored form of a hash of Keycloak, whose algorithm, salt and value its export has in three places.
// It returns false for an algorithm that has none.
func KeycloakHash(algorithm string, iterations int64, parameters map[string]string, salt, value string) (string, bool) {
	encode := func(text string) string { return base64.RawStdEncoding.EncodeToString(decodeAny64(text)) }
	passlib := strings.NewReplacer("+", ".")

	switch algorithm {
	case "pbkdf2-sha256", "pbkdf2-sha512":
		return "$" + algorithm + "$" + strconv.FormatInt(iterations, 10) + "$" + passlib.Replace(encode(salt)+"$"+encode(value)), true
	case "argon2":
		if parameters["type"] != "id" || parameters["version"] != "1.3" {
			return "", false
		}

		return fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s", number(parameters["memory"]), iterations, number(parameters["parallelism"]),
			encode(salt), encode(value)), true
	case "bcrypt": // of an extension
		return value, true
	}

	return "", false
}
