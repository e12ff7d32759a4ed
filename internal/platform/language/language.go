// Package language owns the two languages of the product, and selects the one that a caller prefers. It never
// translates: a Text contains both.
package language

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

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

const (
	maxHeader    = 1024 // bytes of an Accept-Language header that are read
	maxLanguages = 32   // of it
)

// Preferred returns the language that an Accept-Language header prefers (RFC 9110, section 12.5.4). What it cannot parse is
// passed over, with the rest of the header read all the same; a header in which nothing is left means Chinese.
func Preferred(acceptLanguage string) Language {
	var wishes []wish

	for one := range strings.SplitSeq(acceptLanguage[:min(len(acceptLanguage), maxHeader)], ",") {
		if w, ok := parseWish(one); ok && len(wishes) < maxLanguages {
			wishes = append(wishes, w)
		}
	}

	slices.SortStableFunc(wishes, func(a, b wish) int { return cmp.Compare(b.quality, a.quality) })

	tags := make([]language.Tag, len(wishes))
	for i, w := range wishes {
		tags[i] = w.tag
	}

	if _, index, confidence := matcher.Match(tags...); index == 1 && confidence > language.No {
		return English
	}

	return Chinese
}

// wish is one language of the header.
type wish struct {
	tag     language.Tag
	quality float64
}

// parseWish reports whether there is a language that is wanted. Where the region or what follows it is unknown, as in en-EN or
// en-US@calendar=gregorian, the language itself is not.
func parseWish(text string) (wish, bool) {
	name, parameter, weighted := strings.Cut(text, ";")
	w := wish{quality: 1}

	if weighted {
		value, isQuality := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(parameter), " ", ""), "q=")

		var err error
		if w.quality, err = strconv.ParseFloat(value, 64); !isQuality || err != nil || !(w.quality > 0 && w.quality <= 1) {
			return wish{}, false
		}
	}

	name = strings.TrimSpace(name)
	if name == "*" { // any language: ours is Chinese
		w.tag = language.Chinese

		return w, true
	}

	var err error
	if w.tag, err = language.Parse(name); err == nil {
		return w, true
	}

	base, err := language.ParseBase(name[:len(name)-len(strings.TrimLeft(name, letters))])
	if err != nil {
		return wish{}, false
	}

	w.tag, err = language.Compose(base)

	return w, err == nil
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// Parse parses a stored language; an unknown one means Chinese.
func Parse(s string) Language {
	if Language(s) == English {
		return English
	}

	return Chinese
}
