package delivery

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strconv"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
)

// Rendered is a message in the form that the user reads.
type Rendered struct {
	Subject string
	Text    string
	HTML    string
}

//go:embed templates
var files embed.FS

// One frame for each format; the texts of every kind and language are in words.go.
var (
	textFrame = texttemplate.Must(texttemplate.ParseFS(files, "templates/message.txt"))
	htmlFrame = htmltemplate.Must(htmltemplate.ParseFS(files, "templates/message.html"))
)

// timeForms are how messages write a time. It is in UTC, because where the reader is, is not known.
var timeForms = language.Text{Chinese: "2006年1月2日 15:04（UTC）", English: "2 January 2006, 15:04 UTC"}

// frame is the input of the templates.
type frame struct {
	Language language.Language
	Subject  string
	Before   []string // paragraphs before the code
	Code     string
	Link     string   // the address of a page that can be used instead of the code, or empty
	LinkText string   // introduces it
	Button   string   // opens it, in a message with HTML
	After    []string // paragraphs after both
	Footer   string
}

func render(kind Kind, l language.Language, content Content) (Rendered, error) {
	words, known := wording[kind]
	if !known {
		return Rendered{}, fmt.Errorf("delivery: no template for %q", kind)
	}

	values := map[string]string{
		"{device}":  origin.Device(content.Device, l),
		"{address}": content.Address,
		"{factor}":  factorNames[content.Factor].In(l),
		"{time}":    content.At.UTC().Format(timeForms.In(l)),
	}
	f := frame{
		Language: l,
		Subject:  words.subject.In(l),
		Before:   fill(words.before, l, values),
		Code:     content.Code,
		Link:     content.Link,
		LinkText: words.link.In(l),
		Button:   button.In(l),
		After:    fill(words.after, l, values),
		Footer:   footer.In(l),
	}

	var text, html bytes.Buffer
	if err := textFrame.Execute(&text, f); err != nil {
		return Rendered{}, fmt.Errorf("render text: %w", err)
	}

	if err := htmlFrame.Execute(&html, f); err != nil {
		return Rendered{}, fmt.Errorf("render html: %w", err)
	}

	return Rendered{Subject: f.Subject, Text: text.String(), HTML: html.String()}, nil
}

// renderSMS returns the text of an SMS. It states the whole lifetime of the code, not the rest, so that a repeat has
// the same text: a provider that refuses duplicates recognizes it.
func renderSMS(kind Kind, l language.Language, code string, minutes int) (Rendered, error) {
	words, known := smsWording[kind]
	if !known {
		return Rendered{}, fmt.Errorf("delivery: no text message for %q", kind)
	}

	text := strings.NewReplacer("{code}", code, "{minutes}", strconv.Itoa(minutes)).Replace(words.text.In(l))

	return Rendered{Subject: words.title.In(l), Text: text}, nil
}

// minutes returns a code's lifetime, rounded: it is the difference of two readings of the clock, a moment apart.
func minutes(life time.Duration) int { return max(1, int(life.Round(time.Minute)/time.Minute)) }
