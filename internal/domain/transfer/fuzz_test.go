package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/konec/toolkit-gateway/internal/domain/account"
)

// T-03: for any file, each line is reported once, no account breaks a rule, and an exported account is imported again
// unchanged.
func FuzzLines(f *testing.F) {
	f.Add("id,email,name,avatar\n,a@konec.test,\"A, B\",1\n")
	f.Add("email,name,lark\r\n=a@konec.test,'=1,\"{\"\"open_id\"\":\"\"ou\"\",\"\"name\"\":\"\"\"\"}\"")
	f.Add("email,name\na@konec.test,\"A\r\nb@konec.test,B\r\n\"\nc@konec.test,C\n")
	f.Add(`{"email":"a@konec.test","name":"A","createdAt":"2025-01-01T01:24:10.109Z","totpSecret":"GEZDGNBVGY3TQOJQ"}`)
	f.Add(`{"_id":{"$oid":"65a1b2c3d4e5f60718293a4b"},"username":"A","email":"a@konec.test","avatar":{"$numberInt":"7"},"createdAt":{"$date":{"$numberLong":"1"}}}`)
	f.Add(`{"_id":"65a1b2c3d4e5f60718293a4b","name":"A","email":"a@konec.test","status":true,"phone":"+8613800138000","lark":{"open_id":"ou"}}`)

	f.Add(`[{"email":"a@konec.test","name":"A"},
{"email":"b@konec.test","name":"B"}
]`)
	f.Add("{\n\t\"_id\": {\n\t\t\"$oid\": \"65a1b2c3d4e5f60718293a4b\"\n\t},\n\t\"username\": \"A\",\n\t\"email\": \"a@konec.test\"\n}\n{\n}\n")
	f.Add(`{"users": [
{"localId": "a", "email": "a@konec.test", "emailVerified": true, "displayName": "A", "createdAt": "1"},
{"localId": "b"}
]}`)
	f.Add(`{"realm":"x","roles":{"a":[1,"\"}"]},"users":[{"id":"i","username":"a","email":"a@konec.test","enabled":true,"credentials":[]}],"x":1}`)
	f.Add(`{"user_id":"auth0|65a1b2c3d4e5f60718293a4b","email":"a@konec.test","email_verified":false,"created_at":"2025-01-01T01:24:10.109Z"}`)

	now := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

	f.Fuzz(func(t *testing.T, text string) {
		from := bufio.NewReaderSize(strings.NewReader(text), lineBuffer)

		form, err := formOf(from, Options{Format: Auto, TrustUnverified: true})
		if err != nil {
			return
		}

		lines := readerOf(from, form)

		records := int64(0)

		for {
			b := lines.next(nil)
			form.parse(b, func(r *Record, one line) error { return r.settle(now, account.GroupNone, uint64(one.at)) })

			for _, one := range b.lines {
				if records++; one.record != records || one.number < 1 || one.number > one.last || one.last > lines.number {
					t.Errorf("record %d is %+v of %d lines", records, one, lines.number)
				}
			}

			for i := range b.lines {
				if b.flaws[i] == (flaw{}) {
					checkKept(t, now, b.records[i])
				}
			}

			if errors.Is(b.err, io.EOF) {
				break
			}
		}

		if lines.position != int64(len(text)) {
			t.Errorf("read %d of %d bytes", lines.position, len(text))
		}
	})
}

func readerOf(from *bufio.Reader, form form) *lineReader {
	lines := &lineReader{from: from, layout: form.layout}
	if lines.resume(0); lines.layout == inTable {
		lines.skipFirst()
	}

	return lines
}

func checkKept(t *testing.T, now time.Time, r Record) {
	if email, err := account.ParseEmail(r.Email); err != nil || email != r.Email || !isID(r.ID) || strings.ContainsRune(r.Picture, 0) {
		t.Errorf("kept %+v", r)
	}

	for _, format := range []Format{JSON, CSV} {
		var out bytes.Buffer

		write, err := writerOf(&out, format)
		if err == nil {
			err = write(&r)
		}

		if err != nil {
			t.Fatal(err)
		}

		first := out.String()

		form, err := formOf(bufio.NewReaderSize(&out, lineBuffer), Options{Format: format})
		if err != nil {
			t.Fatal(err)
		}

		line := first
		if format == CSV {
			_, line, _ = strings.Cut(first, "\n")
		}

		again, err := form.read([]byte(strings.TrimSuffix(line, "\n")))
		if err == nil {
			err = again.settle(now, account.GroupNone, 0)
		}

		out.Reset()

		if write, _ := writerOf(&out, format); err != nil || write(&again) != nil || out.String() != first {
			t.Errorf("%v: %s became %s", err, first, out.String())
		}
	}
}
