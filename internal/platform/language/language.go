// Package language knows the two languages of the product, and which of them a caller
// prefers. It never translates by itself: a Text carries both.
package language

import (
	"golang.org/x/text/language"
)

// Language is a primary language subtag (RFC 5646), "zh" or "en".
type Language string

// The languages of every message, mail and page. Chinese is the default, as the contract says.
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

// Preferred reads an Accept-Language header (RFC 9110, section 12.5.4). Anything that it cannot
// parse means Chinese.
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

// Parse reads a stored language; an unknown one means Chinese.
func Parse(s string) Language {
	if Language(s) == English {
		return English
	}

	return Chinese
}
