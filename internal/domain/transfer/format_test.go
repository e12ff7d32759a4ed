package transfer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/konec/toolkit-gateway/internal/domain/factor"
	"github.com/konec/toolkit-gateway/internal/domain/transfer"
)

// everything returns an export of all accounts.
var everything = transfer.Extract{Format: transfer.JSON, TOTPSecrets: true}

// The data that mongoexport writes of the previous gateway are kept, in the relaxed and in the canonical form.
func TestGateway(t *testing.T) {
	t.Parallel()

	const want = `{"id":"65a1b2c3d4e5f60718293a4b","email":"some.body@konec.test","name":"张 Wei","memberGroup":"Tester","status":"active",` +
		`"passwordHash":"` + bcrypted + `","avatar":7,"createdAt":"2025-01-01T01:24:10.109Z","updatedAt":"2025-02-02T16:39:48.441Z","version":3,"signIns":0}` + "\n"

	for name, line := range map[string]string{
		"Relaxed": `{"_id":{"$oid":"65A1B2C3D4E5F60718293A4B"},"username":" 张 Wei","email":" Some.Body@KONEC.test","password":"` + bcrypted + `",` +
			`"memberGroup":"Tester","avatar":7,"createdAt":{"$date":"2025-01-01T01:24:10.109Z"},"updatedAt":{"$date":"2025-02-02T17:39:48.441+01:00"},"__v":3}`,
		"Canonical": `{"_id":{"$oid":"65a1b2c3d4e5f60718293a4b"},"username":"张 Wei","email":"some.body@konec.test","password":"` + bcrypted + `",` +
			`"memberGroup":"Tester","avatar":{"$numberInt":"7"},"createdAt":{"$date":{"$numberLong":"1735694650109"}},` +
			`"updatedAt":{"$date":{"$numberLong":"1738514388441"}},"__v":{"$numberLong":"3"}}`,
		"Older": `{"_id":"65a1b2c3d4e5f60718293a4b","username":"张 Wei","email":"some.body@konec.test","password":"` + bcrypted + `",` +
			`"memberGroup":"Tester","avatar":{"$numberDouble":"7.0"},"createdAt":"2025-01-01T01:24:10.109Z","updatedAt":{"$date":1738514388441},"__v":3.0,` +
			`"loginHistory":[{"deep":{"er":[1,2,{"$date":{"$numberLong":"1"}}]}}],"resetToken":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			e := setup(t)
			e.imports(t, line).succeeds(t, 1, 0)

			if got := e.exports(t, everything); got != want {
				t.Errorf("got  %swant %s", got, want)
			}
		})
	}

	t.Run("WhatIsMissing", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.imports(t, `{"_id":{"$oid":"65a1b2c3d4e5f60718293a4b"},"username":"A","email":"a@konec.test","memberGroup":null}`).succeeds(t, 1, 0)

		if got := e.exports(t, everything); !strings.Contains(got, `"memberGroup":"None","status":"active","avatar":0,"createdAt":"20`) {
			t.Errorf("got %s", got)
		}
	})
}

const (
	argon  = "$argon2id$v=19$m=65536,t=4,p=1$c2FsdHNhbHRzYWx0c2FsdA$a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2V5a2U"
	secret = "GEZDGNBVGY3TQOJQ" // 80 bits, as in the public service
)

func publicLine(more string) string {
	return `{"_id":{"$oid":"65a1b2c3d4e5f60718293a4c"},"email":"p@konec.test","password":"` + argon + `","create_time":{"$date":"2024-03-04T05:06:07Z"},` +
		`"update_time":{"$date":"2024-03-05T05:06:07.5Z"}` + more + `}`
}

// The same of the public service: phone, authenticator, Lark, status and the number of sign-ins too.
func TestPublic(t *testing.T) {
	t.Parallel()

	e := setup(t)

	e.imports(t, publicLine(`,"name":"Pú","avatar":"https://x.test/a.png","phone":"+8613800138000","totp":"gezdgnbvgy3tqojq====","lark":{"open_id":"ou_1",`+
		`"name":"Pu\u0000","en_name":"P","access_token":"secret","refresh_token":"secret","avatar_url":"http://plain.test/x"},"sessions":{"$numberInt":"12"},`+
		`"history":{"timestamp":{"$date":"2024-03-05T05:06:07Z"},"metadata":{"client_ip":"1.2.3.4"}},"status":false`)).
		succeeds(t, 1, 0, "line 1: totp: a secret of 80 bits")

	const want = `{"id":"65a1b2c3d4e5f60718293a4c","email":"p@konec.test","name":"Pú","memberGroup":"None","status":"disabled","passwordHash":"` + argon +
		`","phone":"+8613800138000","avatar":0,"picture":"https://x.test/a.png","createdAt":"2024-03-04T05:06:07.000Z","updatedAt":"2024-03-05T05:06:07.500Z",` +
		`"version":0,"signIns":12,"totpSecret":"` + secret + `","lark":{"open_id":"ou_1","name":"Pu","en_name":"P"}}` + "\n"

	if got := e.exports(t, everything); got != want {
		t.Errorf("got  %swant %s", got, want)
	}

	// Stored as a secret that was bound here: sealed for its row only.
	sealed := value[[]byte](t, e, "SELECT secret FROM totp")
	id := value[string](t, e, "SELECT id FROM totp")

	opened, err := factor.OpenSecret(e.keys, sealed, "65a1b2c3d4e5f60718293a4c", id)
	if err != nil || opened.Text() != secret {
		t.Errorf("opened %v, %v", opened, err)
	}

	if _, err := factor.OpenSecret(e.keys, sealed, "65a1b2c3d4e5f60718293a4b", id); err == nil {
		t.Error("it opens in another's row")
	}

	if profile := value[string](t, e, "SELECT profile::text FROM identity"); strings.Contains(profile, "secret") {
		t.Errorf("keeps a token: %s", profile)
	}

	t.Run("WhatIsEmpty", func(t *testing.T) {
		t.Parallel()

		e := setup(t)
		e.imports(t, publicLine(`,"name":"","avatar":"","phone":"","totp":"","lark":null,"sessions":0,"history":null,"status":true`)).succeeds(t, 1, 0)

		if got := e.exports(t, everything); !strings.Contains(got, `"name":"p","memberGroup":"None","status":"active"`) || strings.Contains(got, "lark") {
			t.Errorf("got %s", got)
		}
	})
}

// account import reads what account export writes: nothing is lost, in either form.
func TestRoundTrip(t *testing.T) {
	t.Parallel()

	e := setup(t)
	e.imports(t, gatewayLines(1, 1200)).succeeds(t, 1199, 0)
	e.imports(t, publicLine(`,"name":"'quoted', \"twice\"","avatar":"=1+1/a,b.png","phone":"+8613800138000","totp":"`+secret+`","lark":{"open_id":"ou_1","name":"a,b"},"status":true`)).
		succeeds(t, 1, 0, "80 bits")

	// To the microsecond, the precision of sign-ins.
	if _, err := e.pool.Exec(t.Context(), "UPDATE account SET last_sign_in_at = '2025-06-07 08:09:10.123456Z', seen_at = '2025-06-07 08:09:10.5Z' WHERE id < repeat('0', 22) || '0a'"); err != nil {
		t.Fatal(err)
	}

	if _, err := e.pool.Exec(t.Context(), "UPDATE account SET status = 'deleted', deleted_at = '2025-06-07 08:09:10Z' WHERE email = 'person7@konec.test'"); err != nil {
		t.Fatal(err)
	}

	// SEC-S4: no account loses a second factor by a move, and nothing that a reset has suspended opens the account again.
	for _, statement := range []string{
		"UPDATE account SET second_factor_since = '2025-06-07 08:09:10Z', phone_suspended_at = '2025-06-08 08:09:10Z' WHERE phone IS NOT NULL",
		"UPDATE totp SET suspended_at = '2025-06-09 08:09:10Z'",
		"UPDATE identity SET suspended_at = '2025-06-10 08:09:10Z'",
	} {
		if _, err := e.pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}

	for _, format := range []transfer.Format{transfer.JSON, transfer.CSV} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()

			extract := transfer.Extract{Format: format, TOTPSecrets: true}
			first := e.exports(t, extract)

			other := setup(t) // with another master key
			other.imports(t, first).succeeds(t, 1200, 0, "80 bits")

			if second := other.exports(t, extract); second != first {
				t.Errorf("%d bytes became %d", len(first), len(second))
			}

			for _, at := range []string{"2025-06-07T08:09:10.000Z", "2025-06-08T08:09:10.000Z", "2025-06-09T08:09:10.000Z", "2025-06-10T08:09:10.000Z"} {
				if !strings.Contains(first, at) {
					t.Errorf("%s is not in what was exported", at)
				}
			}

			other.imports(t, first).succeeds(t, 0, 1200)

			// Without the option no secret is exported.
			if plain := e.exports(t, transfer.Extract{Format: format}); strings.Contains(plain, secret) {
				t.Error("tells the secret of an authenticator")
			}
		})
	}
}

// IN-K23: dates of all versions of mongoexport. IN-K26: a spreadsheet needs the mark to read the text as UTF-8.
func TestDatesOfOldExports(t *testing.T) {
	t.Parallel()

	e := setup(t)

	for i, date := range []string{
		"2014-09-29T14:24:17.123-0400", "2014-09-29T18:24:17.123+0000", "2014-09-30T02:24:17.123+0800", "2014-09-29T18:24:17.123Z", "2014-09-29T20:24:17.123+02:00",
	} {
		e.imports(t, strings.NewReplacer("p@konec.test", fmt.Sprintf("p%d@konec.test", i), "65a1b2c3d4e5f60718293a4c", fmt.Sprintf("65a1b2c3d4e5f60718293a%02d", i),
			"2024-03-04T05:06:07Z", date).Replace(publicLine(`,"name":"P","status":true`))).succeeds(t, 1, 0)
	}

	for _, format := range []transfer.Format{transfer.JSON, transfer.CSV} {
		text := e.exports(t, transfer.Extract{Format: format})
		if n := strings.Count(text, "2014-09-29T18:24:17.123Z"); n != 5 {
			t.Errorf("%s: %d of 5 dates in %s", format, n, text)
		}

		if strings.HasPrefix(text, "\ufeff") != (format == transfer.CSV) {
			t.Errorf("%s begins with %q", format, text[:10])
		}
	}
}

// A cell is text to a spreadsheet, whatever a user's name is.
func TestCSVIsNoFormula(t *testing.T) {
	t.Parallel()

	e := setup(t)

	for i, name := range []string{"=1+1", "+49", "-x", "@x", "'x", "'=x", "''", "plain"} {
		e.imports(t, object("email", string(rune('a'+i))+"@konec.test", "name", name)).succeeds(t, 1, 0)
	}

	text := e.exports(t, transfer.Extract{Format: transfer.CSV})
	for _, want := range []string{",'=1+1,", ",'+49,", ",'-x,", ",'@x,", ",''x,", ",''=x,", ",''',", ",plain,"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}

	other := setup(t)
	other.imports(t, text).succeeds(t, 8, 0)

	if again := other.exports(t, transfer.Extract{Format: transfer.CSV}); again != text {
		t.Errorf("%s became %s", text, again)
	}
}

// A missing id is generated, and the address alone decides whether the account exists.
func TestOwnForms(t *testing.T) {
	t.Parallel()

	e := setup(t)
	e.imports(t, "\ufeffemail,name,avatar\r\n\r\nA@Konec.test,\"A, B\",5\r\n'=b@konec.test,\"say \"\"hi\"\"\",\n").succeeds(t, 2, 0)

	if name := value[string](t, e, "SELECT name FROM account WHERE email = '=b@konec.test'"); name != `say "hi"` {
		t.Errorf("name %q", name)
	}

	e.imports(t, object("email", "a@konec.test", "name", "Other")).succeeds(t, 0, 1)

	if name := value[string](t, e, "SELECT name FROM account WHERE email = 'a@konec.test'"); name != "A, B" {
		t.Errorf("what was there became %q", name)
	}
}
