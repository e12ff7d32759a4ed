package httpapi

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// IN-K10: codes as people type and paste them.
func TestTypedCode(t *testing.T) {
	t.Parallel()

	for typed, want := range map[string]string{
		"365218":                         "365218",
		"365218 ":                        "365218",
		" 365218":                        "365218",
		"365 218":                        "365218",
		"365-218":                        "365218",
		"3 6 5 2 1 8":                    "365218",
		"\u200e365218\u200e":             "365218", // left-to-right marks
		"\u202a365218\u202c":             "365218", // embedding
		"\ufeff365218":                   "365218", // byte order mark
		"365\u00ad218":                   "365218", // soft hyphen
		"365\u200b218":                   "365218", // zero width space
		"\u00a0365\u00a0218":             "365218", // no-break space
		"365\u2009218":                   "365218", // thin space
		"365\u3000218":                   "365218", // ideographic space
		"365\u2800218":                   "365218", // Braille blank
		"365\u3164218":                   "365218", // Hangul filler
		"365\u2013218":                   "365218", // en dash
		"365\u2014218":                   "365218", // em dash
		"365\u2011218":                   "365218", // non-breaking hyphen
		"365\u2212218":                   "365218", // minus
		"365\uff0d218":                   "365218", // full-width hyphen
		"365218\r\n":                     "365218",
		"\t365218\n":                     "365218",
		"３６５２１８":                         "365218",
		"３６５ ２１８":                        "365218",
		"٣٦٥٢١٨":                         "365218", // Arabic-Indic
		"۳۶۵۲۱۸":                         "365218", // Persian
		"३६५२१८":                         "365218", // Devanagari
		"\U0001d7d1\U0001d7de\u00b2":     "362",    // mathematical bold 3, double-struck 6, superscript 2
		"3\ufe0f\u20e36\ufe0f\u20e3":     "36",     // keycaps
		"abcde-fghij-klmno-pq234":        "abcdefghijklmnopq234",
		"ＡＢＣＤＥ－ＦＧＨＩＪ":                    "ABCDEFGHIJ",
		"365.218":                        "365.218", // no separator of codes
		"CODE":                           "CODE",
		"":                               "",
		" - ":                            "",
		"\u4e09\u516d\u4e94":             "三六五", // words, no digits
		"\U0001e950\U0001e951\U0001fbf3": "013",
	} {
		if got := typedCode(typed); got != want {
			t.Errorf("%+q: %+q, want %q", typed, got, want)
		}
	}
}

// The ten digits of every script, each by its own name in Unicode: spot checks at both ends of blocks.
func TestASCIIDigit(t *testing.T) {
	t.Parallel()

	for r, want := range map[rune]rune{'0': '0', '9': '9', '٠': '0', '٩': '9', '０': '0', '９': '9', '᧐': '0', '᧙': '9', '🯰': '0', '🯹': '9', 'a': 'a', '三': '三', '½': '½'} {
		if got := asciiDigit(r); got != want {
			t.Errorf("%c: %c, want %c", r, got, want)
		}
	}
}

func TestSpellingsOfABody(t *testing.T) {
	t.Parallel()

	typed := &openapi3.Schema{Type: &openapi3.Types{"string"}, Extensions: map[string]any{"x-typed-code": true}}

	found, err := spellingsOf(&openapi3.Schema{Properties: openapi3.Schemas{
		"code": openapi3.NewSchemaRef("", typed),
		"list": openapi3.NewSchemaRef("", &openapi3.Schema{Type: &openapi3.Types{"array"}, Items: openapi3.NewSchemaRef("", typed)}),
		"key":  openapi3.NewSchemaRef("", &openapi3.Schema{Enum: []any{"Name"}, Extensions: map[string]any{"x-accept-lower-case": true}}),
		"text": openapi3.NewSchemaRef("", openapi3.NewStringSchema()),
	}})
	if err != nil {
		t.Fatal(err)
	}

	for body, want := range map[string]string{
		`{"code": "1 2"}`:                      `{"code":"12"}`,
		`{"list": ["1 2", 3, null, "4-"]}`:     `{"list":["12",3,null,"4"]}`,
		`{"key": "name", "text": "1 2"}`:       `{"key":"Name","text":"1 2"}`,
		`{"code": "12", "text": "1 2"}`:        `{"code": "12", "text": "1 2"}`, // nothing to correct, nothing changed
		`{"code": null, "list": "1 2"}`:        `{"code":null,"list":"12"}`,
		`{"code": 12, "list": {"a": "1 2"}}`:   `{"code": 12, "list": {"a": "1 2"}}`,
		`["1 2"]`:                              `["1 2"]`,
		`{"code": ["1 2"], "text": ["<1 2>"]}`: `{"code":["12"],"text":["\u003c1 2\u003e"]}`,
	} {
		if got := string(found.correct([]byte(body))); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}

	if code, text := found.correctText("code", "1 2"), found.correctText("text", "1 2"); code != "12" || text != "1 2" {
		t.Errorf("fields of a form: %q, %q", code, text)
	}
}

// IN-K11: what comes as a plus in an address or a phone number means one, encoded or not.
func TestPlusOfAQuery(t *testing.T) {
	t.Parallel()

	op := operation{plusQuery: plusNames}

	for query, want := range map[string]string{
		"phone=+8613800138000":        "phone=%2B8613800138000",
		"phone=%2B8613800138000":      "phone=%2B8613800138000",
		"a=1+2&email=me+tag@x.io":     "a=1+2&email=me%2Btag@x.io",
		"email=a+b+c@x.io&name=x+y":   "email=a%2Bb%2Bc@x.io&name=x+y",
		"emails=a+b&phone":            "emails=a+b&phone=",
		"email=%20a@x.io":             "email=%20a@x.io",
		strings.Repeat("email=+&", 2): "email=%2B&email=%2B&",
	} {
		if got := op.keepPlus(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}
