package transfer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/transfer"
	"github.com/konec/toolkit-gateway/internal/platform/origin"
)

// pretty returns a line as mongoexport --pretty writes it.
func pretty(t *testing.T, line string) string {
	t.Helper()

	var out bytes.Buffer
	if err := json.Indent(&out, []byte(line), "", "\t"); err != nil {
		t.Fatal(err)
	}

	return out.String()
}

func linesIn(text string) int64 {
	return int64(strings.Count(strings.TrimSuffix(text, "\n"), "\n")) + 1
}

// All that mongoexport writes brings the same accounts: an object per line, --jsonArray, --pretty, and both.
func TestLayouts(t *testing.T) {
	t.Parallel()

	one, two, three := gatewayLine(1), strings.Replace(gatewayLine(2), "Person 2", `] , { \"}\\`, 1), gatewayLine(3)
	e := setup(t)
	e.imports(t, one+"\n"+two+"\n"+three).succeeds(t, 3, 0)
	want := e.exports(t, everything)

	for name, file := range map[string]string{
		"JSONArray":       "[" + one + "," + two + "," + three + "]\n",
		"JSONArrayOld":    "[\n" + one + ",\n" + two + ",\n" + three + "\n]",
		"JSONArraySpaced": " [ " + one + " , " + two + "\n,\n" + three + "\n \n]\n\n",
		"Pretty":          pretty(t, one) + "\n" + pretty(t, two) + "\n" + pretty(t, three) + "\n",
		"PrettyArray":     "[" + pretty(t, one) + ",\n" + pretty(t, two) + ",\n" + pretty(t, three) + "]\n",
		"PrettySpaces":    strings.ReplaceAll(pretty(t, one)+"\n\n"+pretty(t, two)+pretty(t, three), "\t", "  "),
	} {
		for end, change := range map[string]*strings.Replacer{
			"": strings.NewReplacer(), "CRLF": strings.NewReplacer("\n", "\r\n"), "Mark": strings.NewReplacer(file, "\ufeff"+file),
		} {
			t.Run(name+end, func(t *testing.T) {
				t.Parallel()

				e := setup(t)
				text := change.Replace(file)

				for _, dry := range []bool{true, false} {
					o := e.imports(t, text, func(o *transfer.Options) { o.DryRun = dry })
					if o.succeeds(t, 3, 0); o.Line != linesIn(text) || o.Position != int64(len(text)) || o.Format != transfer.Gateway {
						t.Errorf("%d lines, %d bytes of %d, %s", o.Line, o.Position, len(text), o.Format)
					}
				}

				if got := e.exports(t, everything); got != want {
					t.Errorf("got  %swant %s", got, want)
				}

				e.importsFrom(t, transfer.Input{Name: "standard input", From: once{strings.NewReader(text)}}).succeeds(t, 0, 3)
			})
		}
	}

	t.Run("CarriageReturns", func(t *testing.T) {
		t.Parallel()

		setup(t).imports(t, one+"\r"+two+"\r"+three+"\r").succeeds(t, 3, 0)
	})
}

// A file that was cut off, or that something else continues, is not read beyond: with its lines, and no record is made up.
func TestBrokenLayouts(t *testing.T) {
	t.Parallel()

	one, two, evil := gatewayLine(1), gatewayLine(2), gatewayLine(666)
	many := func(n int) string { return strings.Repeat("\n", n) }

	for text, want := range map[string][]string{
		// Cut off.
		"[" + one + "," + two:                                  {"line 1, record 3: the file ends before its list of accounts does: it was cut off, and records may be missing (nothing"},
		"[" + one + ",\n" + two + "\n":                         {"line 2, record 3: the file ends before"},
		"[" + one + ",\n" + two + ",\n\n":                      {"line 3, record 3: the file ends before"},
		"[" + one + "," + two + "," + evil[:99]:                {"line 1, record 3: the file ends within this record: it was cut off"},
		"[\n" + one + ",\n" + two + ",\n{":                     {"line 4, record 3: the file ends within"},
		"[\n" + one + ",\n" + two + `,{"a":"b\"`:               {"line 3, record 3: the file ends within"},
		"{\n" + one[1:] + "\n" + two + "\n{\n\"a\":[\n":        {"line 4, record 3: the file ends within this record: it was cut off (lines 4 to 5 are not read)"},
		`{"users":[` + one + "," + two + "]":                   {"line 1, record 3: the file ends before"},
		`{"realm":"x","users":[` + one + "," + two + `],"a":[`: {"line 1, record 3: the file ends before"},
		// Broken within.
		"[" + one + "," + two + ",\n{\"a\":b},\n" + evil + "]":                   {"line 2, record 3: not JSON, on line 2 (lines 2 to 3 are not read)"},
		"[" + one + "," + two + ",\n{\"a\":\n1,}," + evil + "]":                  {"line 2, record 3: not JSON, on line 3 (lines 2 to 3 are not read)"},
		"[" + one + "," + two + " " + evil + "]":                                 {"line 1, record 3: neither a comma nor the end of the list follows the record before (nothing from here"},
		"[" + one + "," + two + ",," + evil + "]":                                {"line 1, record 3: a comma without a record behind it"},
		"[" + one + "," + two + ",\n]":                                           {"line 2, record 3: a comma without a record"},
		"[" + one + "," + two + "]" + evil:                                       {"line 1, record 3: something follows the end of the list of accounts"},
		"[" + one + "," + two + "]\n[" + evil + "]":                              {"line 2, record 3: something follows the end"},
		"[" + one + "," + two + ",\n{\"a\":\"b\n\"," + evil + "]":                {"line 2, record 3: a line end or another control character within quotation marks"},
		"[" + one + "," + two + ",{\"a\":\"\n" + evil + "\n\"}]":                 {"line 1, record 3: a line end or another control character within quotation marks (lines 1 to 3 are not read)"},
		"{\n" + one[1:] + "\n" + two + "\nemail,name\n" + evil + many(3):         {"line 4, record 3: not an object of JSON (lines 4 to 7 are not read)"},
		"[" + one + "," + two + "}," + evil + "]":                                {"line 1, record 3: neither a comma"},
		`{"realm":"x","users":[` + one + "," + two + `],"users":[` + evil + "]}": {"line 1, record 3: users is there twice"},
		`{"realm":"x" "users":[` + evil + "]}":                                   {"neither a comma nor the end of the object"},
		`{"realm":"x","users":{"a":[` + evil + "]}}":                             {"users is not a list"},
		`{"realm":"x",users:[` + evil + "]}":                                     {"not the name of a member"},
		`{"realm":"x","users"[` + evil + "]}":                                    {"no value follows the name"},
		// Each on its own.
		"[" + one + ",1,\"a\",null,[" + evil + "],true,{}," + two + "]": {
			"record 2: of the wrong type", "record 3: of the wrong type", "record 4: _id: missing", "record 5: of the wrong type", "record 6: of the wrong type", "record 7: _id: missing",
		},
		"[" + one + ",{\"email\":\"\xff\"},{\"a\":\"" + strings.Repeat("x", 70_000) + "\"},\n{\"_id\":1,\"_id\":1}," + two + "]": {
			"line 1, record 2: not UTF-8", "line 1, record 3: longer than 65,536 bytes", "line 2, record 4: _id: ",
		},
	} {
		t.Run("", func(t *testing.T) {
			t.Parallel()

			e := setup(t)

			imported := int64(2)
			if !strings.Contains(text, "person2@") {
				imported = 0
			}

			o := e.imports(t, text, func(o *transfer.Options) { o.Format = transfer.Gateway })
			if o.succeeds(t, imported, 0, want...); o.Position != int64(len(text)) || o.Line != linesIn(text) {
				t.Errorf("%.300s: %d bytes, %d lines", text, o.Position, o.Line)
			}

			if n := value[int64](t, e, "SELECT count(*) FROM account WHERE email = 'person666@konec.test'"); n != 0 {
				t.Errorf("%.300s: a record was made up", text)
			}
		})
	}
}

// An import of an array on one line resumes behind its last batch, and so does its report: by records, of which a line has many.
func TestResumeInArray(t *testing.T) {
	t.Parallel()

	const records = 11_000

	text := "[" + strings.ReplaceAll(strings.TrimSuffix(mixed(records), "\n"), "\n", ",") + "]"
	report := filepath.Join(t.TempDir(), "report")
	e := setup(t)

	ctx, stop := context.WithCancel(t.Context())

	_, err := e.Import(origin.With(ctx, commandLine), transfer.Input{Name: "a", From: strings.NewReader(text), Size: int64(len(text))}, transfer.Options{
		Format: transfer.Auto, Group: "None", Report: report,
		Progress: func(p transfer.Progress) {
			if p.Imported+p.Refused == 10_000 {
				stop()
			}
		},
	})
	if err == nil || e.accounts(t) != 9_900 {
		t.Fatalf("%d accounts, %v", e.accounts(t), err)
	}

	// What remains after a kill between the report and the commit.
	leftover := read(t, report) + `{"line":1,"record":10050,"reason":"x","imported":false}` + "\n" + `{"line":1,"record":10100,"rea`
	if err := os.WriteFile(report, []byte(leftover), 0o600); err != nil {
		t.Fatal(err)
	}

	o := e.imports(t, text, func(o *transfer.Options) { o.Report, o.Remark = report, nil })
	if o.err != nil || o.Imported != records-records/100 || o.Refused != records/100 || o.Present != 0 || o.Line != 1 {
		t.Errorf("%+v, %v", o.Progress, o.err)
	}

	var got, want []int64

	for line := range strings.Lines(read(t, report)) {
		var remark transfer.Remark
		if err := json.Unmarshal([]byte(line), &remark); err != nil || remark.Line != 1 {
			t.Fatalf("%s: %v", line, err)
		}

		got = append(got, remark.Record)
	}

	for i := int64(100); i <= records; i += 100 {
		want = append(want, i)
	}

	if !slices.Equal(got, want) {
		t.Errorf("the report is about %v", got)
	}

	if events := value[int64](t, e, "SELECT sum((detail->>'imported')::integer) FROM audit_event WHERE action = 'account.imported'"); events != o.Imported {
		t.Errorf("the audit log tells of %d", events)
	}
}

// UI-D2: accounts without an id get one of their creation, so that lists show them in the order of registration: by the
// millisecond, then by their order in the file. So do those without a date, which were all created now.
func TestOrderOfRegistration(t *testing.T) {
	t.Parallel()

	dates := []string{
		"2025-10-12T10:00:00.500Z", "2025-04-20T10:00:00.000Z", "2026-03-31T10:00:00.000Z", "2025-04-20T10:00:00.001Z", "2025-04-20T10:00:00.0009Z",
		"", "2025-04-20T10:00:00.000Z", "", "1970-01-01T00:00:00.000Z", "2025-04-20T10:00:00.000Z", "",
	}
	want := []int{8, 1, 4, 6, 9, 3, 0, 2, 5, 7, 10}

	var lines, cells []string

	for i, date := range dates {
		lines = append(lines, fmt.Sprintf(`{"email":"p%d@konec.test","name":"P%[1]d","createdAt":%q}`, i, date))
		cells = append(cells, fmt.Sprintf("p%d@konec.test,P%[1]d,%s", i, date))
	}

	for i := range 2_000 { // more than a batch is not needed: the position counts, not the batch
		want = append(want, len(dates)+i)
		lines = append(lines, fmt.Sprintf(`{"email":"p%d@konec.test","name":"P"}`, len(dates)+i))
		cells = append(cells, fmt.Sprintf("p%d@konec.test,P,", len(dates)+i))
	}

	for name, text := range map[string]string{
		"Lines": strings.ReplaceAll(strings.Join(lines, "\n"), `,"createdAt":""`, ""), "Array": strings.ReplaceAll("["+strings.Join(lines, ",")+"]", `,"createdAt":""`, ""),
		"CSV": "email,name,createdAt\n" + strings.Join(cells, "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			e := setup(t)
			e.imports(t, text).succeeds(t, int64(len(lines)), 0)

			var got []int

			for line := range strings.Lines(e.exports(t, everything)) {
				var record struct{ Email string }
				if err := json.Unmarshal([]byte(line), &record); err != nil {
					t.Fatal(err)
				}

				i := 0
				if _, err := fmt.Sscanf(record.Email, "p%d@", &i); err != nil {
					t.Fatal(err)
				}

				got = append(got, i)
			}

			if !slices.Equal(got, want) {
				t.Errorf("got %v", got[:min(20, len(got))])
			}
		})
	}
}

// A file that is recognized and not read is refused with its name and with what to do.
func TestRecognizedFiles(t *testing.T) {
	t.Parallel()

	e := setup(t)
	firebaseCSV := "uid,a@konec.test,false,HASH==,SALT==,A," + strings.Repeat(",", 17) + "1600000000000,,,,,\n"

	for text, want := range map[string]string{
		firebaseCSV:            "Firebase's export as CSV, in which a name with quotation marks or line ends can pass for another account; export JSON: firebase auth:export users.json",
		"\ufeff" + firebaseCSV: "Firebase's export as CSV",
		"user_id,email,email_verified\nx,a@konec.test,true\n":                                "Auth0's export as CSV",
		"Id,Given Name,Email,Email Verified\nx,A,a@konec.test,true\n":                        "Auth0's export as CSV",
		"_id,email\nObjectId(65a1b2c3d4e5f60718293a4b),a@konec.test\n":                       "mongoexport as CSV",
		`{"user_id":"auth0|1","otp_secret":"GEZDGNBVGY3TQOJQ","tenant":"x"}`:                 "Auth0's export of MFA secrets",
		`{"_id":{"$oid":"65a1b2c3d4e5f60718293a4b"},"email":"a@x.test","mobile":"1"}`:        "mongoexport of another program's collection",
		`[ { "id" : "x", "realm" : "master", "users" : [ { "email" : "a@konec.test" } ] } ]`: "Keycloak's export of several realms; export one with",
		"{ \"_id\" : ObjectId(\"65a1b2c3d4e5f60718293a4b\"), \"email\" : \"a\" }":            "the mongo shell",
		"\x1f\x8b\x08\x00\x00":                    "gzip",
		"PK\x03\x04\x14\x00":                      "ZIP archive or a spreadsheet",
		"\x50\x00\x00\x00\x07_id\x00abcdefghijkl": "BSON, as mongodump writes it",
		"\xfe\xff\x00{":                           "UTF-16",
		"{\x00\"\x00e\x00":                        "perhaps UTF-16",
		"\x00{\x00\"":                             "perhaps UTF-16",
		"email,name\ra@konec.test,A\r":            "carriage return alone",
		bcrypted + ",a@konec.test\n":              "what is there is none of id, email",
		`{"users":1}`:                             "use --format",
		`[{"name":"x"}]`:                          "use --format",
	} {
		if o := e.imports(t, text); o.err == nil || !strings.Contains(o.err.Error(), want) || strings.Contains(o.err.Error(), "$2b$") {
			t.Errorf("%q: %v, want %s", text, o.err, want)
		}
	}

	if n := e.accounts(t); n != 0 {
		t.Errorf("%d accounts", n)
	}
}

// The report names the account of each record as far as it can be read, and never repeats a hash or another value.
func TestReportNamesAccounts(t *testing.T) {
	t.Parallel()

	e := setup(t)
	report := filepath.Join(t.TempDir(), "report")
	gateway := func(old, new string) string { return strings.Replace(gatewayLine(1), old, new, 1) }

	e.imports(t, strings.Join([]string{
		gateway(bcrypted, bcrypted[:40]), gateway(`"Member"`, `"`+bcrypted+`"`), gateway("person1@konec.test", bcrypted), gatewayLine(1)[:200], "email,name",
		gateway(`"person1@konec.test"`, `{"a":1}`), gateway(`"Person 1"`, `7`), gateway(`"Member"`, `"Unknown"`),
	}, "\n"), func(o *transfer.Options) { o.Format, o.Report = transfer.Gateway, report })

	want := `{"line":1,"account":"person1@konec.test","field":"password","reason":"not a hash
{"line":2,"account":"person1@konec.test","field":"memberGroup","reason":"there is no member group what is there; there are
{"line":3,"account":"000000000000000000000001","field":"email","reason":"not an
{"line":4,"account":"person1@konec.test","reason":"not an object
{"line":5,"reason":"not an object
{"line":6,"account":"000000000000000000000001","field":"email","reason":"of the wrong
{"line":7,"account":"person1@konec.test","field":"username","reason":"of the wrong
{"line":8,"account":"person1@konec.test","field":"memberGroup","reason":"there is no member group \"Unknown\"; there are`

	text := read(t, report)
	got := strings.Split(text, "\n")

	for i, one := range strings.Split(want, "\n") {
		if !strings.HasPrefix(got[i], one) {
			t.Errorf("got  %s\nwant %s", got[i], one)
		}
	}

	if strings.Contains(text, "$2b$") {
		t.Errorf("a hash is in %s", text)
	}

	table := filepath.Join(t.TempDir(), "table")
	e.imports(t, "email,name,passwordHash\na@konec.test,A,secret word\n"+bcrypted+",A,b@konec.test\nc@konec.test,"+strings.Repeat("x", 65)+",\n",
		func(o *transfer.Options) { o.Report, o.DryRun = table, true })

	if text := read(t, table); !strings.HasPrefix(text, `{"line":2,"account":"a@konec.test","field":"passwordHash",`) || strings.Contains(text, "secret word") ||
		!strings.Contains(text, `{"line":3,"field":"email",`) || !strings.Contains(text, `{"line":4,"account":"c@konec.test","field":"name",`) || strings.Contains(text, "$2b$") {
		t.Errorf("got %s", text)
	}
}
