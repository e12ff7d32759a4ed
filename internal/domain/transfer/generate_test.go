package transfer_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf16"
)

// generator makes files of accounts, good and bad. An address says what its record is: ok is to be imported, bad to be refused,
// and evil stands within a value or behind a break, where it is not a record.
type generator struct {
	*rand.Rand

	serial int
}

func (g *generator) address(kind string) string {
	g.serial++

	return fmt.Sprintf("%s%d@konec.test", kind, g.serial)
}

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

func (g *generator) name() string {
	return pick(g, "Ann", `Ann "A" Lee`, "Lee, Ann", "李 雷", "👩🏽‍💻", `C:\dir\`, "=1+1", "\"", `""`, "O'Neil", "] , { }", "a\u2028b"[:1], "ß", "{\"email\":1}")
}

// evilName is a name in which another record stands.
func (g *generator) evilName() string {
	evil := g.address("evil")

	return pick(g, "", "x") + pick(g, "\n", "\r\n", "\n\n") + pick(g, evil+",Mallory,active", `{"email":"`+evil+`","name":"Mallory"}`,
		`"`+evil+`","Mallory","active"`, `{"localId":"x","email":"`+evil+`","emailVerified":true}`) + pick(g, "\n", "\r\n") + "y"
}

// member returns a member of a JSON object.
func member(name string, value any) string {
	var text bytes.Buffer

	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)

	if err := encoder.Encode(value); err != nil {
		panic(err)
	}

	return fmt.Sprintf("%q:%s", name, bytes.TrimSpace(text.Bytes()))
}

// style is how the objects of a file are written.
type style struct {
	firebase bool
	pretty   bool
}

func (g *generator) object(s style, email, name string, more ...string) string {
	members := []string{member("email", email), member("name", name), member("passwordHash", bcrypted)}
	if s.firebase {
		members = []string{member("localId", "x"), member("emailVerified", true), member("email", email), member("displayName", name)}
	}

	members = append(members, more...)
	g.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })

	text := "{" + strings.Join(members, pick(g, ",", ", ", "\t,")) + "}"

	if s.pretty {
		var out bytes.Buffer
		if json.Indent(&out, []byte(text), "", pick(g, "\t", "  ", "")) == nil {
			return out.String()
		}
	}

	return text
}

// json returns one unit of a file of JSON: an object, or what stands in the place of one. Each is a value of JSON.
func (g *generator) json(s style) string {
	if g.IntN(4) > 0 {
		if s.firebase && g.IntN(3) == 0 {
			return g.object(s, g.address("ok"), g.name(), `"providerUserInfo":[`+g.object(s, g.address("evil"), "Mallory")+`]`)
		}

		return g.object(s, g.address("ok"), g.name())
	}

	bad := func(name string, more ...string) string { return g.object(s, g.address("bad"), name, more...) }

	return pick(g,
		func() string { return bad(g.evilName()) },
		func() string { return bad("x\x00y") },
		func() string { return bad("X", member("email", g.address("evil"))) }, // there twice
		func() string { return strings.Replace(bad("Latin"), "Latin", "Lat\xefn", 1) },
		func() string { return bad(strings.Repeat("x", 65)) },
		func() string { return bad(strings.Repeat("y", 66_000)) },
		func() string { return g.object(s, "no address", "X") },
		func() string { return strings.Replace(bad("X"), `"X"`, "["+g.object(s, g.address("evil"), "M")+"]", 1) },
		func() string { return "[" + g.object(s, g.address("evil"), "Mallory") + "]" },
		func() string {
			return pick(g, "null", "17", "true", `"text"`, "{}", "[]", "-1.5e3", `"{\"email\":\"x\"}"`)
		},
	)()
}

// line returns one unit of a file with an object per line. It may hold line ends: then each line is a unit.
func (g *generator) line(s style) string {
	if g.IntN(5) > 0 {
		return g.json(s)
	}

	one, two := g.object(s, g.address("bad"), "X"), g.object(s, g.address("evil"), "Mallory")

	return pick(g, one[:g.IntN(len(one)-1)+1], one[1:], one+two, one+" , "+two, "["+two+"]", "\ufeff"+one, g.address("evil")+",Mallory,active", "email,name,status",
		inUTF16(one), one+"\x00", "", "  \t", "\r", "\x1f\x8b\x08", "{", "}", "[", "]", `"`, one[:len(one)/2]+"\n"+one[len(one)/2:])
}

func inUTF16(text string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		out = append(out, byte(unit), byte(unit>>8))
	}

	return string(out)
}

// record returns one unit of a file of CSV, without a line end. Its quotation marks are in their places, or it has one line.
func (g *generator) record(crlf bool) string {
	if g.IntN(4) > 0 {
		return g.cells(crlf, g.address("ok"), g.name(), pick(g, "active", "", "disabled"))
	}

	bad := g.address("bad")

	return pick(g,
		func() string { return g.cells(crlf, bad, g.evilName(), "active") },
		func() string { return g.cells(crlf, bad, "x", g.evilName()) },
		func() string { return g.cells(crlf, g.evilName(), "x", "active") },
		func() string { return g.cells(crlf, bad, "x") },
		func() string { return g.cells(crlf, bad, "x", "active", g.evilName()) },
		func() string { return g.cells(crlf, bad, strings.Repeat("x", 66_000), "active") },
		func() string { return g.cells(crlf, bad, g.evilName()+strings.Repeat("x", 70_000), "active") },
		func() string { return bad + `,An"n,active` },
		func() string { return bad + `,"An "A" x",active` },
		func() string { return bad + `,"A""",active"` },
		func() string { return bad + ",Lat\xefn,active" },
		func() string { return bad + ",x\x00y,active" },
		func() string { return inUTF16(bad + ",x,active") },
		func() string { return `{"email":"` + g.address("evil") + `","name":"Mallory"}` },
		func() string {
			return pick(g, "email,name,status", "", "  ", "\t", "x", ",,", ",", "\ufeff"+bad+",x,y", "[", "\x1f\x8b")
		},
	)()
}

// cells writes a record as Go does, or with quotation marks around every value.
func (g *generator) cells(crlf bool, values ...string) string {
	var text bytes.Buffer

	if g.IntN(3) == 0 {
		for i, value := range values {
			if i > 0 {
				text.WriteByte(',')
			}

			text.WriteString(`"` + strings.ReplaceAll(value, `"`, `""`) + `"`)
		}

		return text.String()
	}

	writer := csv.NewWriter(&text)
	writer.UseCRLF = crlf

	if err := writer.Write(values); err != nil {
		panic(err)
	}

	writer.Flush()

	return strings.TrimRight(text.String(), "\r\n")
}
