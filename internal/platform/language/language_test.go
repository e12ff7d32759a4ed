package language

import (
	"strings"
	"testing"
	"time"
)

// Contract, "language of message": Chinese, and English for a user who prefers it.
func TestPreferred(t *testing.T) {
	t.Parallel()

	for header, want := range map[string]Language{
		"": Chinese, "zh": Chinese, "zh-CN": Chinese, "zh-TW,zh;q=0.9": Chinese, "zh-Hant-HK": Chinese,
		"en": English, "en-US": English, "en-GB,en;q=0.9": English, "EN": English,
		"en;q=0.5, zh;q=0.9": Chinese, "zh;q=0.5, en;q=0.9": English, "de, en;q=0.5": English, "fr, zh;q=0.2": Chinese,
		"de": Chinese, "ja,ko": Chinese, "*": Chinese, "*;q=0.5": Chinese, "en;q=0": Chinese,
		"en;q=x": Chinese, "\x00": Chinese, "zh;;;": Chinese, "en-US-x-" + strings.Repeat("a-", 120): English,
		strings.Repeat("en,", 100): English, strings.Repeat("de,", 100) + "en": Chinese, "*, en;q=0.9": Chinese, "en, *;q=0.9": English,
		"en;q=2": Chinese, "en;q=NaN": Chinese, "en;q=-1": Chinese, "en; Q = 0.5": English, "cn": Chinese, "x": Chinese, "-en": Chinese,

		// IN-K9: one odd tag does not hide the others, and an odd region does not hide the language.
		"en,cn;q=0.5": English, "en-us,jp;q=0.5": English, "en-US,en;q=0.9,xx;q=0.1": English, "en-EN": English,
		"en-US;q=0.9, en-EN;q=0.8": English, "en-US@calendar=gregorian": English, "en-US,en;q=0,9": English, "en_US": English, "en-UK": English,
		"en-EU": English, "en-419": English, "iw,en": English, "xx-YY, en-GB": English, "en-US,en;q=0.9,;q=0.8": English,
		"zh-CN,en-EN;q=0.9": Chinese, "zh-XX,en;q=0.1": Chinese, "cn,en;q=0.5": English, "en-US.UTF-8": English,
		"fr-FR,fr;q=0.9," + strings.Repeat("de-DE;q=0.1,", 25) + "en;q=0.8": English,
	} {
		if got := Preferred(header); got != want {
			t.Errorf("%.60q: %s, want %s", header, got, want)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()

	text := Text{Chinese: "是", English: "yes"}

	for stored, want := range map[string]string{"zh": "是", "en": "yes", "": "是", "de": "是", "EN": "是"} {
		if got := text.In(Parse(stored)); got != want {
			t.Errorf("%q: %s, want %s", stored, got, want)
		}
	}
}

func FuzzPreferred(f *testing.F) {
	for _, seed := range []string{"en-US,en;q=0.9,zh;q=0.8", "zh-Hans-CN", "*", "en;q=1e9", "x-y-z", strings.Repeat("-a", 100)} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, header string) {
		start := time.Now()

		if got := Preferred(header); got != Chinese && got != English {
			t.Errorf("%q: %q", header, got)
		}

		if took := time.Since(start); took > time.Second {
			t.Errorf("%q took %s", header, took)
		}
	})
}
