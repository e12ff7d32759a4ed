package contract_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/konec/toolkit-gateway/internal/testkit/world"
)

// validValue draws a value that the schema allows.
func (f *fuzzer) validValue(schema *openapi3.Schema) any {
	switch {
	case schema.Format == "email":
		return fmt.Sprintf("%s.%d@%s", pick(f, "a", "A.b", "x+y", "o'neil", "a_b", "1"), f.IntN(1_000_000), pick(f, "konec.com.au", "bücher.example", "KONEC.COM.AU"))
	case schema.Pattern == "^[0-9]{6}$":
		return fmt.Sprintf("%06d", f.IntN(1_000_000))
	case strings.HasPrefix(schema.Pattern, `^\+`): // a phone
		return fmt.Sprintf("+%s%d", pick(f, "86", "852", "1", "44", "971"), 1_000_000+f.Int64N(9_000_000_000)) // no zero after the country's code
	case len(schema.Enum) > 0:
		return pick(f, schema.Enum...)
	case schema.Type.Is("array"):
		list := make([]any, schema.MinItems)
		for i := range list {
			list[i] = f.validValue(schema.Items.Value)
		}

		return list
	case schema.Type.Is("object"):
		members := map[string]any{}
		for _, name := range schema.Required {
			members[name] = f.validValue(schema.Properties[name].Value)
		}

		return members
	case schema.Type.Is("boolean"):
		return f.IntN(2) == 0
	case schema.Type.Is("integer"):
		return 1 + f.IntN(1_000)
	case schema.Format == "group-name":
		return fmt.Sprintf("%s %d", pick(f, "Partners", "伙伴", "Été"), f.IntN(1_000_000))
	case strings.HasPrefix(schema.Pattern, "^https?:"): // a webhook's URL, where nothing listens
		return fmt.Sprintf("%s?%d", world.UnreachableWebhook, f.IntN(1_000))
	case schema.Format == "date-time":
		return fmt.Sprintf("2026-01-%02dT00:00:00Z", 1+f.IntN(28))
	case strings.Contains(schema.Pattern, "{43,128}"): // the verifier of an app
		return world.GrantVerifier
	case schema.Pattern == "^[0-9a-f]{24}$": // the id of an account
		return fmt.Sprintf("%024x", f.Uint64())
	}

	if schema.Extensions["x-typed-code"] == true { // spaces and dashes in it would not count
		return strings.Repeat(pick(f, "0", "A", "z7"), int(schema.MinLength))
	}

	letters := []rune("abcXYZ019 -_.'\"\\/<>&%;:,[]{}äßÅ汉字かな한글🦊🐢")
	switch schema.Format {
	case "display-name", "label":
		letters = letters[:len(letters)-1]
	case "picture":
		letters = []rune("abcXYZ019-_/&%;,[]{}äßÅ汉字かな한글🦊🐢")
	}

	low := max(int(schema.MinLength), 1)
	most := 200
	if schema.MaxLength != nil {
		most = min(most, int(*schema.MaxLength))
	}

	text := make([]rune, low+f.IntN(most-low+1))

	for i := range text {
		text[i] = letters[f.IntN(len(letters))]
	}

	text[0], text[len(text)-1] = 'q', 'q' // a name must not be only spaces

	return string(text)
}

// values draws a body that the document allows, sometimes with an optional member.
func (f *fuzzer) values(o world.Operation) map[string]any {
	values := f.gateway.ValuesWith(o, pick(f, o.Fields()...))

	for _, name := range slices.Sorted(maps.Keys(values)) { // in a fixed order, so that the seed determines everything
		// These name the other members, an existing group, or a cursor that the server issued.
		if name != "key" && name != "memberGroup" && name != "cursor" {
			values[name] = f.validValue(o.Schema().Properties[name].Value)
		}
	}

	return values
}

// breakConstraint breaks one constraint of one member.
func (f *fuzzer) breakConstraint(o world.Operation, values map[string]any) map[string]any {
	name := pick(f, slices.Sorted(maps.Keys(values))...)
	schema := o.Schema().Properties[name].Value
	mayBeEmpty := schema.Type.Is("string") && schema.MinLength == 0 && len(schema.Enum) == 0

	switch f.IntN(6) {
	case 0:
		if len(o.Schema().Required) == 0 {
			return map[string]any{"": canary}
		}

		delete(values, pick(f, o.Schema().Required...))
	case 1:
		values[name] = strings.Repeat("q", longest(schema)+1)
	case 2:
		values[name] = strings.Repeat("q", max(int(schema.MinLength)-1, 0))
		if mayBeEmpty {
			values[name] = "\x7f\x00" // NUL, because not every text must be one line
		}
	case 3:
		values[name] = fmt.Sprint(values[name]) + "\x00"
	case 4:
		values[pick(f, "role", "_id", "__v", "admin", strings.ToUpper(name), strings.ToUpper(name[:1])+name[1:], name+" ", "")] = canary
	case 5:
		wrong := []any{map[string]any{}, nil, -1.5}
		if !schema.Type.Is("array") {
			wrong = append(wrong, []any{}, 17)
		}

		if !schema.Type.Is("boolean") {
			wrong = append(wrong, true)
		}

		values[name] = pick(f, wrong...)
		if o.Media() != "application/json" {
			values[name] = ""
		}
	}

	return values
}

// longest returns the maximum length of the schema, or 0 if it has none: an unbounded text would never end.
func longest(schema *openapi3.Schema) int {
	if schema.MaxLength == nil {
		return 0
	}

	return int(*schema.MaxLength)
}

// anyJSON draws any JSON, with some of our names in it.
func (f *fuzzer) anyJSON(depth int) string {
	if depth == 0 || f.IntN(3) == 0 {
		return pick(f, "null", "true", "0", "-0", "1e999", "9007199254740993", `""`, `"a@konec.com.au"`, `"\u0000"`, `"\ud83e"`, "\"\xff\"", "nul", "[", `"`, "NaN")
	}

	parts := make([]string, f.IntN(5))
	for i := range parts {
		parts[i] = f.anyJSON(depth - 1)
	}

	if f.IntN(3) == 0 {
		return "[" + strings.Join(parts, ",") + "]"
	}

	for i := range parts {
		name, _ := json.Marshal(pick(f, "email", "password", "username", "verificationCode", "refresh_token", "code", "key", "phone", "totp", "tss", "Email", "", "__proto__", f.headerText(8)))
		parts[i] = string(name) + ":" + parts[i]
	}

	return "{" + strings.Join(parts, ",") + "}"
}

// form draws any form.
func (f *fuzzer) form() string {
	parts := make([]string, f.IntN(60))
	for i := range parts {
		parts[i] = pick(f, "email", "password", "Email", "email[]", "%65mail", "", "a%00", "%", f.headerText(6)) + pick(f, "", "=", "==", "=a%40konec.com.au", "=%FF", "=%00", "=+", "="+canary, "="+f.headerText(10))
	}

	return strings.Join(parts, pick(f, "&", "&", "&", ";", "&&"))
}

// scramble changes a few bytes.
func (f *fuzzer) scramble(s string) string {
	text := []byte(s)

	for range 1 + f.IntN(4) {
		if len(text) == 0 {
			break
		}

		at := f.IntN(len(text))

		switch f.IntN(4) {
		case 0:
			text[at] = byte(f.IntN(256))
		case 1:
			text = slices.Delete(text, at, at+1)
		case 2:
			text = slices.Insert(text, at, byte(f.IntN(256)))
		case 3:
			text = text[:at]
		}
	}

	return string(text)
}

// headerText draws a text that is allowed in a header.
func (f *fuzzer) headerText(most int) string {
	text := make([]byte, f.IntN(most+1))
	for i := range text {
		if text[i] = byte(0x20 + f.IntN(0xe0)); text[i] == 0x7f {
			text[i] = '~'
		}
	}

	return strings.TrimSpace(string(text))
}

// scrambleHeader changes a few bytes to others that are allowed in a header.
func (f *fuzzer) scrambleHeader(s string) string {
	text := []byte(s)

	for range min(len(text), 1+f.IntN(4)) {
		text[f.IntN(len(text))] = byte('0' + f.IntN(10))
	}

	return string(text)
}

func pick[T any](f *fuzzer, from ...T) T { return from[f.IntN(len(from))] }

// pickValue draws a value of a map, the same for the same seed.
func pickValue(f *fuzzer, from map[string]string) string {
	return from[pick(f, slices.Sorted(maps.Keys(from))...)]
}
