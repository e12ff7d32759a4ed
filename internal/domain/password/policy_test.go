package password

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

// R-A1 to R-A5, T-01, T-21: which passwords are refused, with the reason, and that no others are.
func TestPolicy(t *testing.T) {
	t.Parallel()

	policy := Policy{MinLength: 8}
	personal := []string{"zhangwei.lee@konec.com.au", "Marguerite Zhang"}

	for name, c := range map[string]struct {
		plain  string
		reason string // in English; empty if it is accepted
	}{
		"Empty":                {"", "too short"},
		"SevenCharacters":      {"qz7!vK2", "too short"},
		"SevenOfFourBytes":     {"🐙🦑🐡🐠🐟🐬🐳", "too short"},
		"EightOfFourBytes":     {"🐙🦑🐡🐠🐟🐬🐳🦭", ""},
		"EightOfThreeBytes":    {"床前明月光疑是地", ""},
		"SixtyFourCharacters":  {strings.Repeat("长🐙 x", 16), ""},
		"MostBytes":            {strings.Repeat("ab", MaxBytes/2), ""},
		"OneByteTooMany":       {strings.Repeat("ab", MaxBytes/2) + "c", "too long"},
		"OneClassOfCharacters": {"qxvkzjwphtmbdrfgcnly", ""},
		"OnlyDigits":           {"90210487653315", ""},
		"OnlySpacesAndWords":   {"my cat eats blue chairs", ""},
		"Common":               {"password1", "too common"},
		"CommonInCapitals":     {"PassWord1", "too common"},
		"CommonDigits":         {"12345678", "too common"},
		"OneCharacterOnly":     {"xxxxxxxxxxxxxxxxxxxx", "too common"},
		"OneEmojiOnly":         {"🐙🐙🐙🐙🐙🐙🐙🐙", "too common"},
		"Product":              {"Toolkit1", "too close"},
		"ProductTwice":         {"toolkittoolkit", "too close"},
		"LocalPart":            {"zhangwei.lee", "too close"},
		"LocalPartAndYear":     {"Zhangwei.Lee24", "too close"},
		"PartOfTheName":        {"marguerite1", "too close"},
		"WholeName":            {"marguerite zhang", "too close"},
		"NameAmongOthers":      {"marguerite likes green tea", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			err := policy.Check(c.plain, personal...)
			if c.reason == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}

				return
			}

			told, ok := errors.AsType[*problem.Problem](err)
			if !ok || !errors.Is(err, ErrRefused) || len(told.Fields) != 1 || told.Fields[0].Name != "/password" {
				t.Fatalf("got %+v", err)
			}

			if message := told.Fields[0].Message; !strings.Contains(message.In(language.English), c.reason) || message.In(language.Chinese) == "" {
				t.Errorf("reason %+v, want %q", message, c.reason)
			}
		})
	}

	if err := (Policy{MinLength: 15}).Check("fourteen chars"); !errors.Is(err, ErrRefused) {
		t.Errorf("14 characters where 15 are asked for: %v", err)
	}
}

// R-A5: the search only works on a sorted list, and the list is useful only if it is long.
func TestCommonList(t *testing.T) {
	t.Parallel()

	lines := strings.Split(strings.TrimSuffix(common, "\n"), "\n")

	long := 0

	for i, line := range lines {
		if line != strings.ToLower(line) || line != strings.TrimSpace(line) || line == "" {
			t.Errorf("line %d: %q", i+1, line)
		}

		if utf8.RuneCountInString(line) >= 8 {
			long++
		}

		if !isCommon(line) {
			t.Fatalf("line %d: %q is not found", i+1, line)
		}
	}

	if !slices.IsSorted(lines) || long < 3000 {
		t.Errorf("sorted: %t, of eight characters or more: %d", slices.IsSorted(lines), long)
	}

	for _, absent := range []string{"", "\n", "!", "~~~~~~~~~", lines[0] + "\n" + lines[1], lines[0][:len(lines[0])-1], lines[len(lines)-1] + "z", "\x00", "\xff"} {
		if isCommon(absent) && !slices.Contains(lines, absent) {
			t.Errorf("%q is found", absent)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add("password1", "a@b.c")
	f.Add("", "")
	f.Add("\xff\xfe", "@")

	policy := Policy{MinLength: 8}

	f.Fuzz(func(t *testing.T, plain, personal string) {
		err := policy.Check(plain, personal)
		if err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("got %v", err)
		}

		if err == nil && (utf8.RuneCountInString(plain) < 8 || len(plain) > MaxBytes) {
			t.Errorf("%q was taken", plain)
		}
	})
}
