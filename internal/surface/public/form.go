package public

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"

	"github.com/konec/toolkit-gateway/internal/platform/language"
	"github.com/konec/toolkit-gateway/internal/platform/problem"
)

//go:embed form.html
var formSource string

var (
	formTemplate = template.Must(template.New("form").Parse(formSource))
	formPolicy   = pagePolicy(formSource)
)

// formPage is a page with a form, or the page that shows its outcome.
type formPage struct {
	Language             language.Language
	Title, Text, Console string
	Form                 *pageForm // nil if there is nothing to fill in
}

type pageForm struct {
	Action, Token, Button string
	Fields                []formField
}

type formField struct {
	Name, Type, Fill, Label, Hint, Value, Fault string
	Most                                        int
	Focus                                       bool
	Fixed                                       bool // shown, never sent
}

func emailField(l language.Language) formField {
	return formField{Name: "email", Type: "email", Fill: "username", Most: 254, Label: language.Text{Chinese: "邮箱", English: "E-mail address"}.In(l)}
}

// fixedEmail shows the address of a link, also to the browser's store of passwords.
func fixedEmail(l language.Language, email string) formField {
	field := emailField(l)
	field.Value, field.Fixed = email, true

	return field
}

func nameField(l language.Language, label language.Text) formField {
	return formField{Name: "name", Type: "text", Fill: "name", Most: 64, Label: label.In(l)}
}

var textRepeat = language.Text{Chinese: "两次输入的密码不一致", English: "The two passwords do not match."}

// passwordFields are a password, twice.
func passwordFields(l language.Language, hint language.Text) []formField {
	label := func(chinese, english string) string { return language.Text{Chinese: chinese, English: english}.In(l) }

	return []formField{
		{Name: "password", Type: "password", Fill: "new-password", Most: 1024, Label: label("密码", "Password"), Hint: hint.In(l)},
		{Name: "repeat", Type: "password", Fill: "new-password", Most: 1024, Label: label("再次输入密码", "Repeat password")},
	}
}

func (f formPage) render() (*bytes.Buffer, error) {
	var page bytes.Buffer
	if err := formTemplate.Execute(&page, f); err != nil {
		return nil, fmt.Errorf("render page: %w", err)
	}

	return &page, nil
}

// focus puts the cursor into the first field that can be filled in.
func (f *pageForm) focus() *pageForm {
	for i := range f.Fields {
		if !f.Fields[i].Fixed {
			f.Fields[i].Focus = true

			break
		}
	}

	return f
}

// keep fills in what the user has sent, except for passwords, and shows the faults, with the cursor in the first of them.
func (f *pageForm) keep(l language.Language, sent map[string]string, faults []problem.Field) {
	focused := false

	for i := range f.Fields {
		field := &f.Fields[i]
		field.Focus = false

		if value, there := sent[field.Name]; there {
			field.Value = value
		}

		for _, fault := range faults {
			if fault.Name == "/"+field.Name {
				field.Fault, field.Focus, focused = fault.Message.In(l), !focused, true
			}
		}
	}
}
