package delivery

import (
	"bytes"
	"embed"
	"fmt"
	htmltemplate "html/template"
	texttemplate "text/template"
	"time"

	"github.com/konec/toolkit-gateway/internal/language"
)

// Rendered is a message as a person reads it.
type Rendered struct {
	Subject string
	Text    string
	HTML    string
}

//go:embed templates
var files embed.FS

// One frame for each form, and the words of every kind and language in words.go.
var (
	textFrame = texttemplate.Must(texttemplate.ParseFS(files, "templates/message.txt"))
	htmlFrame = htmltemplate.Must(htmltemplate.ParseFS(files, "templates/message.html"))
)

// frame is what the templates are given.
type frame struct {
	Language language.Language
	Subject  string
	Before   []string // paragraphs before the code
	Code     string
	After    []string // and after it
	Footer   string
}

func render(kind Kind, l language.Language, content Content) (Rendered, error) {
	words, known := wording[kind]
	if !known {
		return Rendered{}, fmt.Errorf("delivery: no template for %q", kind)
	}

	values := map[string]string{
		"{device}": content.Device,
		"{time}":   content.At.UTC().Format(time.RFC3339),
	}
	f := frame{
		Language: l,
		Subject:  words.subject.In(l),
		Before:   fill(words.before, l, values),
		Code:     content.Code,
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
