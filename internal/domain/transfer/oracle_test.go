package transfer_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/konec/toolkit-gateway/internal/domain/transfer"
)

// seen is a record that Go's own reader finds in a file.
type seen struct {
	email, name string
	first, last int64 // its lines
	record      int64 // its number, in a file of JSON that is not read by lines
}

// sample is a generated file, and how Go reads it.
type sample struct {
	kind    string
	text    string
	records func(text string) (found []seen, whole bool) // whole: without an error
	byLine  bool                                         // a record is identified by its lines
}

// units joins n units.
func units(n int, unit func() string, separator func() string) string {
	var text strings.Builder

	for i := range n {
		if i > 0 {
			text.WriteString(separator())
		}

		text.WriteString(unit())
	}

	return text.String()
}

// sample makes a file of about n units.
func (g *generator) sample(n int) sample {
	end := pick(g, "\n", "\r\n")
	mark := pick(g, "", "", "\ufeff")
	newline := func() string { return end }
	s := style{firebase: g.IntN(3) == 0}

	switch g.IntN(5) {
	case 0:
		text := mark + "email,name,status" + end + units(n, func() string { return g.record(end == "\r\n") }, newline) + g.csvEnd(end)

		return sample{"CSV", text, csvRecords, true}
	case 1:
		first := g.object(s, g.address("ok"), "First") // shows the format

		return sample{"lines", mark + first + end + units(n, func() string { return g.line(s) }, newline) + pick(g, "", end), lineRecords(s), true}
	case 2:
		s.pretty = true

		text := mark + g.object(s, g.address("ok"), "First") + end + units(n, func() string {
			for {
				if text := g.json(s); text[0] == '{' {
					return text
				}
			}
		}, newline)

		return sample{"stream", text + g.streamEnd(s), streamRecords(s), false}
	case 3:
		s.pretty = g.IntN(2) == 0
		separator := pick(g, ",", ", ", ","+end, end+","+end)
		text := mark + pick(g, "[", "[ ", "["+end) + g.object(s, g.address("ok"), "First") + separator + units(n, func() string { return g.json(s) }, func() string { return separator })

		return sample{"array", text + g.listEnd(s, pick(g, "]", " ]"+end)), listRecords(s), false}
	default:
		s = style{firebase: true, pretty: g.IntN(2) == 0}
		text := mark + `{"users": [` + end + g.object(s, g.address("ok"), "First") + "," + units(n, func() string { return g.json(s) }, func() string { return "," + end })

		return sample{"users", text + g.listEnd(s, `],"a":{"users":[`+g.object(s, g.address("evil"), "Mallory")+`]}}`), listRecords(s), false}
	}
}

// csvEnd returns the end of a file of CSV: as it should be, cut off, or with a mark that is misplaced before line ends.
func (g *generator) csvEnd(end string) string {
	bad, evil := g.address("bad"), g.address("evil")

	return pick(g, "", end, end+bad, end+bad+`,"Ann`+end+evil+",Mallory,active"+end,
		end+bad+`,"An "A"`+end[:len(end)-1]+" x\n"+evil+",Mallory,active\n"+`",active`+end+evil+",Mallory,active",
		end+bad+`,"An "A,active`+end+g.address("bad")+`,"`+end+evil+`,Mallory,active`+end+`",active`+end)
}

// listEnd returns the end of a list of JSON: as it should be, cut off, or broken, with more behind it.
func (g *generator) listEnd(s style, end string) string {
	bad, evil := g.object(s, g.address("bad"), "X"), g.object(s, g.address("evil"), "Mallory")

	return pick(g, end, end, end, "", ",", ","+bad[:g.IntN(len(bad)-1)+1], " "+evil+end, ",,"+evil+end, end+evil, end+"\n["+evil+"]", "}"+evil+end,
		",{\"name\":\"x\n"+evil+"\n\"}"+end, `,{"a":b},`+evil+end, `,{"a":1,},`+evil+end, `,{"name":"`+bad[1:]+","+evil+end, `,nul,`+evil+end)
}

func (g *generator) streamEnd(s style) string {
	bad, evil := g.object(s, g.address("bad"), "X"), g.object(s, g.address("evil"), "Mallory")

	return pick(g, "", "\n", "\n"+bad[:g.IntN(len(bad)-1)+1], "\n["+evil+"]", ","+evil, "\nemail,name\n"+evil, "\n{\"a\":b}\n"+evil, "\n{\"a\":\"\n"+evil+"\n\"}", "\n}"+evil,
		"\n\x00"+evil, "\n\ufeff"+evil)
}

// lineAt returns a function from an offset to the number of its line.
func lineAt(text string) func(offset int64) int64 {
	var ends []int

	for i := range len(text) {
		if text[i] == '\n' {
			ends = append(ends, i)
		}
	}

	return func(offset int64) int64 { return int64(sort.SearchInts(ends, int(offset))) + 1 }
}

func csvRecords(text string) (found []seen, whole bool) {
	plain := strings.TrimPrefix(text, "\ufeff")
	reader, at := csv.NewReader(strings.NewReader(plain)), lineAt(plain)
	reader.FieldsPerRecord = -1

	for whole = true; ; {
		values, err := reader.Read()

		switch {
		case errors.Is(err, io.EOF):
			return found, whole
		case err != nil:
			whole = false
		case len(values) == 3:
			first, _ := reader.FieldPos(0)
			found = append(found, seen{values[0], values[1], int64(first), at(reader.InputOffset() - 1), 0})
		}
	}
}

type named struct{ Email, Name, DisplayName string }

func (n named) seen(s style) seen {
	if s.firebase {
		return seen{email: n.Email, name: n.DisplayName}
	}

	return seen{email: n.Email, name: n.Name}
}

func lineRecords(s style) func(text string) ([]seen, bool) {
	return func(text string) (found []seen, whole bool) {
		number := int64(0)

		for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
			number++

			var n named
			if json.Unmarshal([]byte(line), &n) == nil {
				one := n.seen(s)
				one.first, one.last = number, number
				found = append(found, one)
			}
		}

		return found, true
	}
}

// next decodes one value.
func next(dec *json.Decoder, s style, number int64) (seen, error) {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return seen{}, err
	}

	var n named

	_ = json.Unmarshal(raw, &n) // what is not an object has no name

	one := n.seen(s)
	one.record = number

	return one, nil
}

func streamRecords(s style) func(text string) ([]seen, bool) {
	return func(text string) (found []seen, whole bool) {
		dec := json.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))

		for {
			one, err := next(dec, s, int64(len(found)+1))
			if err != nil {
				return found, errors.Is(err, io.EOF)
			}

			found = append(found, one)
		}
	}
}

func listRecords(s style) func(text string) ([]seen, bool) {
	return func(text string) (found []seen, whole bool) {
		dec := json.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))

		for token, err := dec.Token(); token != json.Delim('['); token, err = dec.Token() {
			if err != nil {
				return nil, false
			}
		}

		for dec.More() {
			one, err := next(dec, s, int64(len(found)+1))
			if err != nil {
				return found, false
			}

			found = append(found, one)
		}

		for {
			if _, err := dec.Token(); err != nil {
				return found, errors.Is(err, io.EOF) && json.Valid([]byte(strings.TrimPrefix(text, "\ufeff")))
			}
		}
	}
}

// tally is what generated files came to.
type tally struct{ files, lines, records, imported, refused int64 }

// agree imports a sample, and compares what came in and what was refused with what Go's own reader finds.
func (e *env) agree(t *testing.T, s sample, sum *tally) {
	t.Helper()

	report := filepath.Join(t.TempDir(), "report")

	o := e.imports(t, s.text, func(o *transfer.Options) { o.Report = report })
	if o.err != nil || o.Position != int64(len(s.text)) {
		t.Fatalf("%s: %v, read %d of %d", s.kind, o.err, o.Position, len(s.text))
	}

	if text := read(t, report); int64(strings.Count(text, "\n")) != int64(len(o.remarks)) || o.Refused != int64(len(o.remarks)) || strings.Contains(text, "$2b$") {
		t.Fatalf("%s: %d refused, %d remarks, report %s", s.kind, o.Refused, len(o.remarks), text)
	}

	found, whole := s.records(s.text)
	in := e.taken(t)
	byEmail := map[string]seen{}

	for _, one := range found {
		byEmail[one.email] = one
	}

	if int64(len(in)) != o.Imported {
		t.Errorf("%s: imported %d, there are %d", s.kind, o.Imported, len(in))
	}

	// Nothing is in that was not a record.
	for email, name := range in {
		if one, there := byEmail[email]; !there || one.name != name || !strings.HasPrefix(email, "ok") {
			t.Errorf("%s: %s %q is in; Go finds %+v", s.kind, email, name, one)
		}
	}

	// No record that is right is refused, unless it stands behind a break.
	for _, one := range found {
		if _, there := in[one.email]; !there && strings.HasPrefix(one.email, "ok") && !slices.ContainsFunc(o.remarks, func(r transfer.Remark) bool { return s.takesRest(r, one) }) {
			t.Errorf("%s: %+v is not in: %v", s.kind, one, o.remarks)
		}
	}

	// Nothing is refused without its line.
	if s.byLine {
		s.coversLines(t, in, byEmail, o)
	} else {
		s.coversRecords(t, in, found, whole, o)
	}

	sum.files++
	sum.lines += o.Line
	sum.records += o.Imported + o.Refused
	sum.imported += o.Imported
	sum.refused += o.Refused
}

// taken returns the names of all accounts by their addresses, and deletes them.
func (e *env) taken(t *testing.T) map[string]string {
	t.Helper()

	rows, err := e.pool.Query(t.Context(), "DELETE FROM account RETURNING email, name")
	if err != nil {
		t.Fatal(err)
	}

	var email, name string

	in := map[string]string{}

	if _, err := pgx.ForEachRow(rows, []any{&email, &name}, func() error {
		in[email] = name

		return nil
	}); err != nil {
		t.Fatal(err)
	}

	return in
}

// takesRest reports whether the remark refuses the rest of a file, and the record with it.
func (s sample) takesRest(r transfer.Remark, one seen) bool {
	rest := strings.Contains(r.Reason, "not read") || strings.Contains(r.Reason, "from here on") || strings.Contains(r.Reason, "never closed")

	return rest && (s.byLine && one.first >= r.Line || !s.byLine && one.record >= r.Record)
}

// coversLines expects that each line which is not empty belongs to one record: imported, or refused.
func (s sample) coversLines(t *testing.T, in map[string]string, byEmail map[string]seen, o outcome) {
	t.Helper()

	lines := bytes.Split([]byte(strings.TrimPrefix(s.text, "\ufeff")), []byte("\n"))
	covered := make([]int, len(lines)+1)

	cover := func(first, last int64) {
		for i := first; i <= max(first, last) && i < int64(len(covered)); i++ {
			covered[i]++
		}
	}

	if s.kind == "CSV" {
		cover(1, 1)
	}

	for email := range in {
		cover(byEmail[email].first, byEmail[email].last)
	}

	for _, remark := range o.remarks {
		cover(remark.Line, remark.LastLine)
	}

	for i, line := range lines {
		if n := covered[i+1]; n > 1 || n == 0 && len(bytes.TrimSpace(line)) > 0 {
			t.Errorf("%s: line %d, %.100q, belongs to %d records", s.kind, i+1, line, n)
		}
	}
}

// coversRecords expects that each record is imported or refused with its number.
func (s sample) coversRecords(t *testing.T, in map[string]string, found []seen, whole bool, o outcome) {
	t.Helper()

	refused := map[int64]transfer.Remark{}

	for _, remark := range o.remarks {
		if _, twice := refused[remark.Record]; twice || remark.Line < 1 || remark.Line > o.Line {
			t.Errorf("%s: %v", s.kind, remark)
		}

		refused[remark.Record] = remark
	}

	for _, one := range found {
		_, imported := in[one.email]
		if _, there := refused[one.record]; imported == there {
			t.Errorf("%s: %+v: imported %t, refused %t", s.kind, one, imported, there)
		}
	}

	if extra := o.Imported + o.Refused - int64(len(found)); whole != (extra == 0) || extra > 1 {
		t.Errorf("%s: %d imported, %d refused; Go finds %d, to the end %t: %v", s.kind, o.Imported, o.Refused, len(found), whole, o.remarks)
	}
}

// Of generated files what Go's own readers find is in or refused, with its line, and nothing else is in.
func TestGeneratedFiles(t *testing.T) {
	t.Parallel()

	e, sum := setup(t), &tally{}
	g := &generator{Rand: rand.New(rand.NewPCG(14, 2))}

	for range 150 {
		e.agree(t, g.sample(1+g.IntN(60)), sum)
	}

	t.Logf("%+v", *sum)
}
