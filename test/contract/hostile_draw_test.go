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

// fitting draws a value that the schema allows.
func (h *attacker) fitting(schema *openapi3.Schema) any {
	switch {
	case schema.Format == "email":
		return fmt.Sprintf("%s.%d@%s", pick(h, "a", "A.b", "x+y", "o'neil", "a_b", "1"), h.IntN(1_000_000), pick(h, "konec.com.au", "bücher.example", "KONEC.COM.AU"))
	case schema.Pattern == "^[0-9]{6}$":
		return fmt.Sprintf("%06d", h.IntN(1_000_000))
	case strings.HasPrefix(schema.Pattern, `^\+`): // a phone
		return fmt.Sprintf("+%d", 1_000_000+h.Int64N(1_000_000_000_000_000-1_000_000))
	case len(schema.Enum) > 0:
		return pick(h, schema.Enum...)
	case schema.Type.Is("array"):
		list := make([]any, schema.MinItems)
		for i := range list {
			list[i] = h.fitting(schema.Items.Value)
		}

		return list
	case schema.Type.Is("object"):
		members := map[string]any{}
		for _, name := range schema.Required {
			members[name] = h.fitting(schema.Properties[name].Value)
		}

		return members
	case schema.Type.Is("boolean"):
		return h.IntN(2) == 0
	case schema.Type.Is("integer"):
		return 1 + h.IntN(1_000)
	case strings.HasPrefix(schema.Pattern, `^[\p{L}`): // a group's name
		return fmt.Sprintf("%s %d", pick(h, "Partners", "伙伴", "Été"), h.IntN(1_000_000))
	case strings.HasPrefix(schema.Pattern, "^https?:"): // a webhook's address, where nobody listens
		return fmt.Sprintf("%s?%d", world.NobodyListens, h.IntN(1_000))
	case schema.Format == "date-time":
		return fmt.Sprintf("2026-01-%02dT00:00:00Z", 1+h.IntN(28))
	case schema.Pattern == "^[0-9a-f]{24}$": // the id of an account
		return fmt.Sprintf("%024x", h.Uint64())
	}

	letters := []rune("abcXYZ019 -_.'\"\\/<>&%;:,[]{}äßÅ汉字かな한글🦊🐢")
	if schema.Format == "display-name" {
		letters = letters[:len(letters)-1]
	}

	low := max(int(schema.MinLength), 1)
	most := 200
	if schema.MaxLength != nil {
		most = min(most, int(*schema.MaxLength))
	}

	text := make([]rune, low+h.IntN(most-low+1))

	for i := range text {
		text[i] = letters[h.IntN(len(letters))]
	}

	text[0], text[len(text)-1] = 'q', 'q' // a name of spaces is none

	return string(text)
}

// values draws a body that the document allows, with a member that may be left out.
func (h *attacker) values(o world.Operation) map[string]any {
	values := h.desk.ValuesWith(o, pick(h, o.Fields()...))

	for _, name := range slices.Sorted(maps.Keys(values)) { // in their order, so that a seed says everything
		// Which name the others, and a group that is there, and what the server made.
		if name != "key" && name != "memberGroup" && name != "cursor" {
			values[name] = h.fitting(o.Schema().Properties[name].Value)
		}
	}

	return values
}

// nearly breaks one constraint of one member.
func (h *attacker) nearly(o world.Operation, values map[string]any) map[string]any {
	name := pick(h, slices.Sorted(maps.Keys(values))...)
	schema := o.Schema().Properties[name].Value
	mayBeEmpty := schema.Type.Is("string") && schema.MinLength == 0 && len(schema.Enum) == 0

	switch h.IntN(6) {
	case 0:
		if len(o.Schema().Required) == 0 {
			return map[string]any{"": canary}
		}

		delete(values, pick(h, o.Schema().Required...))
	case 1:
		values[name] = strings.Repeat("q", longest(schema)+1)
	case 2:
		values[name] = strings.Repeat("q", max(int(schema.MinLength)-1, 0))
		if mayBeEmpty {
			values[name] = "\x7f"
		}
	case 3:
		values[name] = fmt.Sprint(values[name]) + "\x00"
	case 4:
		values[pick(h, "role", "_id", "__v", "admin", strings.ToUpper(name), strings.ToUpper(name[:1])+name[1:], name+" ", "")] = canary
	case 5:
		wrong := []any{map[string]any{}, nil, -1.5}
		if !schema.Type.Is("array") {
			wrong = append(wrong, []any{}, 17)
		}

		if !schema.Type.Is("boolean") {
			wrong = append(wrong, true)
		}

		values[name] = pick(h, wrong...)
		if o.Media() != "application/json" {
			values[name] = ""
		}
	}

	return values
}

// longest is what the schema allows; where it says nothing, no text of any length is allowed.
func longest(schema *openapi3.Schema) int {
	if schema.MaxLength == nil {
		return 0
	}

	return int(*schema.MaxLength)
}

// tree draws any JSON, with some of our names in it.
func (h *attacker) tree(depth int) string {
	if depth == 0 || h.IntN(3) == 0 {
		return pick(h, "null", "true", "0", "-0", "1e999", "9007199254740993", `""`, `"a@konec.com.au"`, `"\u0000"`, `"\ud83e"`, "\"\xff\"", "nul", "[", `"`, "NaN")
	}

	parts := make([]string, h.IntN(5))
	for i := range parts {
		parts[i] = h.tree(depth - 1)
	}

	if h.IntN(3) == 0 {
		return "[" + strings.Join(parts, ",") + "]"
	}

	for i := range parts {
		name, _ := json.Marshal(pick(h, "email", "password", "username", "verificationCode", "refresh_token", "code", "key", "phone", "totp", "tss", "Email", "", "__proto__", h.noise(8)))
		parts[i] = string(name) + ":" + parts[i]
	}

	return "{" + strings.Join(parts, ",") + "}"
}

// form draws any form.
func (h *attacker) form() string {
	parts := make([]string, h.IntN(60))
	for i := range parts {
		parts[i] = pick(h, "email", "password", "Email", "email[]", "%65mail", "", "a%00", "%", h.noise(6)) + pick(h, "", "=", "==", "=a%40konec.com.au", "=%FF", "=%00", "=+", "="+canary, "="+h.noise(10))
	}

	return strings.Join(parts, pick(h, "&", "&", "&", ";", "&&"))
}

// scrambled changes a few bytes.
func (h *attacker) scrambled(s string) string {
	text := []byte(s)

	for range 1 + h.IntN(4) {
		if len(text) == 0 {
			break
		}

		at := h.IntN(len(text))

		switch h.IntN(4) {
		case 0:
			text[at] = byte(h.IntN(256))
		case 1:
			text = slices.Delete(text, at, at+1)
		case 2:
			text = slices.Insert(text, at, byte(h.IntN(256)))
		case 3:
			text = text[:at]
		}
	}

	return string(text)
}

// noise draws a text that may stand in a header.
func (h *attacker) noise(most int) string {
	text := make([]byte, h.IntN(most+1))
	for i := range text {
		if text[i] = byte(0x20 + h.IntN(0xe0)); text[i] == 0x7f {
			text[i] = '~'
		}
	}

	return strings.TrimSpace(string(text))
}

// scrambledHeader changes a few bytes to others that may stand in a header.
func (h *attacker) scrambledHeader(s string) string {
	text := []byte(s)

	for range min(len(text), 1+h.IntN(4)) {
		text[h.IntN(len(text))] = byte('0' + h.IntN(10))
	}

	return string(text)
}

func pick[T any](h *attacker, from ...T) T { return from[h.IntN(len(from))] }

// drawn picks a value of a map, the same for the same seed.
func drawn(h *attacker, from map[string]string) string {
	return from[pick(h, slices.Sorted(maps.Keys(from))...)]
}
