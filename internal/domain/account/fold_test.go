package account_test

import (
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/account"
)

// IN-K17: what people see as one text is one when folded, whatever the database's locale.
func TestFold(t *testing.T) {
	t.Parallel()

	for want, texts := range map[string][]string{
		"arzte":   {"Ärzte", "ärzte", "A\u0308rzte", " Ärzte", "Ärzte  ", "ÄRZTE", "Arzte"},
		"isil":    {"ISIL", "isil", "Işıl", "IŞIL", "İsil", "ışıl"},
		"strasse": {"Straße", "STRASSE", "straße"},
		"σισυφοσ": {"Σίσυφος", "ΣΙΣΥΦΟΣ"},
		"钟明":      {"钟明", " 钟明"},
		"abc 12":  {"ＡＢＣ　１２", "abc   12", "\u200eAbc 12"},
		"김철수":     {"김철수", "\u1100\u1175\u11b7철수"},
		"علی رضا": {"علی رضا"},
		"علیرضا":  {"علی\u200cرضا"},
	} {
		for _, text := range texts {
			if got := account.Fold(text); got != want {
				t.Errorf("%+q: %q, want %q", text, got, want)
			}

			if again := account.Fold(account.Fold(text)); again != account.Fold(text) {
				t.Errorf("%+q folded twice: %q", text, again)
			}
		}
	}
}

// What is searched is ASCII, and a term is found in it exactly where the text has it.
func TestSearchText(t *testing.T) {
	t.Parallel()

	text := account.SearchText("idn@xn--bcher-kva.example", "Björn 钟明 Thompson", "+8613800138000")

	for _, r := range text {
		if r > '~' {
			t.Fatalf("%q is not ASCII", text)
		}
	}

	for term, want := range map[string]bool{
		"bjorn": true, "明": true, "钟明": true, "钟": true, "thomp": true, "ompso": true, "@bücher": true, "idn@bücher": true, "büch": true, "xn--bcher": true,
		"138001": true, "+86138": true, ".example": true,
		"明钟": false, "a": true, "zab": false, "日": false, "中": false, "bjornthompson": false, "thompsonidn": false,
	} {
		if got := strings.Contains(text, account.EncodeTerm(account.Fold(term))); got != want {
			t.Errorf("%q is in %q: %t", term, text, got)
		}
	}
}

// Every character has its own six signs.
func TestEncodeTerm(t *testing.T) {
	t.Parallel()

	seen := map[string]rune{}

	for r := rune(0x80); r <= 0x10ffff; r += 1 + r/97 {
		if 0xd800 <= r && r <= 0xdfff {
			continue
		}

		encoded := account.EncodeTerm(string(r))
		if was, twice := seen[encoded]; twice || len(encoded) != 6 || strings.Trim(encoded[1:], "ABCDEFGHIJKLMNOPQRSTUVWXY") != "" {
			t.Fatalf("%U and %U: %q", r, was, encoded)
		}

		seen[encoded] = r
	}
}
