package password

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// ErrRefused is returned for a new password that is too short, too common or too close to the account. Its field names
// the reason.
var ErrRefused = problem.New(problem.Invalid, "PASSWORD_REFUSED")

// common holds passwords that attackers try first, one per line, in lower case, sorted by bytes, none shorter than
// eight characters. NOTICE names the source.
//
//go:embed common.txt
var common string

// productWords are words that an attacker guesses from the product alone.
var productWords = []string{"toolkit", "konec", "gateway"}

// Policy accepts or refuses new passwords. It has no rules about kinds of characters: they make passwords worse (NIST
// SP 800-63B, section 3.1.1.2).
type Policy struct {
	MinLength int // in Unicode code points
}

// Check refuses a new password with the reason, as the field /password. personal are words that an attacker would know:
// the e-mail address, the name.
func (p Policy) Check(plain string, personal ...string) error {
	if utf8.RuneCountInString(plain) < p.MinLength {
		return refuse(language.Text{
			Chinese: fmt.Sprintf("密码太短，至少需要 %d 个字符", p.MinLength),
			English: fmt.Sprintf("The password is too short. Use at least %d characters.", p.MinLength),
		})
	}

	if len(plain) > MaxBytes {
		return refuse(language.Text{
			Chinese: fmt.Sprintf("密码太长，最多 %d 字节", MaxBytes),
			English: fmt.Sprintf("The password is too long. Use at most %d bytes.", MaxBytes),
		})
	}

	lower := strings.ToLower(plain)
	if isCommon(lower) || isMonotone(lower) {
		return refuse(language.Text{
			Chinese: "这个密码太常见，容易被猜到",
			English: "The password is too common and easy to guess.",
		})
	}

	for _, word := range append(personalWords(personal), productWords...) {
		if isMostly(lower, word) {
			return refuse(language.Text{
				Chinese: "密码与账号或产品名称太接近，容易被猜到",
				English: "The password is too close to your account or the product's name, and easy to guess.",
			})
		}
	}

	return nil
}

func refuse(reason language.Text) error {
	return ErrRefused.WithFields(problem.Field{Name: "/password", Message: reason})
}

// isCommon searches the sorted lines without a copy or a map.
func isCommon(lower string) bool {
	low, high := 0, len(common)
	for low < high {
		start := strings.LastIndexByte(common[:(low+high)/2], '\n') + 1

		end := len(common)
		if i := strings.IndexByte(common[start:], '\n'); i >= 0 {
			end = start + i
		}

		switch line := common[start:end]; {
		case line == lower:
			return true
		case line < lower:
			low = min(end+1, len(common))
		default:
			high = start
		}
	}

	return false
}

// isMonotone reports whether s repeats one character.
func isMonotone(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)

	return strings.Trim(s, string(first)) == ""
}

// isMostly reports whether less than half of the minimum length is left without the word.
func isMostly(lower, word string) bool {
	return strings.Contains(lower, word) && utf8.RuneCountInString(strings.ReplaceAll(lower, word, "")) < 4
}

func personalWords(personal []string) []string {
	var words []string

	for _, one := range personal {
		one, _, _ = strings.Cut(strings.ToLower(one), "@")
		for _, word := range append(strings.Fields(one), one) {
			if utf8.RuneCountInString(word) >= 4 {
				words = append(words, word)
			}
		}
	}

	return words
}
