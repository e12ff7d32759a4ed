// Package language owns the two languages of the product, and selects the one that a caller prefers. It never
// translates: a Text contains both.
package language

import (
	"golang.org/x/text/language"
)

// Language is a primary language subtag (RFC 5646), "zh" or "en".
type Language string

// The languages of every message, mail and page. Chinese is the default, as the contract requires.
const (
	Chinese Language = "zh"
	English Language = "en"
)

// Text is one sentence in both languages.
type Text struct {
	Chinese string
	English string
}

// In returns the text in l.
func (t Text) In(l Language) string {
	if l == English {
		return t.English
	}

	return t.Chinese
}

var matcher = language.NewMatcher([]language.Tag{language.Chinese, language.English})

// Preferred returns the language that an Accept-Language header prefers (RFC 9110, section 12.5.4). A header that it
// cannot parse means Chinese.
func Preferred(acceptLanguage string) Language {
	if acceptLanguage == "" || len(acceptLanguage) > 256 {
		return Chinese
	}

	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return Chinese
	}

	if _, index, confidence := matcher.Match(tags...); index == 1 && confidence > language.No {
		return English
	}

	return Chinese
}

// Parse parses a stored language; an unknown one means Chinese.
func Parse(s string) Language {
	if Language(s) == English {
		return English
	}

	return Chinese
}
