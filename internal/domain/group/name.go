package group

import (
	"errors"
	"strings"
	"unicode"
)

var errName = errors.New("group: the name is not valid")

// CheckName accepts letters and digits of every script, and from the second character on also spaces and `. _ -`.
func CheckName(name string) error {
	if name == "" {
		return errName
	}

	for i, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && (i == 0 || !strings.ContainsRune(" ._-", r)) {
			return errName
		}
	}

	return nil
}
