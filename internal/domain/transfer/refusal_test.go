package transfer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/transfer"
)

// own returns a valid line of our own form, with one field added or changed.
func own(field string, v any) string {
	pairs := []any{"id", "65a1b2c3d4e5f60718293a4b", "email", "a@konec.test", "name", "A"}

	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == field {
			pairs[i+1] = v

			return object(pairs...)
		}
	}

	return object(append(pairs, field, v)...)
}

// T-28: no account is imported that could not be created here, and no line is dropped silently.
func TestRefusals(t *testing.T) {
	t.Parallel()

	deep := strings.Repeat("[", 20_000)
	gateway := func(old, new string) string { return strings.Replace(gatewayLine(1), old, new, 1) }
	public := func(more string) string { return publicLine(`,"name":"P"` + more) }

	e, all := setup(t), map[transfer.Format][]string{}

	for _, c := range []struct {
		format transfer.Format
		line   string
		want   string
	}{
		{transfer.JSON, own("id", "65a1b2c3d4e5f60718293a4"), "id: not 24 hex"},
		{transfer.JSON, own("id", "65a1b2c3d4e5f60718293a4g"), "id: not 24 hex"},
		{transfer.JSON, own("email", ""), "email: missing"},
		{transfer.JSON, own("email", "no address"), "email: not an e-mail address"},
		{transfer.JSON, own("email", "a@konec.test\r\nBcc: b@konec.test"), "email: not an e-mail address"},
		{transfer.JSON, own("name", ""), "name: missing"},
		{transfer.JSON, own("name", "a\u202eb"), "name: not one line"},
		{transfer.JSON, own("name", "a\x00b"), "name: not one line"},
		{transfer.JSON, own("name", strings.Repeat("x", 65)), "name: not one line"},
		{transfer.JSON, own("memberGroup", "Unknown"), `memberGroup: there is no member group "Unknown"; there are Admin, Member, None, Tester`},
		{transfer.JSON, own("status", "locked"), "status: none of"},
		{transfer.JSON, own("status", "deleted"), "deletedAt: missing"},
		{transfer.JSON, own("deletedAt", "2025-01-01T00:00:00Z"), "deletedAt: missing where the status is deleted, or there"},
		{transfer.JSON, own("passwordHash", "correct horse"), "passwordHash: not a hash"},
		{transfer.JSON, own("passwordHash", "$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5"), "passwordHash: costs more than a sign-in may: Argon2id to"},
		{transfer.JSON, own("passwordHash", strings.Replace(bcrypted, "$10$", "$13$", 1)), "passwordHash: costs more"}, // SEC-S10
		{transfer.JSON, own("passwordHash", strings.Replace(bcrypted, "$10$", "$32$", 1)), "passwordHash: not a hash"},
		{transfer.JSON, own("phone", "13800138000"), "phone: not of the form of E.164"},
		{transfer.JSON, own("phone", "+86 138 0013 8000"), "phone: not of the form of E.164"},
		{transfer.JSON, own("avatar", -1), "avatar: negative"},
		{transfer.JSON, own("avatar", 1<<31), "avatar: of the wrong type, or too large"},
		{transfer.JSON, own("avatar", "1"), "avatar: of the wrong type"},
		{transfer.JSON, own("version", -1), "version: negative"},
		{transfer.JSON, own("signIns", -1), "signIns: negative"},
		{transfer.JSON, own("picture", strings.Repeat("x", 2049)), "picture: not an object key"},
		{transfer.JSON, own("picture", "a\x00b"), "picture: not an object key"},
		{transfer.JSON, own("picture", "javascript:alert(1)"), "picture: not an object key"}, // SEC-S22
		{transfer.JSON, own("picture", "http://tracker.test/1.gif"), "picture: not an object key"},
		{transfer.JSON, own("createdAt", "yesterday"), "createdAt: not a time"},
		{transfer.JSON, own("createdAt", "0001-01-01T00:00:00Z"), "createdAt: not a time"},
		{transfer.JSON, own("updatedAt", "10000-01-01T00:00:00Z"), "updatedAt: not a time"},
		{transfer.JSON, own("totpSecret", "not base32!"), "totpSecret: not a secret"},
		{transfer.JSON, own("totpSecret", "GEZDGNBV"), "totpSecret: not a secret"},
		{transfer.JSON, own("lark", map[string]string{"name": "x"}), "lark: without an open_id"},
		{transfer.JSON, own("lark", map[string]string{"open_id": "ou 1"}), "lark: without an open_id"},
		{transfer.JSON, own("secondFactorSince", "2025-01-01T00:00:00Z"), "secondFactorSince: there without a phone, a totpSecret or lark"},
		{transfer.JSON, own("phoneSuspendedAt", "2025-01-01T00:00:00Z"), "phoneSuspendedAt: there without a phone"},
		{transfer.JSON, own("totpSuspendedAt", "2025-01-01T00:00:00Z"), "totpSuspendedAt: there without a totpSecret"},
		{transfer.JSON, own("larkSuspendedAt", "2025-01-01T00:00:00Z"), "larkSuspendedAt: there without lark"},
		{transfer.JSON, own("memberGruop", "Admin"), "memberGruop: no field of this form"},
		{transfer.JSON, own("Email", "b@konec.test"), "Email: no field of this form"},
		{transfer.JSON, own("lark", map[string]string{"open_id": "ou_1", "access_token": "t"}), "lark/access_token: no field"},
		{transfer.JSON, strings.Replace(own("x", 1), `"x":1`, `"email":"b@konec.test"`, 1), "email: there twice"},

		{transfer.Gateway, gateway(`{"$oid":"000000000000000000000001"}`, `{"$oid":"x"}`), "_id: not 24 hex"},
		{transfer.Gateway, gateway(`{"$oid":"000000000000000000000001"}`, `{"$uuid":"000000000000000000000001"}`), "_id: not an ObjectID"},
		{transfer.Gateway, gateway(`"_id":{"$oid":"000000000000000000000001"},`, ""), "_id: missing"},
		{transfer.Gateway, gateway(`"username":"Person 1"`, `"username":""`), "username: missing"},
		{transfer.Gateway, gateway(bcrypted, "plain"), "password: not a hash"},
		{transfer.Gateway, gateway(`"__v":3`, `"__v":{"$numberLong":"9999999999"}`), "__v: not a whole number, or too large"},
		{transfer.Gateway, gateway(`"__v":3`, `"__v":3.5`), "__v: not a whole number"},
		{transfer.Gateway, gateway(`"avatar":1`, `"avatar":{"$numberInt":"x"}`), "avatar: not a whole number"},
		{transfer.Gateway, gateway(`{"$date":"2025-01-01T01:24:10.109Z"}`, `{"$date":{"$numberLong":"-1"}}`), "createdAt: not a time"},
		{transfer.Gateway, gateway(`{"$date":"2025-01-01T01:24:10.109Z"}`, `{"$date":"x","$date2":1}`), "createdAt: of the wrong type"},
		{transfer.Gateway, gateway(`{"$date":"2025-01-01T01:24:10.109Z"}`, `{}`), "createdAt: of the wrong type"},
		{transfer.Gateway, gateway(`{"$date":"2025-01-01T01:24:10.109Z"}`, `{"$date":{"$date":{"$date":"x"}}}`), "createdAt: of the wrong type"},

		{transfer.Public, public(``), "status: missing"},
		{transfer.Public, public(`,"status":1`), "status: of the wrong type"},
		{transfer.Public, public(`,"status":true,"totp":"!"`), "totp: not a secret"},
		{transfer.Public, public(`,"status":true,"avatar":7`), "avatar: of the wrong type"},
		{transfer.Public, public(`,"status":true,"sessions":-1`), "sessions: negative"},
		{transfer.Public, public(`,"status":true,"phone":"86138"`), "phone: not of the form"},

		{transfer.Gateway, `{"a":` + deep, "not an object of JSON"},
		{transfer.Gateway, `{"a":` + deep + strings.Repeat("]", 20_000) + `}`, "not an object of JSON"},
		{transfer.Gateway, gatewayLine(1)[:200], "not an object of JSON on one line, from byte"},
		{transfer.Gateway, gatewayLine(1) + gatewayLine(2), "not an object of JSON"},
		{transfer.Gateway, `"text"`, "of the wrong type"},
		{transfer.Gateway, "null", "_id: missing"},
		{transfer.Gateway, "email,name", "not an object of JSON"},
		{transfer.Gateway, gateway("Person 1", "Person \xff"), "not UTF-8"},
		{transfer.Gateway, gateway("Person 1", "Person \x00"), "with a NUL byte"},
		{transfer.Gateway, gateway("Person 1", "Person \\ud800"), "not an object of JSON"},
		{transfer.Gateway, gateway("Person 1", strings.Repeat("x", 1<<20)), "longer than 65,536 bytes"},
		{transfer.Gateway, strings.Replace(gatewayLine(1), `"avatar"`, `"email":"b@konec.test","avatar"`, 1), "email: there twice"},
	} {
		o := e.imports(t, c.line+"\n", func(o *transfer.Options) { o.Format = c.format })

		if o.err != nil || o.Line != 1 || o.Imported != 0 || o.Refused != 1 || len(o.remarks) != 1 || !strings.HasPrefix(o.remarks[0].String(), "line 1: "+c.want) {
			t.Errorf("%.200s: got %v, %v, want %s", c.line, o.remarks, o.err, c.want)
		}

		all[c.format] = append(all[c.format], c.line)
	}

	if n := e.accounts(t); n != 0 {
		t.Errorf("%d accounts", n)
	}

	// Each line is judged separately, wherever it is.
	good := map[transfer.Format]string{transfer.JSON: own("avatar", 1), transfer.Gateway: gatewayLine(99), transfer.Public: publicLine(`,"status":true`)}

	for format, lines := range all {
		o := setup(t).imports(t, strings.Join(lines, "\n")+"\n"+good[format], func(o *transfer.Options) { o.Format = format })
		if o.err != nil || o.Imported != 1 || o.Refused != int64(len(lines)) || o.Line != int64(len(lines))+1 {
			t.Errorf("%s: %+v, %v", format, o.Progress, o.err)
		}

		for i, remark := range o.remarks {
			if remark.Line != int64(i)+1 {
				t.Errorf("remark %d is about line %d", i+1, remark.Line)
			}
		}
	}
}

func TestCSVRefusals(t *testing.T) {
	t.Parallel()

	e := setup(t)
	o := e.imports(t, strings.Join([]string{
		"id,email,name,avatar,lark",
		`,a@konec.test,A,1,`,
		`,b@konec.test,B,1`,
		`,c@konec.test,C,1,,`,
		`,d@konec.test,"D"x",1,`,
		`,e@konec.test,E"x",1,`,
		`,f@konec.test,F,one,`,
		`,g@konec.test,G,,"{""open_id"":"`,
		`x,h@konec.test,H,,`,
		`,i@konec.test,I,,"{""open_id"":""ou_1"",""name"":""I""}"`,
		`,j@konec.test,"J,1,`,
		`,k@konec.test,K,1,`,
	}, "\n"))
	o.succeeds(t, 2, 0, "line 3: 4 values, where there are 5 columns", "line 4: 6 values", "line 5: not a line of CSV", "line 6: not a line of CSV",
		"line 7: avatar: not a whole number", "line 8: lark: not what", "line 9: id: not 24", "line 11: a quotation mark that is never closed")
}

// IN-K1: a line end within quotation marks is part of a value. A user who chose a name in the earlier system must not choose a
// record of the file: the record is accepted or refused as one, and nothing is read out of its inside.
func TestQuotedLineEndsAreNoRecords(t *testing.T) {
	t.Parallel()

	const inner = "evil@c.example,Mallory,Admin"

	for name, one := range map[string]struct {
		text     string
		imported int64
		line     int64
		remarks  []string
	}{
		"smuggled": {
			"email,name,memberGroup\r\n\"v@c.example\",\"Vic\r\n" + inner + "\r\ntim\",None\r\n", 0, 4,
			[]string{"line 2: name: not one line of 1 to 64 characters, none of them invisible (lines 2 to 4 are one record)"},
		},
		"innocent": {
			"email,name,memberGroup\n\"a@c.example\",\"Ann\nLee\",None\nb@c.example,Bob,None\n", 1, 4, []string{"line 2: name: not one line"},
		},
		"after doubled marks": {
			"email,name,memberGroup\n\"a@c.example\",\"\"\"A\"\"\n" + inner + "\n\"\"\",None\nb@c.example,Bob,None", 1, 5, []string{"line 2: name: not one line"},
		},
		"after a mark that is not doubled": {
			"email,name,memberGroup\n\"a@c.example\",\"An \"A\" \n" + inner + "\n\",None\nb@c.example,Bob,None\n", 0, 5,
			[]string{"line 2: not a record of CSV: a quotation mark in the wrong place, and line ends behind it (lines 2 to 5 are not read)"},
		},
		"behind a mark that is not doubled": {
			"email,name,memberGroup\na@c.example,\"An \"A,None\nb@c.example,\"\n" + inner + "\n\",None\nc@c.example,Carl,None\n", 0, 6,
			[]string{"line 2: not a record of CSV"},
		},
		"a mark that is not doubled, on its line": {
			"email,name,memberGroup\na@c.example,\"An \"A\" \",None\nb@c.example,Bob,None\n", 1, 3, []string{"line 2: not a line of CSV"},
		},
		"after a carriage return": {
			"email,name,memberGroup\n\"a@c.example\",\"A\"\r,\n" + inner + "\n\",None\nb@c.example,Bob,None\n", 0, 5, []string{"line 2: not a record of CSV"},
		},
		"never closed": {
			"email,name,memberGroup\n\"a@c.example\",\"Ann\n" + inner + "\nb@c.example,Bob,None\n", 0, 4,
			[]string{"line 2: a quotation mark that is never closed: the rest of the file is within it (lines 2 to 4 are one record)"},
		},
		"in the first column": {
			"name,email,memberGroup\n\"Ann\nMallory,evil@c.example,Admin\n\",a@c.example,None\n", 0, 4, []string{"line 2: name: not one line"},
		},
		"behind a byte order mark": {
			"\ufeffemail,name,memberGroup\n\"a@c.example\",\"Ann\n" + inner + "\n\",None\n", 0, 4, []string{"line 2: name: not one line"},
		},
		"longer than a buffer": {
			"email,name,memberGroup\n\"a@c.example\",\"" + strings.Repeat("x", 200_000) + "\n" + inner + "\n\",None\nb@c.example,Bob,None\n", 1, 5,
			[]string{"line 2: longer than 65,536 bytes (lines 2 to 4 are one record)"},
		},
		"with empty lines": {
			"email,name,memberGroup\n\n\"a@c.example\",\"Ann\n\n\n" + inner + "\n\",None\n\nb@c.example,Bob,None\n", 1, 9, []string{"line 3: name: not one line"},
		},
		"a mark within a value": {
			"email,name,memberGroup\na@c.example,An\"n,None\nb@c.example,Bob,None\n", 1, 3, []string{"line 2: not a line of CSV"},
		},
		"a mark at the end of a line": {
			"email,name,memberGroup\n\"a@c.example\",Ann,\"None\"\r\n\"b@c.example\",Bob,\"None\"", 2, 3, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			for _, dry := range []bool{true, false} {
				e := setup(t)
				o := e.imports(t, one.text, func(o *transfer.Options) { o.DryRun = dry })
				o.succeeds(t, one.imported, 0, one.remarks...)

				if o.Line != one.line {
					t.Errorf("%d lines, want %d", o.Line, one.line)
				}

				if evil := value[int64](t, e, "SELECT count(*) FROM account WHERE email = 'evil@c.example'"); evil != 0 {
					t.Error("the inner line was imported")
				}
			}
		})
	}
}

// A file that cannot be read at all is refused before anything is done.
func TestFilesOfNoForm(t *testing.T) {
	t.Parallel()

	e := setup(t)

	for text, want := range map[string]string{
		"":                               "it is empty",
		"\n \r\n":                        "it is empty",
		"[{\"_id\":1}]":                  "the first record does not show which; use --format",
		"[]":                             "it has no accounts",
		"\xff\xfee\x00":                  "UTF-16",
		"{\"_id\":1}":                    "use --format",
		"{\"a\":":                        "use --format",
		"hello":                          `"hello" is none of id, email, name, `,
		"email;name\na@konec.test;A":     "separated by commas",
		"email,email\n":                  "email is there twice",
		"email,\"name\na@konec.test,A\n": "not a line of CSV",
	} {
		if o := e.imports(t, text); o.err == nil || !errors.Is(o.err, transfer.ErrFormat) || !strings.Contains(o.err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, o.err, want)
		}
	}

	o := e.imports(t, gatewayLine(1), func(o *transfer.Options) { o.Group = "Unknown" })
	if o.err == nil || !strings.Contains(o.err.Error(), `no member group "Unknown"; there are Admin`) {
		t.Errorf("got %v", o.err)
	}

	if begun := value[int64](t, e, "SELECT count(*) FROM account_import"); begun != 0 || e.accounts(t) != 0 {
		t.Errorf("%d imports were begun", begun)
	}
}

// Empty lines, a byte order mark, line ends of Windows and a missing last one are not errors.
func TestHarmlessLines(t *testing.T) {
	t.Parallel()

	e := setup(t)
	o := e.imports(t, "\ufeff"+gatewayLine(1)+"\r\n\r\n   \n"+gatewayLine(2)+"\n\n"+gatewayLine(3))
	o.succeeds(t, 3, 0)

	if o.Line != 6 {
		t.Errorf("%d lines", o.Line)
	}
}

// A missing group is created if the option is set, and grants no right.
func TestCreateGroups(t *testing.T) {
	t.Parallel()

	e := setup(t)
	o := e.imports(t, object("email", "a@konec.test", "name", "A", "memberGroup", "Partner")+"\n"+
		object("email", "b@konec.test", "name", "B", "memberGroup", " x")+"\n"+
		object("email", "c@konec.test", "name", "C", "memberGroup", strings.Repeat("x", 33)), func(o *transfer.Options) { o.CreateGroups = true })
	o.succeeds(t, 1, 0, "line 2: memberGroup: not one line", "line 3: memberGroup: not one line")

	if rights := value[[]string](t, e, "SELECT rights FROM member_group WHERE name = 'Partner'"); len(rights) != 0 {
		t.Errorf("rights %v", rights)
	}

	if events := value[int64](t, e, "SELECT count(*) FROM audit_event WHERE action = 'group.created' AND subject = 'Partner'"); events != 1 {
		t.Errorf("%d events", events)
	}
}
